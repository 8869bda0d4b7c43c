import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { ApiError } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { streamed, type StreamConnection } from '../../kernel/stream.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { beginning, type Cursor, type LogEvent } from '../log.ts';
import { selectionOf, type Selection, type SelectionRequest } from '../stream/selection.ts';
import type { Tail } from '../stream/tail.ts';
import type { OpenEventContext } from './context.ts';

type Actions = 'PullEvents' | 'StreamEvents';
type Place = { readonly Cursor?: string | undefined; readonly From?: 'Latest' | 'Earliest' | undefined };

/** Following the log without a port of one's own: by pulling, or by a stream of server-sent events. */
export function streamOperations(context: OpenEventContext & { readonly tail: Tail }): Pick<Handlers<Operations>, Actions> {
  const { clock, directory, events, tail, wrap } = context;
  /** Who waits, by tenant, so that one cannot take every place. */
  const following = new Map<number, number>();

  function startOf(request: Place, lastEventId?: string): Cursor | Promise<Cursor> {
    if (lastEventId !== undefined && lastEventId !== '') return decodeCursor(lastEventId, 'Last-Event-ID');
    if (request.Cursor !== undefined && request.Cursor !== '') return decodeCursor(request.Cursor);
    return request.From === 'Earliest' ? beginning : events.end();
  }

  /** Throws when there is no place for one more of the tenant. */
  function makeSure(tenantId: number): void {
    const all = [...following.values()].reduce((sum, count) => sum + count, 0);
    if (all >= limits.eventStreams.value || (following.get(tenantId) ?? 0) >= limits.eventStreamsPerTenant.value) throw new ApiError('Throttling.System', {}, 5_000);
  }

  /** Takes a place among those who wait. Throws when there is none. */
  function enter(tenantId: number): () => void {
    makeSure(tenantId);
    following.set(tenantId, (following.get(tenantId) ?? 0) + 1);
    return () => {
      const left = (following.get(tenantId) ?? 0) - 1;
      if (left > 0) following.set(tenantId, left);
      else following.delete(tenantId);
    };
  }

  async function envelopes(picked: readonly LogEvent[], request: SelectionRequest) {
    const at = clock.now();
    return Promise.all(picked.map(async (event) => ({ event, envelope: await wrap(event, at, { bus: request.EventBusName }) })));
  }

  /** Reads until something fits, the log is at its end, or enough was looked through. Takes of each page only what still has room, so that the cursor skips nothing. */
  async function readOn(selection: Selection, start: Cursor, most: number): Promise<{ found: LogEvent[]; cursor: Cursor; more: boolean }> {
    const found: LogEvent[] = [];
    let cursor = start;
    let more = true;
    for (let pages = 0; pages < limits.eventPullPages.value && more && found.length < most; pages += 1) {
      const page = await tail.read(cursor, most - found.length, selection.filter);
      found.push(...(await selection.pick(page.events)));
      cursor = page.cursor;
      more = page.more;
    }
    return { found, cursor, more };
  }

  async function answerPage(request: SelectionRequest, page: { found: LogEvent[]; cursor: Cursor; more: boolean }) {
    return {
      Events: (await envelopes(page.found, request)).map(({ event, envelope }) => ({
        Cursor: encodeCursor(event),
        EventId: event.eventId,
        Type: event.type,
        ObjectKey: event.objectKey,
        ProjectId: event.workspaceId,
        Envelope: { ...envelope },
      })),
      Cursor: encodeCursor(page.cursor),
      HasMore: page.more,
    };
  }

  async function pull(call: Call, request: Operations['PullEvents']['request']) {
    const selection = await selectionOf(call, directory, request);
    const most = request.MaxResults ?? 100;
    const until = clock.now().getTime() + (request.WaitSeconds ?? 0) * 1_000;
    let page = await readOn(selection, await startOf(request), most);
    if (page.found.length > 0 || page.more || clock.now().getTime() >= until) return answerPage(request, page);
    const leave = enter(call.tenantId);
    try {
      while (page.found.length === 0 && !page.more && clock.now().getTime() < until && call.closing?.aborted !== true) {
        await tail.beyond(page.cursor, until - clock.now().getTime(), call.closing);
        page = await readOn(selection, page.cursor, most);
      }
    } finally {
      leave();
    }
    return answerPage(request, page);
  }

  async function stream(call: Call, request: Operations['StreamEvents']['request'], first: Selection, start: Cursor, { write, closed }: StreamConnection): Promise<void> {
    const leave = enter(call.tenantId);
    try {
      const ends = clock.now().getTime() + limits.eventStreamSeconds.value * 1_000;
      let selection = first;
      let cursor = start;
      let told = clock.now().getTime();
      let looked = told;
      // Where it begins, so that a client that gets nothing resumes here all the same.
      await write(`retry: 1000\nid: ${encodeCursor(cursor)}\n\n`);
      while (!closed.aborted && clock.now().getTime() < ends) {
        // Rights and channels may be others by now, on a busy stream as on a silent one.
        if (clock.now().getTime() >= looked + limits.eventHeartbeatMs.value) {
          selection = await selectionOf(call, directory, request);
          looked = clock.now().getTime();
        }
        const page = await readOn(selection, cursor, limits.eventReadBatch.value);
        for (const { event, envelope } of await envelopes(page.found, request)) {
          if (closed.aborted) return;
          await write(`id: ${encodeCursor(event)}\ndata: ${JSON.stringify(envelope)}\n\n`);
        }
        cursor = page.cursor;
        if (page.found.length > 0) told = clock.now().getTime();
        if (page.more) continue;
        const silence = told + limits.eventHeartbeatMs.value - clock.now().getTime();
        if (silence > 0) {
          await tail.beyond(cursor, silence, closed);
          continue;
        }
        // An id alone is no event; it moves the place from which the client resumes.
        await write(`: alive\nid: ${encodeCursor(cursor)}\n\n`);
        told = clock.now().getTime();
      }
    } finally {
      leave();
    }
  }

  return {
    PullEvents: { access: inTenant('member'), handle: pull },
    StreamEvents: {
      access: inTenant('member'),
      async handle(call, request) {
        const selection = await selectionOf(call, directory, request);
        if (call.streaming === undefined) return answerPage(request, await readOn(selection, await startOf(request), 100));
        const start = await startOf(request, call.streaming.lastEventId);
        makeSure(call.tenantId);
        return streamed((connection) => stream(call, request, selection, start, connection));
      },
    },
  };
}
