import { platformActor, type Change, type Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Service } from '../../kernel/module.ts';
import { periodic } from '../../kernel/periodic.ts';
import { forEachTenant } from '../../kernel/tenants.ts';
import { compareCursors, type Cursor, type EventLog, type LogEvent, type LogPage } from '../log.ts';
import { createMatcher, eventView, parseEventPattern } from '../patterns/index.ts';
import * as store from './store.ts';
import { nextWindow } from './zone.ts';

/**
 * Deadlines follow the log, one reader a tenant: what is expected is ticked off as it passes, and what is due when the log has gone beyond its time
 * is raised as the event `deadline-missed`. What a page of the log brings about, the events raised and the reader's new place are one change, whose
 * first step is to move the reader from the place where the page began; of several processes only one can, so each deadline is decided once.
 */

/** Pause after which the place in the log is kept of a tenant in which nothing happens. */
const KEEP_MS = 60_000;

/** What an event is to a deadline. */
interface Hit {
  readonly deadlineId: number;
  readonly role: 'expected' | 'trigger';
}

/** The text of the value at a path such as `data.nodeId`; null where there is none, as for all events without a path. */
export function correlationOf(event: LogEvent, path: string | null): string | null {
  if (path === null) return null;
  let value: unknown = eventView(event);
  for (const name of path.split('.')) value = typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  return value === undefined || value === null || typeof value === 'object' ? null : String(value).slice(0, 200);
}

function hitsOf(deadlines: readonly store.DeadlineRow[], events: readonly LogEvent[]): { event: LogEvent; hits: Hit[] }[] {
  const rules = deadlines.flatMap(({ id, pattern, trigger_pattern: trigger }) => [
    { id: { deadlineId: id, role: 'expected' } as Hit, pattern: parseEventPattern(pattern) },
    ...(trigger === null ? [] : [{ id: { deadlineId: id, role: 'trigger' } as Hit, pattern: parseEventPattern(trigger) }]),
  ]);
  const matcher = createMatcher(rules);
  return events.map((event) => ({ event, hits: matcher.match(eventView(event)) })).filter(({ hits }) => hits.length > 0);
}

function raiseMissed(change: Change, deadline: store.DeadlineRow, dueAt: Date, more: Record<string, unknown>): void {
  change.raise({
    code: 'deadline-missed',
    workspaceId: deadline.workspace_id ?? undefined,
    objectKey: `deadline:${deadline.id}`,
    data: {
      deadlineId: deadline.id,
      deadlineName: deadline.name,
      kind: deadline.kind === 'daily' ? 'Daily' : 'After',
      ...(deadline.workspace_id === null ? {} : { projectId: deadline.workspace_id }),
      dueTime: dueAt.getTime(),
      ...more,
    },
  });
  change.touch(`deadline:${deadline.id}`);
}

/** Ends the windows of a daily deadline that are over at `horizon`, raises the missed ones and opens the next. */
async function closeWindows(change: Change, deadline: store.DeadlineRow, horizon: Date): Promise<store.DeadlineRow> {
  let current = deadline;
  const windowAfter = (moment: Date) => nextWindow(moment, deadline.due_time ?? '', deadline.window_start ?? '00:00', deadline.time_zone);
  while (current.due_at !== null && current.window_from !== null && current.due_at <= horizon) {
    if (!current.satisfied) {
      const { businessDate } = windowAfter(new Date(current.due_at.getTime() - 1));
      raiseMissed(change, current, current.due_at, { windowStartTime: current.window_from.getTime(), businessDate });
      await store.noteMissed(change, current.id, current.due_at);
    }
    const next = windowAfter(current.due_at);
    current = { ...current, window_from: next.from, due_at: next.due, satisfied: false };
    await store.setWindow(change, current.id, next, false);
  }
  return current;
}

async function apply(change: Change, rows: Map<number, store.DeadlineRow>, event: LogEvent, hit: Hit): Promise<void> {
  const found = rows.get(hit.deadlineId);
  if (found === undefined || compareCursors(event, { position: found.since_position, id: found.since_row_id }) <= 0) return;
  if (found.workspace_id !== null && found.workspace_id !== event.workspaceId) return;
  if (found.kind === 'after') {
    const correlation = correlationOf(event, found.correlation);
    if (hit.role === 'expected') await store.satisfyWaits(change, found.id, correlation, event.occurredAt);
    else await store.insertWait(change, found.id, { eventId: event.eventId, correlation, triggeredAt: event.occurredAt, dueAt: new Date(event.occurredAt.getTime() + (found.within_minutes ?? 0) * 60_000) });
    return;
  }
  const deadline = await closeWindows(change, found, event.occurredAt);
  rows.set(deadline.id, deadline);
  if (deadline.satisfied || deadline.window_from === null || deadline.due_at === null || event.occurredAt < deadline.window_from || event.occurredAt >= deadline.due_at) return;
  rows.set(deadline.id, { ...deadline, satisfied: true });
  await store.setWindow(change, deadline.id, { from: deadline.window_from, due: deadline.due_at }, true);
}

