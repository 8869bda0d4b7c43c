import type { Change } from '../../kernel/change.ts';
import { platformActor } from '../../kernel/change.ts';
import type { JobDeclaration } from '../../kernel/jobs.ts';
import { limits } from '../../kernel/limits.ts';
import { CHANGE_PREFIX } from '../delivery/engine.ts';
import { beginning, compareCursors, type Cursor, type EventLog, type LogEvent } from '../log.ts';
import { fitsReplay, readRange, readSource } from './select.ts';
import * as store from './store.ts';

const KIND = 'openevent.replay';

/** Has the replay moved on at `at`. */
export function enqueueReplay(change: Change, replay: { id: number; tenantId: number }, at: Date): void {
  change.enqueue({ kind: KIND, key: String(replay.id), payload: { replayId: replay.id, tenantId: replay.tenantId }, runAt: at });
}

/**
 * Moves replays on, once a second each: queues as many events as the rate allows, unless so many of the replay still wait that the target cannot keep up.
 * The queueing, the replay's new place and its next step are one change, so that a crash neither repeats nor skips an event.
 */
export function replayJob(events: Pick<EventLog, 'readIn'>): JobDeclaration {
  return {
    kind: KIND,
    actor: (payload) => platformActor('Replay', Number(payload['tenantId'])),
    async handle(change, payload) {
      const replay = await store.lockReplay(change, Number(payload['replayId']));
      if (replay === undefined || replay.state === 'canceled' || replay.state === 'succeeded') return;
      const again = () => enqueueReplay(change, { id: replay.id, tenantId: replay.tenant_id }, new Date(change.now.getTime() + limits.replayStepMs.value));
      const place: Cursor = { position: replay.position, id: replay.row_id };
      if (replay.state === 'delivering') {
        if (replay.waiting > 0) return again();
        return store.moveReplay(change, replay.id, place, 0, 'succeeded', change.now);
      }
      const room = Math.ceil((replay.rate * limits.replayStepMs.value) / 1_000);
      if (replay.waiting >= room * 2) return again();
      const source = await readSource(change, replay.subscription_id);
      if (source === undefined) return;
      const found: LogEvent[] = [];
      const fits = fitsReplay(source, replay.pattern);
      const range = { from: replay.starts_at, to: replay.ends_at, end: { position: replay.end_position, id: replay.end_row_id } };
      let cursor: Cursor | undefined = compareCursors(place, beginning) > 0 ? place : beginning;
      let seen = cursor;
      // Few pages in one change, since a long one would hold back the log's readers.
      for (let pages = 0; pages < limits.replayPages.value && cursor !== undefined && found.length < room; pages += 1) {
        const page: Awaited<ReturnType<typeof readRange>> = await readRange({ read: (from, limit, filter) => events.readIn(change, from, limit, filter) }, source, range, cursor, room - found.length);
        found.push(...page.events.filter(fits));
        cursor = page.cursor;
        seen = cursor ?? seen;
      }
      const queued = found.length === 0 ? [] : await store.queueReplay(change, replay.id, replay.subscription_id, found, change.now);
      if (queued.length > 0) change.notify('millrace_cache', `${CHANGE_PREFIX}${replay.subscription_id}:*`);
      await store.moveReplay(change, replay.id, seen, queued.length, cursor === undefined ? 'delivering' : 'running', undefined);
      again();
    },
  };
}
