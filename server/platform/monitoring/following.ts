import { eventByCode } from '../../../contract/index.ts';
import { platformActor, type Changes } from '../../kernel/change.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import { forEachTenant } from '../../kernel/tenants.ts';
import type { Cursor, EventLog, LogEvent } from '../../openevent/index.ts';
import type { Execution } from '../execution/index.ts';
import { instanceStates, type History, type TaskScope, type WatchedInstance } from '../scheduling/index.ts';
import type { Alerts, Found } from './alerts.ts';
import { logKeywords, ruleTypeNames, ruleTypes, type RuleType } from './model.ts';
import { enabledRules, findReader, moveReader, tenantsWithReader, type RuleRow } from './rule-store.ts';
import { isInScope, type Scopes } from './scope.ts';
import type { Subjects } from './subjects.ts';

/**
 * Rules that alert of a change of an instance follow the event log, one reader a tenant. What a page of the log brings about, the alerts and the
 * reader's new place are one change, whose first step is to move the reader from where the page began; of several processes only one can.
 * Watched are the instances that the schedule makes in production; backfills, tests and ad-hoc runs have somebody who waits for them.
 */

const changeTypes = ruleTypeNames.filter((type) => ruleTypes[type].by === 'change');
const eventType = eventByCode.get('instance-status-changes')?.type ?? '';

/** An instance that came into a state, as the event told it and as it is now. */
interface Moved {
  readonly instance: WatchedInstance;
  readonly taskId: number;
  readonly status: 'Failure' | 'Success' | 'WaitResource';
  readonly at: Date;
  readonly occurredAt: Date;
}

const told = new Map<number, Moved['status']>([
  [instanceStates.Failure.code, 'Failure'],
  [instanceStates.Success.code, 'Success'],
  [instanceStates.WaitResource.code, 'WaitResource'],
]);

/** Task types of instances that did what they are for. */
const real = new Set(['NORMAL', 'PAUSE', 'REALTIME_DEPRECATED']);

/** Instances and failures of a rule's day, counted once for a page of the log. */
type Counted = Map<string, { readonly total: number; readonly failed: number }>;

export interface Following {
  /** Follows the log to its present end. */
  round(): Promise<void>;
}