export interface Deadlines extends Service {
  /** Follows the log to its present end and decides what is due. For tests; the service does it by itself. */
  round(): Promise<void>;
}

export function createDeadlines(options: { database: Database; changes: Changes; events: Pick<EventLog, 'read'>; clock: Clock; log: Log }): Deadlines {
  const { database, changes, events, clock, log } = options;
  /** When the place of a tenant was kept last. */
  const keptAt = new Map<number, number>();

  /** How far deadlines can be decided after this page: no event that counts for them is still to come, save one that took longer than the grace to commit. */
  function horizonOf(page: LogPage): Date | undefined {
    const present = page.more ? page.events.at(-1)?.occurredAt : page.waiting ? undefined : clock.now();
    return present === undefined ? undefined : new Date(present.getTime() - limits.deadlineGraceMs.value);
  }

  /** Moves the reader behind a page that means nothing to any deadline, also none that has come since; else it stays for the next look. */
  async function keepPlace(tenantId: number, from: Cursor, page: LogPage): Promise<void> {
    await database.transaction(async (tx) => {
      if (!(await store.lockReader(tx, tenantId, from))) return;
      if (page.events.length > 0 && hitsOf(await store.enabledDeadlines(tx, tenantId), page.events).length > 0) return;
      await store.moveReader(tx, tenantId, from, page.cursor);
    });
    keptAt.set(tenantId, clock.now().getTime());
  }

  /** One page for one tenant. True when there is more to read. */
  async function step(tenantId: number): Promise<boolean> {
    const from = await store.findReader(database, tenantId);
    if (from === undefined) return false;
    const page = await events.read(from, limits.eventReadBatch.value, { tenantId });
    const horizon = horizonOf(page);
    const found = page.events.length === 0 ? [] : hitsOf(await store.enabledDeadlines(database, tenantId), page.events);
    const due = horizon !== undefined && (await store.anyDue(database, tenantId, horizon));
    if (found.length === 0 && !due) {
      // Nothing happens; the place is only kept, now and then also where the tenant has no events, so that those of others are not looked through for ever.
      if (page.events.length > 0 || clock.now().getTime() >= (keptAt.get(tenantId) ?? 0) + KEEP_MS) await keepPlace(tenantId, from, page);
      return page.more;
    }
    await changes.change(platformActor('Deadline', tenantId), async (change) => {
      if (!(await store.moveReader(change, tenantId, from, page.cursor))) return;
      const rows = new Map((await store.lockEnabledDeadlines(change, tenantId)).map((row) => [row.id, row]));
      // Those of this moment, not of the look before: whoever makes or changes a deadline waits for the reader, or was before us.
      // By their time, since a change that began before a deadline may stand in the log behind one that began after it.
      const inTime = hitsOf([...rows.values()], page.events).toSorted((left, right) => left.event.occurredAt.getTime() - right.event.occurredAt.getTime());
      for (const { event, hits } of inTime) for (const hit of hits) await apply(change, rows, event, hit);
      if (horizon === undefined) return;
      for (const row of rows.values()) if (row.kind === 'daily') await closeWindows(change, row, horizon);
      for (const wait of await store.takeDueWaits(change, tenantId, horizon, limits.deadlineBatch.value)) {
        const row = rows.get(wait.deadline_id);
        if (row === undefined) continue;
        raiseMissed(change, row, wait.due_at, { windowStartTime: wait.triggered_at.getTime(), triggerEventId: wait.trigger_event_id, ...(wait.correlation === null ? {} : { correlation: wait.correlation }) });
        await store.noteMissed(change, row.id, wait.due_at);
      }
    });
    return page.more;
  }

  async function round(): Promise<void> {
    await forEachTenant(await store.tenantsWithDeadlines(database), async (tenantId) => {
      while (await step(tenantId));
    });
  }

  return { ...periodic({ name: 'deadlines', everyMs: limits.deadlinePollMs.value, clock, log, round }), round };
}
