import type { Executor } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import { beginning, compareCursors, type Cursor, type EventLog, type LogEvent } from '../log.ts';
import { compilePattern, eventView, parseEventPattern, readEventPattern } from '../patterns/index.ts';

/** What a subscription wants, as far as a replay is concerned. */
export interface ReplaySource {
  readonly tenant_id: number;
  readonly workspace_id: number | null;
  readonly types: readonly string[];
  readonly pattern: unknown;
  readonly scope: readonly number[] | null;
}

export function readSource(db: Executor, subscriptionId: number): Promise<ReplaySource | undefined> {
  return db.row('select tenant_id, workspace_id, types, pattern, to_jsonb(scope) as scope from subscription where id = $1', [subscriptionId]);
}

/** Whether an event belongs to a replay: the subscription wants it, and it fulfils the replay's own pattern. */
export function fitsReplay(source: ReplaySource, pattern: string | null): (event: LogEvent) => boolean {
  const wanted = source.pattern === null ? undefined : compilePattern(readEventPattern(source.pattern));
  const narrower = pattern === null ? undefined : compilePattern(parseEventPattern(pattern));
  const scope = source.scope === null ? undefined : new Set(source.scope);
  return (event) => {
    if (scope !== undefined && !scope.has(event.workspaceId ?? 0)) return false;
    const view = eventView(event);
    return (wanted?.(view) ?? true) && (narrower?.(view) ?? true);
  };
}

export interface ReplayRange {
  readonly from: Date;
  readonly to: Date;
  /** The replay looks no further than this place. */
  readonly end: Cursor;
}

/** The next page of the range after `cursor`; `cursor` of the answer is undefined when the range is at its end. */
export async function readRange(events: Pick<EventLog, 'read'>, source: ReplaySource, range: ReplayRange, cursor: Cursor, limit: number): Promise<{ events: LogEvent[]; cursor: Cursor | undefined }> {
  const page = await events.read(cursor, limit, { tenantId: source.tenant_id, types: source.types, workspaceId: source.workspace_id ?? undefined, from: range.from, to: range.to });
  const inside = page.events.filter((event) => compareCursors(event, range.end) <= 0);
  const atEnd = !page.more || inside.length < page.events.length;
  return { events: inside, cursor: atEnd ? undefined : page.cursor };
}

/** Counts what a replay would deliver, going through the range once. */
export async function countRange(events: Pick<EventLog, 'read'>, source: ReplaySource, range: ReplayRange, pattern: string | null) {
  const fits = fitsReplay(source, pattern);
  const byType = new Map<string, number>();
  let count = 0;
  let first: Date | undefined;
  let last: Date | undefined;
  let cursor: Cursor | undefined = beginning;
  while (cursor !== undefined) {
    const page: Awaited<ReturnType<typeof readRange>> = await readRange(events, source, range, cursor, limits.eventReadBatch.value);
    for (const event of page.events) {
      if (!fits(event)) continue;
      count += 1;
      byType.set(event.type, (byType.get(event.type) ?? 0) + 1);
      first = first === undefined || event.occurredAt < first ? event.occurredAt : first;
      last = last === undefined || event.occurredAt > last ? event.occurredAt : last;
    }
    cursor = page.cursor;
  }
  return { count, byType: Object.fromEntries(byType), first, last };
}
