import { platformActor, type Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import { forEachTenant } from '../../kernel/tenants.ts';
import type { History, MadeDay, TaskScope, WatchedInstance } from '../scheduling/index.ts';
import type { Alerts, Found } from './alerts.ts';
import { closeAlert, knownOccurrences, openAlerts } from './alert-store.ts';
import { ruleTypeNames, ruleTypes } from './model.ts';
import { enabledRules, lockReader, tenantsWithReader, type RuleRow } from './rule-store.ts';
import type { Scopes } from './scope.ts';
import { isOverloaded, type Subjects } from './subjects.ts';

/** Rules that alert by the clock: what is not done by its time, runs too long, or was made of a day; and by the load of resource groups. */
export interface Clocked {
  round(): Promise<void>;
}

const clockTypes = ruleTypeNames.filter((type) => ruleTypes[type].by !== 'change');
const DAY_MS = 86_400_000;

export function createClocked(options: { database: Database; changes: Changes; clock: Clock; history: History; scopes: Scopes; subjects: Subjects; alerts: Alerts }): Clocked {
  const { database, changes, clock, history, scopes, subjects, alerts } = options;
  /** Due times and made days that this process has looked at; what was so then stays so. */
  let judged = new Set<string>();

  const about = (rule: RuleRow, instance: WatchedInstance, what: string, since: Date | null): Found => ({
    occurrence: `instance:${instance.id}${since === null ? '' : `@${since.getTime()}`}`,
    content: `Alert rule ${rule.name}: the instance ${instance.id} of the node ${instance.name} (${instance.task_id ?? 0}) ${what}.`,
    detail: { instances: [instance.id], nodes: instance.task_id === null ? [] : [instance.task_id], ...(since === null ? {} : { held: { status: instance.status, since: since.getTime() } }) },
  });

  /** What of the cycles of a day has not succeeded though its time has come. */
  async function unfinished(rule: RuleRow, scope: TaskScope, days: readonly MadeDay[], now: Date, looked: string[]): Promise<Found[]> {
    const times = rule.type === 'CycleUnfinished' ? (rule.settings.cycles ?? []) : [{ cycle: undefined, time: rule.settings.time ?? '' }];
    const found: Found[] = [];
    for (const { bizdate } of days) {
      for (const { cycle, time } of times) {
        const due = history.momentOf(bizdate, time);
        const key = `${rule.id} ${rule.since.getTime()} ${due.getTime()} ${cycle ?? ''}`;
        if (due > now || due < rule.since || now.getTime() - due.getTime() > limits.alertPastDays.value * DAY_MS || judged.has(key)) continue;
        const late = (await history.cycles(database, scope, bizdate)).filter((one) => one.status !== 'Success' && (cycle === undefined ? one.trigger_time <= due : one.period_number === cycle));
        found.push(...late.map((one) => about(rule, one, `has not succeeded by ${time}`, null)));
        looked.push(key);
      }
    }
    return found;
  }

  async function tooLong(rule: RuleRow, scope: TaskScope, now: Date): Promise<Found[]> {
    const seconds = rule.settings.timeoutSeconds ?? 0;
    const running = await history.runningSince(database, scope, new Date(now.getTime() - seconds * 1_000));
    return running.map((one) => about(rule, one, `has been running for more than ${seconds} seconds`, one.begin_running_at));
  }

  async function made(rule: RuleRow, scope: TaskScope, days: readonly MadeDay[], looked: string[]): Promise<Found[]> {
    const found: Found[] = [];
    for (const [place, day] of days.entries()) {
      const key = `${rule.id} ${rule.since.getTime()} ${day.day}`;
      if (day.madeAt < rule.since || judged.has(key)) continue;
      looked.push(key);
      const { total } = await history.counts(database, scope, day.bizdate);
      if (total === 0 && rule.type === 'InstanceTransferComplete') continue;
      const told = (what: string): Found => ({ occurrence: `day:${day.day}`, content: `Alert rule ${rule.name}: ${what}.`, detail: { instances: [], nodes: scope.taskIds?.slice(0, limits.alertTargets.value) ?? [] } });
      if (rule.type === 'InstanceTransferComplete') {
        found.push(told(`the ${total} instances of ${day.day} were made`));
        continue;
      }
      const before: number[] = [];
      for (const other of days.slice(place + 1, place + 1 + limits.alertUsualDays.value)) before.push((await history.counts(database, scope, other.bizdate)).total);
      const usual = before.filter((count) => count > 0).reduce((sum, count, _index, all) => sum + count / all.length, 0);
      if (usual === 0) continue;
      const change = ((total - usual) / usual) * 100;
      const { trend = 'abs', percentage = 100 } = rule.settings;
      const fluctuation = trend === 'abs' ? Math.abs(change) : trend === 'increase' ? change : -change;
      if (fluctuation >= percentage) found.push(told(`${total} instances were made of ${day.day}, usually ${Math.round(usual)}`));
    }
    return found;
  }

  async function judge(rule: RuleRow, scope: TaskScope, days: readonly MadeDay[], now: Date, looked: string[]): Promise<Found[]> {
    if (rule.type === 'Timeout') return tooLong(rule, scope, now);
    if (rule.type === 'UnFinished' || rule.type === 'CycleUnfinished') return unfinished(rule, scope, days, now, looked);
    return made(rule, scope, days, looked);
  }

  /** An overload is one alert from its beginning to its end. */
  async function load(rule: RuleRow, scope: TaskScope, now: Date): Promise<{ found: Found[]; over: number[] }> {
    const open = new Map((await openAlerts(database, 'REMIND_ALERT', rule.id)).map((alert) => [alert.detail.group ?? '', alert.id]));
    const loads = await subjects.loadsOf(database, await history.resourceGroups(database, scope));
    const found = loads
      .filter((one) => isOverloaded(rule.type, one) && !open.has(one.group))
      .map((one): Found => ({
        occurrence: `group:${one.group}@${now.getTime()}`,
        content: `Alert rule ${rule.name}: of the resource group ${one.group} ${one.percentage}% is in use and ${one.waiting} instances wait.`,
        detail: { instances: [], nodes: [], group: one.group },
      }));
    const overloaded = new Set(loads.filter((one) => isOverloaded(rule.type, one)).map((one) => one.group));
    return { found, over: [...open].flatMap(([group, id]) => (overloaded.has(group) ? [] : [id])) };
  }

  async function tenantRound(tenantId: number, now: Date): Promise<void> {
    const rules = await enabledRules(database, tenantId, clockTypes);
    if (rules.length === 0) return;
    const days = await history.madeDays(database, tenantId, limits.alertPastDays.value + limits.alertUsualDays.value + 2);
    const all: { rule: RuleRow; found: Found }[] = [];
    const over: number[] = [];
    const done: string[] = [];
    for (const rule of rules) {
      const looked: string[] = [];
      const scope = await scopes.scopeOf(database, rule);
      const loaded = ruleTypes[rule.type].by === 'load' ? await load(rule, scope, now) : undefined;
      const candidates = loaded?.found ?? (await judge(rule, scope, days, now, looked));
      const known = candidates.length === 0 ? new Set<string>() : await knownOccurrences(database, 'REMIND_ALERT', rule.id, candidates.map((one) => one.occurrence));
      const fresh = candidates.filter((one) => !known.has(one.occurrence));
      all.push(...fresh.slice(0, limits.alertBatch.value).map((found) => ({ rule, found })));
      // What a round leaves over is looked for again by the next one.
      if (fresh.length <= limits.alertBatch.value) done.push(...looked);
      over.push(...(loaded?.over ?? []));
    }
    if (all.length > 0 || over.length > 0) {
      await changes.change(platformActor('Alert', tenantId), async (change) => {
        await lockReader(change, tenantId);
        for (const id of over) await closeAlert(change, id, change.now);
        for (const { rule, found } of all) await alerts.raise(change, subjects.ofRule(rule), found);
      });
    }
    if (judged.size > 100_000) judged = new Set();
    for (const key of done) judged.add(key);
  }

  return {
    async round() {
      const now = clock.now();
      await forEachTenant(await tenantsWithReader(database), (tenantId) => tenantRound(tenantId, now));
    },
  };
}
