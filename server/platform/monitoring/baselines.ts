import { platformActor, type Change, type Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import { isUniqueViolation, type Database, type Executor } from '../../kernel/database.ts';
import { ApiError, invalid, missing, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import { forEachTenant } from '../../kernel/tenants.ts';
import type { EventLog } from '../../openevent/index.ts';
import { checkText } from '../dialect.ts';
import type { History, WatchedInstance } from '../scheduling/index.ts';
import type { Addresses } from './addresses.ts';
import type { Alerts } from './alerts.ts';
import {
  countBaselines,
  deleteBaseline,
  enabledBaselines,
  insertBaseline,
  lockBaseline,
  putStatus,
  statusesOf,
  tenantsWithBaselines,
  updateBaseline,
  type BaselineDraft,
  type BaselineRow,
  type StatusRow,
} from './baseline-store.ts';
import { criticalPath, forecast, type ForecastInstance } from './forecast.ts';
import type { BaselineStatus, CycleTime } from './model.ts';
import { readDueTime, readTimeOfDay } from './rules.ts';
import { lockReader, openReader } from './rule-store.ts';
import type { Subjects } from './subjects.ts';
import type { Topics } from './topics.ts';

/** Baselines: nodes whose instances have to be done by a time, and how that stands for each business date and cycle. */
export interface BaselineWatch {
  /** Returns the id. Throws InvalidParameter, NotFound for nodes that are not there, AlreadyExists. */
  create(change: Change, workspaceId: number, draft: BaselineDraft): Promise<number>;
  /** `revise` is given the addresses in plain. */
  update(change: Change, workspaceId: number, id: number, revise: (baseline: BaselineRow) => BaselineDraft): Promise<void>;
  remove(change: Change, workspaceId: number, id: number): Promise<void>;
  /** Reckons anew how all baselines stand, alerts of changes, and looks for topics. */
  round(): Promise<void>;
}

const PRIORITIES = [1, 3, 5, 7, 8];
const MINUTE_MS = 60_000;
/** File type of zero loads. */
const ZERO_LOAD_TYPE = 99;
const idle: ReadonlySet<WatchedInstance['task_type']> = new Set(['SKIP', 'SKIP_UNCHOOSE', 'SKIP_CYCLE', 'CONDITION_UNCHOOSE']);

/** What a baseline watches of one business date and cycle. */
interface View {
  /** The instances of its nodes. */
  readonly ends: readonly WatchedInstance[];
  /** These and all that stands before them. */
  readonly instances: ReadonlyMap<number, WatchedInstance>;
  readonly usual: ReadonlyMap<number, number>;
}

/** How a cycle stands: by its end when it is done, by the forecast while it is not. */
export function judgeBaseline(at: { readonly finish: number | undefined; readonly endCast: number | undefined; readonly exp: number; readonly sla: number; readonly now: number }): BaselineStatus {
  const { finish, endCast, exp, sla, now } = at;
  if (finish !== undefined) return finish <= exp ? 'SAFE' : finish <= sla ? 'DANGEROUS' : 'OVER';
  if (endCast === undefined) return 'ERROR';
  if (now > sla) return 'OVER';
  return Math.max(endCast, now) > exp ? 'DANGEROUS' : 'SAFE';
}

/** Zero loads and dry runs take no time. */
function usualOf(instance: WatchedInstance, { usual }: View): number {
  if (instance.file_type === ZERO_LOAD_TYPE || idle.has(instance.task_type)) return 0;
  return (instance.task_id === null ? undefined : usual.get(instance.task_id)) ?? limits.baselineUsualMs.value;
}

function stateOf(instance: WatchedInstance): ForecastInstance['state'] {
  if (instance.status === 'Success') return 'ended';
  return instance.status === 'Running' || instance.status === 'Checking' ? 'running' : 'waiting';
}

export function createBaselines(options: {
  database: Database;
  changes: Changes;
  clock: Clock;
  history: History;
  events: Pick<EventLog, 'end'>;
  outbound: Pick<Outbound, 'checkTarget'>;
  addresses: Addresses;
  alerts: Alerts;
  subjects: Subjects;
  topics: Topics;
}): BaselineWatch {
  const { database, changes, clock, history, events, outbound, addresses, alerts, subjects, topics } = options;

  async function check(db: Executor, tenantId: number, workspaceId: number, draft: BaselineDraft, nodes: readonly number[]): Promise<void> {
    if (checkText('BaselineName', draft.name, 128).trim() === '') throw invalid('BaselineName', 'it must not be empty');
    if (!PRIORITIES.includes(draft.priority)) throw invalid('Priority', `it must be one of ${PRIORITIES.join(', ')}`);
    if (draft.margin_minutes < 0 || draft.margin_minutes > 2_880) throw invalid('AlertMarginThreshold', 'it must be between 0 and 2880 minutes');
    if (draft.overtime.length === 0) throw missing('OvertimeSettings');
    const most = draft.type === 'DAILY' ? 1 : 24;
    for (const { cycle, time } of draft.overtime) {
      if (cycle < 1 || cycle > most) throw invalid('OvertimeSettings.Cycle', draft.type === 'DAILY' ? 'a baseline of days has the cycle 1 only' : 'it must be between 1 and 24');
      readDueTime('OvertimeSettings.Time', time);
    }
    if (new Set(draft.overtime.map(({ cycle }) => cycle)).size < draft.overtime.length) throw invalid('OvertimeSettings', 'a cycle is named twice');
    if (draft.node_ids.length > limits.baselineNodes.value) throw new ApiError('TooMany', { kind: 'BaselineNode', label: 'nodes of one baseline', limit: limits.baselineNodes.value });
    if (draft.alert_settings.length > 10) throw invalid('AlertSettings', 'there may be at most 10');
    const written = JSON.stringify(draft.alert_settings);
    if (written.length > 20_000) throw invalid('AlertSettings', 'they may have at most 20000 characters');
    // What stands so in JSON is what PostgreSQL cannot hold.
    if (/\\u(?:0000|d[89a-f])/i.test(written)) throw invalid('AlertSettings', 'they contain a character that is not allowed');
    for (const setting of draft.alert_settings) {
      readTimeOfDay('SilenceStartTime', setting.SilenceStartTime);
      readTimeOfDay('SilenceEndTime', setting.SilenceEndTime);
      for (const url of [...(setting.Webhooks ?? []), ...(setting.DingRobots ?? []).flatMap(({ WebUrl }) => WebUrl ?? [])]) if (url !== '') outbound.checkTarget(checkText('AlertSettings', url, 2_000));
      checkText('AlertRecipient', setting.AlertRecipient ?? '', 2_000);
    }
    const found = new Map((await history.tasks(db, tenantId, nodes)).map((task) => [task.task_id, task.workspace_id]));
    for (const node of nodes) {
      if (!found.has(node)) throw notFound('Node', node);
      if (found.get(node) !== workspaceId) throw invalid('NodeIds', `the node ${node} is in another workspace`);
    }
  }

  const named = async <Result>(name: string, write: () => Promise<Result>): Promise<Result> => {
    try {
      return await write();
    } catch (error) {
      if (isUniqueViolation(error)) throw new ApiError('AlreadyExists', { kind: 'Baseline', label: 'baseline', id: name });
      throw error;
    }
  };

  const sealed = (change: Change, draft: BaselineDraft): BaselineDraft => ({ ...draft, alert_settings: addresses.sealSettings(change.actor.tenantId, draft.alert_settings) });

  async function locked(change: Change, workspaceId: number, id: number): Promise<BaselineRow> {
    const baseline = await lockBaseline(change, change.actor.tenantId, id);
    if (baseline === undefined || baseline.workspace_id !== workspaceId) throw notFound('Baseline', id);
    return baseline;
  }

  const scopeOf = (baseline: Pick<BaselineRow, 'workspace_id' | 'node_ids'>) => ({ workspaceId: baseline.workspace_id, taskIds: baseline.node_ids, except: [] });

  /** The business dates whose instances may still be under way: those that run yesterday, today and, once made, tomorrow. */
  async function openDays(db: Executor, tenantId: number): Promise<Date[]> {
    return (await history.madeDays(db, tenantId, limits.alertPastDays.value)).map(({ bizdate }) => bizdate);
  }

  /** What stands before the nodes of a baseline takes part in its importance, in its own workspace. */
  async function raise(change: Change, baseline: BaselineRow, bizdate: Date): Promise<void> {
    if (!baseline.enabled) return;
    const ends = await history.cycles(change, scopeOf(baseline), bizdate);
    if (ends.length > 0) await history.raisePriority(change, baseline.workspace_id, await history.upstreams(change, ends.map(({ id }) => id)), baseline.priority);
  }

  async function viewOf(baseline: BaselineRow, cycles: readonly WatchedInstance[], cycle: number): Promise<View> {
    const ends = baseline.type === 'DAILY' ? cycles : cycles.filter((instance) => instance.period_number === cycle);
    const rows = ends.length === 0 ? [] : await history.instances(database, baseline.tenant_id, await history.upstreams(database, ends.map(({ id }) => id)));
    const instances = new Map(rows.map((row) => [row.id, row]));
    // A cycle of other days may stand before it; what counts is that it has ended.
    const usual = await history.usualRunTimes(database, [...new Set(rows.flatMap(({ task_id: task }) => task ?? []))]);
    return { ends, instances, usual };
  }

  async function reckon(baseline: BaselineRow, bizdate: Date, { cycle, time }: CycleTime, view: View, now: Date): Promise<StatusRow> {
    const sla = history.momentOf(bizdate, time);
    const exp = new Date(sla.getTime() - baseline.margin_minutes * MINUTE_MS);
    const rows = [...view.instances.values()];
    const expected = forecast(
      rows.map((row) => ({
        id: row.id,
        triggerTime: row.trigger_time.getTime(),
        usualMs: usualOf(row, view),
        state: stateOf(row),
        begunAt: row.begin_running_at?.getTime(),
        endedAt: row.finished_at?.getTime(),
      })),
      await history.edges(database, rows.map(({ id }) => id)),
      now.getTime(),
    );
    const done = view.ends.length > 0 && view.ends.every((instance) => view.instances.get(instance.id)?.status === 'Success');
    const endOf = (instance: WatchedInstance) => expected.get(instance.id)?.end;
    const stuck = view.ends.length === 0 || view.ends.some((instance) => endOf(instance) === undefined) || view.ends.every((instance) => instance.task_type === 'PAUSE' || instance.frozen);
    const last = view.ends.toSorted((a, b) => (endOf(b) ?? 0) - (endOf(a) ?? 0) || a.id - b.id)[0];
    const endCast = stuck || last === undefined ? undefined : endOf(last);
    const finish = done ? endCast : undefined;
    const path = last === undefined ? [] : criticalPath(expected, last.id);
    // What is in the way: on the critical path the earliest that has not succeeded.
    const block = path.findLast(({ id }) => view.instances.get(id)?.status !== 'Success');
    return {
      baseline_id: baseline.id,
      bizdate,
      cycle,
      tenant_id: baseline.tenant_id,
      workspace_id: baseline.workspace_id,
      status: judgeBaseline({ finish, endCast, exp: exp.getTime(), sla: sla.getTime(), now: now.getTime() }),
      finish_status: done ? 'FINISH' : 'UNFINISH',
      end_cast: endCast === undefined ? null : new Date(endCast),
      finish_time: finish === undefined ? null : new Date(finish),
      exp_time: exp,
      sla_time: sla,
      buffer_seconds: Math.round((sla.getTime() - (endCast ?? sla.getTime())) / 1_000),
      last_instance_id: last?.id ?? null,
      block_instance_id: block?.id ?? null,
      path,
      raised_to: rows.reduce((last, { id }) => Math.max(last, id), 0),
    };
  }

  /** Keeps how a cycle stands, and alerts when it has come to stand in another way. */
  async function keep(change: Change, baseline: BaselineRow, row: StatusRow, before: StatusRow | undefined, view: View): Promise<void> {
    await putStatus(change, row, change.now);
    const changed = before === undefined ? row.status !== 'SAFE' : before.status !== row.status;
    const wanted = baseline.alert_enabled && !baseline.alert_settings.some((setting) => setting.AlertType === 'BASELINE' && setting.BaselineAlertEnabled === false);
    if (!changed || !wanted) return;
    const culprit = view.instances.get(row.block_instance_id ?? row.last_instance_id ?? 0);
    await alerts.raise(change, subjects.ofBaseline(baseline), {
      occurrence: `${row.bizdate.toISOString()}/${row.cycle}:${before?.status ?? ''}>${row.status}@${change.now.getTime()}`,
      content: `Baseline ${baseline.name}, cycle ${row.cycle}: ${row.status}. It has to be done by ${row.sla_time.toISOString()}${row.end_cast === null ? '' : `, and is expected at ${row.end_cast.toISOString()}`}.`,
      detail: {
        instances: culprit === undefined ? [] : [culprit.id],
        nodes: culprit?.task_id === undefined || culprit.task_id === null ? [] : [culprit.task_id],
        baseline: { bizdate: row.bizdate.getTime(), cycle: row.cycle, status: row.status },
      },
    });
  }

  /** One baseline and business date. A cycle that is done and known to be is left alone, unless something of it runs again. */
  async function reckonDay(baseline: BaselineRow, bizdate: Date, now: Date): Promise<void> {
    const cycles = await history.cycles(database, scopeOf(baseline), bizdate);
    if (cycles.length === 0 && baseline.node_ids.length > 0) return;
    const known = new Map((await statusesOf(database, baseline.id, bizdate)).map((row) => [row.cycle, row]));
    const reckoned: { row: StatusRow; view: View }[] = [];
    for (const one of baseline.overtime) {
      const before = known.get(one.cycle);
      const ends = baseline.type === 'DAILY' ? cycles : cycles.filter((instance) => instance.period_number === one.cycle);
      const sla = history.momentOf(bizdate, one.time).getTime();
      const asBefore = before?.sla_time.getTime() === sla && before.exp_time.getTime() === sla - baseline.margin_minutes * MINUTE_MS;
      if (before?.finish_status === 'FINISH' && asBefore && ends.every(({ status }) => status === 'Success')) continue;
      const view = await viewOf(baseline, cycles, one.cycle);
      reckoned.push({ row: await reckon(baseline, bizdate, one, view, now), view });
    }
    if (reckoned.length === 0) return;
    const usual = new Map(reckoned.flatMap(({ view }) => [...view.usual]));
    await changes.change(platformActor('Baseline', baseline.tenant_id), async (change) => {
      await lockReader(change, baseline.tenant_id);
      // It may have been changed or deleted since it was read.
      const present = await lockBaseline(change, baseline.tenant_id, baseline.id);
      if (present === undefined || !present.enabled) return;
      const before = new Map((await statusesOf(change, baseline.id, bizdate)).map((row) => [row.cycle, row]));
      for (const { row, view } of reckoned) {
        const fresh = [...view.instances.keys()].filter((id) => id > (before.get(row.cycle)?.raised_to ?? 0));
        if (fresh.length > 0) await history.raisePriority(change, present.workspace_id, fresh, present.priority);
        await keep(change, present, row, before.get(row.cycle), view);
        await topics.look(change, present, row, [...view.instances.values()], usual, now);
      }
    });
  }

  return {
    async create(change, workspaceId, draft) {
      const { tenantId, userId } = change.actor;
      await check(change, tenantId, workspaceId, draft, draft.node_ids);
      if ((await countBaselines(change, workspaceId)) >= limits.baselinesPerWorkspace.value) throw new ApiError('TooMany', { kind: 'Baseline', label: 'baselines of one workspace', limit: limits.baselinesPerWorkspace.value });
      await openReader(change, tenantId, await events.end(change));
      const id = await named(draft.name, () => insertBaseline(change, tenantId, workspaceId, sealed(change, draft), userId, change.now));
      for (const bizdate of await openDays(change, tenantId)) await raise(change, { ...draft, id, tenant_id: tenantId, workspace_id: workspaceId }, bizdate);
      change.touch(`baseline:${id}`);
      return id;
    },
    async update(change, workspaceId, id, revise) {
      const before = await locked(change, workspaceId, id);
      const draft = revise({ ...before, alert_settings: addresses.openSettings(before.tenant_id, before.alert_settings) });
      // What is gone must not stand in the way of other changes.
      await check(change, change.actor.tenantId, workspaceId, draft, draft.node_ids.filter((node) => !before.node_ids.includes(node)));
      await named(draft.name, () => updateBaseline(change, id, sealed(change, draft), change.actor.userId, change.now));
      for (const bizdate of await openDays(change, before.tenant_id)) await raise(change, { ...before, ...draft }, bizdate);
      change.touch(`baseline:${id}`);
    },
    async remove(change, workspaceId, id) {
      await locked(change, workspaceId, id);
      await deleteBaseline(change, id);
      change.touch(`baseline:${id}`);
    },
    async round() {
      const now = clock.now();
      await forEachTenant(await tenantsWithBaselines(database), async (tenantId) => {
        const days = await openDays(database, tenantId);
        for (const baseline of await enabledBaselines(database, tenantId)) for (const bizdate of days) await reckonDay(baseline, bizdate, now);
        await topics.follow(tenantId);
      });
    },
  };
}