export function createFollowing(options: { database: Database; changes: Changes; events: Pick<EventLog, 'read'>; history: History; execution: Pick<Execution, 'readLog' | 'attempts'>; scopes: Scopes; subjects: Subjects; alerts: Alerts }): Following {
  const { database, changes, events, history, execution, scopes, subjects, alerts } = options;
  /** Places reached without anything to write; kept for the next look of this process only. */
  const reached = new Map<number, { readonly stored: Cursor; readonly cursor: Cursor }>();

  async function movesOf(tenantId: number, page: readonly LogEvent[]): Promise<Moved[]> {
    const wanted = page.flatMap((event) => {
      const status = told.get(Number(event.data['status']));
      const finished = Number(event.data['finishTime'] ?? event.occurredAt.getTime());
      return status === undefined || event.data['dagType'] !== 0 ? [] : [{ id: Number(event.data['taskId']), status, at: new Date(finished), occurredAt: event.occurredAt }];
    });
    if (wanted.length === 0) return [];
    const found = new Map((await history.instances(database, tenantId, [...new Set(wanted.map(({ id }) => id))])).map((instance) => [instance.id, instance]));
    return wanted.flatMap(({ id, ...move }) => {
      const instance = found.get(id);
      return instance === undefined || instance.environment !== 'PROD' || instance.task_id === null || instance.dag_type !== 'Normal' ? [] : [{ ...move, instance, taskId: instance.task_id }];
    });
  }

  const about = (rule: RuleRow, { instance, taskId }: Moved, what: string): Pick<Found, 'content' | 'detail'> => ({
    content: `Alert rule ${rule.name}: the instance ${instance.id} of the node ${instance.name} (${taskId}) ${what}.`,
    detail: { instances: [instance.id], nodes: [taskId] },
  });

  function failure(rule: RuleRow, move: Moved, occurrence: string): Found {
    const { content, detail } = about(rule, move, 'has failed');
    return { occurrence, content, detail: { ...detail, held: { status: 'Failure', since: move.at.getTime() } } };
  }

  /** The failed attempt behind a move into the queue or into failure; undefined when there is none, as for the first attempt. Later ones may be there by now. */
  async function failedAttempt(rule: RuleRow, move: Moved): Promise<number | undefined> {
    const before = (await execution.attempts(database, move.instance.id)).findLast((attempt) => attempt.queuedAt < move.occurredAt);
    return before === undefined || before.succeeded || before.finishedAt === null || before.finishedAt < rule.since ? undefined : before.attempt;
  }

  /** How many of the scope have failed on the day of an instance. */
  async function tooMany(rule: RuleRow, scope: TaskScope, move: Moved, counted: Counted): Promise<Found | undefined> {
    const key = `${rule.id} ${move.instance.bizdate.getTime()}`;
    const { total, failed } = counted.get(key) ?? (await history.counts(database, scope, move.instance.bizdate));
    counted.set(key, { total, failed });
    const { count, percentage } = rule.settings;
    const reached = rule.type === 'InstanceErrorCount' ? count !== undefined && failed >= count : percentage !== undefined && total > 0 && failed * 100 >= percentage * total;
    if (!reached) return undefined;
    return { occurrence: `day:${move.instance.bizdate.toISOString()}`, content: `Alert rule ${rule.name}: ${failed} of the ${total} instances of the day have failed.`, detail: { instances: [move.instance.id], nodes: [move.taskId] } };
  }

  async function judge(rule: RuleRow, scope: TaskScope, move: Moved, counted: Counted): Promise<Found | undefined> {
    const occurrence = `instance:${move.instance.id}@${move.at.getTime()}`;
    const type: RuleType = rule.type;
    if (type === 'Error' && rule.settings.reruns === true) {
      if (move.status === 'Success') return undefined;
      const attempt = await failedAttempt(rule, move);
      if (attempt === undefined) return move.status === 'Failure' ? failure(rule, move, occurrence) : undefined;
      const word = `instance:${move.instance.id}#${attempt}`;
      return move.status === 'Failure' ? failure(rule, move, word) : { occurrence: word, ...about(rule, move, `has failed in its attempt ${attempt} and is run again`) };
    }
    if (move.status === 'WaitResource') return undefined;
    if (type === 'Finished') return move.status === 'Success' && real.has(move.instance.task_type) ? { occurrence, ...about(rule, move, 'has succeeded') } : undefined;
    if (type === 'InstanceKeyword') {
      const word = logKeywords.exec((await execution.readLog(database, move.instance.id)) ?? '')?.[0];
      return word === undefined ? undefined : { occurrence, ...about(rule, move, `has ${word} in its log`) };
    }
    if (move.status !== 'Failure') return undefined;
    if (type === 'Error' || type === 'ExhaustedError') return failure(rule, move, occurrence);
    return tooMany(rule, scope, move, counted);
  }

  /** One page for one tenant. True when there is more to read. */
  async function step(tenantId: number): Promise<boolean> {
    const stored = await findReader(database, tenantId);
    if (stored === undefined) return false;
    const kept = reached.get(tenantId);
    const from = kept !== undefined && kept.stored.position === stored.position && kept.stored.id === stored.id ? kept.cursor : stored;
    const page = await events.read(from, limits.alertFollowBatch.value, { tenantId, types: [eventType] });
    if (page.events.length === 0) {
      reached.set(tenantId, { stored, cursor: page.cursor });
      return false;
    }
    const moves = await movesOf(tenantId, page.events);
    const found: { rule: RuleRow; found: Found }[] = [];
    const counted: Counted = new Map();
    for (const rule of moves.length === 0 ? [] : await enabledRules(database, tenantId, changeTypes)) {
      const scope = await scopes.scopeOf(database, rule);
      for (const move of moves) {
        if (move.occurredAt < rule.since || !isInScope(scope, move.instance.workspace_id, move.taskId)) continue;
        const one = await judge(rule, scope, move, counted);
        if (one !== undefined) found.push({ rule, found: one });
      }
    }
    await changes.change(platformActor('Alert', tenantId), async (change) => {
      if (!(await moveReader(change, tenantId, stored, page.cursor))) return;
      for (const one of found) await alerts.raise(change, subjects.ofRule(one.rule), one.found);
    });
    return page.more;
  }

  return {
    async round() {
      await forEachTenant(await tenantsWithReader(database), async (tenantId) => {
        while (await step(tenantId));
      });
    },
  };
}
