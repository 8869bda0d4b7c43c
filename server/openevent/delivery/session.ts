import type { Clock } from '../../kernel/clock.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import { compareCursors, type Cursor, type EventLog, type LogEvent } from '../log.ts';
import { createResultWriter } from './results.ts';
import { nextTry } from './retries.ts';
import type { Outcome, SendEvent } from './send.ts';
import type { ClaimedSubscription, ParkedRow, Results } from './store.ts';

/** An event read from the log that is not settled yet. Settled: delivered, or parked. */
interface Item {
  readonly event: LogEvent;
  settled: boolean;
}

/** The events of one object. At most one of them is under way. */
interface Lane {
  readonly key: string;
  busy: boolean;
  waiting: boolean;
  /** Dead letters and delivered events that somebody wants sent once more. They block nobody. */
  replays: ParkedRow[];
  /** The blocked event and those behind it, in order. While there are any, the queue waits. */
  parked: ParkedRow[];
  /** Events at their first try. */
  queue: Item[];
  cancelTimer: () => void;
}

/** The delivery of one subscription, in memory, by the process that holds its lease. */
export interface Session {
  readonly subscription: ClaimedSubscription;
  /** True when it has read all that the shared reader has read, so that the shared reader may hand it events. */
  readonly live: () => boolean;
  /** Takes a page of the shared reader, or stops being live when there is no room. */
  offer(events: readonly LogEvent[], cursor: Cursor): void;
  /** Reads on by itself until it is live or full. */
  catchUp(): void;
  /** Looks again at one parked event that somebody has retried or skipped. */
  refresh(eventId: string): Promise<void>;
  /** Writes the cursor if it moved past events that are not for this subscription. */
  saveCursor(): void;
  extendLease(until: Date): void;
  /** Starts nothing more, waits at most `graceMs` for what is under way, calls the rest off and writes all results. */
  drain(graceMs: number): Promise<void>;
  /** Stops at once and writes nothing, as a crash would. */
  abandon(): void;
}

export interface SessionOptions {
  readonly subscription: ClaimedSubscription;
  readonly secret: string;
  readonly parked: readonly ParkedRow[];
  readonly leaseUntil: Date;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<EventLog, 'read' | 'find'>;
  readonly send: SendEvent;
  readonly save: (results: Results) => Promise<boolean>;
  readonly findParked: (eventId: string) => Promise<ParkedRow | undefined>;
  /** Where the shared reader is. */
  readonly sharedCursor: () => Cursor;
  readonly onLive: (cursor: Cursor) => void;
  readonly onLost: () => void;
}

/** The outcome for a parked event whose body is no longer in the log. */
function lostBody(now: Date): Outcome {
  return { delivered: false, cancelled: false, httpStatus: undefined, stage: 'log', message: 'the event has left the log', excerpt: undefined, startedAt: now, durationMs: 0, retryAfterMs: undefined };
}

export function createSession(options: SessionOptions): Session {
  const { subscription, clock, log, events, send } = options;
  const types = new Set(subscription.types);
  const lanes = new Map<string, Lane>();
  /** Parked events that the cursor has not passed: they are read again and must not be sent again. */
  const known = new Set<string>();
  const calledOff = new AbortController();
  let ready: Lane[] = [];
  let window: Item[] = [];
  let readCursor = subscription.cursor;
  let settledCursor = subscription.cursor;
  let parkedCount = 0;
  let underWay = 0;
  let live = false;
  let reading = false;
  let stopping = false;
  let leaseUntil = options.leaseUntil;
  let whenIdle = () => {};

  const writer = createResultWriter({
    clock,
    log,
    start: subscription.cursor,
    cursor: () => settledCursor,
    save: options.save,
    onLost: options.onLost,
    onWritten: () => startReady(),
  });

  // Lanes

  function laneOf(key: string): Lane {
    let lane = lanes.get(key);
    if (lane === undefined) {
      lane = { key, busy: false, waiting: false, replays: [], parked: [], queue: [], cancelTimer: () => {} };
      lanes.set(key, lane);
    }
    return lane;
  }

  /** Puts a lane in line when it has something to send now, or sets its timer. */
  function arrange(lane: Lane): void {
    if (lane.busy || lane.waiting || stopping) return;
    lane.cancelTimer();
    const head = lane.parked[0];
    const now = clock.now();
    if (lane.replays.length > 0 || (head === undefined ? lane.queue.length > 0 : (head.nextAt ?? now) <= now)) {
      lane.waiting = true;
      ready.push(lane);
    } else if (head?.nextAt !== undefined) {
      lane.cancelTimer = clock.after(head.nextAt.getTime() - now.getTime(), () => {
        arrange(lane);
        startReady();
      });
    } else {
      lanes.delete(lane.key);
    }
  }

  const mayStart = () => !stopping && !writer.full() && clock.now() < leaseUntil;

  function startReady(): void {
    while (mayStart() && underWay < limits.deliveryConcurrency.value && ready.length > 0) {
      const lane = ready.shift();
      if (lane === undefined) return;
      lane.waiting = false;
      void run(lane);
    }
  }

  async function run(lane: Lane): Promise<void> {
    lane.busy = true;
    underWay += 1;
    try {
      const replay = lane.replays[0];
      const head = lane.parked[0];
      const item = lane.queue[0];
      if (replay !== undefined) await sendParked(lane, replay);
      else if (head !== undefined) await sendParked(lane, head);
      else if (item !== undefined) await sendFirst(lane, item);
    } catch (error) {
      // Only reading a parked event from the log can end here. The event keeps its place and is tried again soon.
      log.warn({ err: error, subscription: subscription.id }, 'a delivery could not be prepared and will be tried again');
      await pauseUnlessCalledOff();
    } finally {
      lane.busy = false;
      underWay -= 1;
      arrange(lane);
      advance();
      writer.write();
      startReady();
      if (!live) catchUp();
      if (underWay === 0) whenIdle();
    }
  }

  function pauseUnlessCalledOff(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(1_000, resolve);
      calledOff.signal.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }

  // Sending

  async function sendFirst(lane: Lane, item: Item): Promise<void> {
    const outcome = await send({ url: subscription.url, secret: options.secret }, item.event, calledOff.signal);
    if (outcome.cancelled) return;
    lane.queue.shift();
    item.settled = true;
    if (outcome.delivered) {
      writer.attempt({ event: item.event, number: 1, outcome: 'succeeded', result: outcome, nextAt: undefined }, true);
      return;
    }
    const row = failedRow(toParked(item.event), outcome);
    writer.attempt({ event: item.event, number: 1, outcome: 'failed', result: outcome, nextAt: row.nextAt }, false);
    writer.add(row);
    lane.parked.push(row);
    parkedCount += 1;
    parkBehind(lane);
  }

  async function sendParked(lane: Lane, row: ParkedRow): Promise<void> {
    const event = await events.find(row.eventId, subscription.tenantId);
    const outcome: Outcome = event === undefined ? lostBody(clock.now()) : await send({ url: subscription.url, secret: options.secret }, event, calledOff.signal);
    if (outcome.cancelled) return;
    const number = row.attempts + 1;
    const after = outcome.delivered ? undefined : failedRow(row, outcome);
    writer.attempt({ event: row, number, outcome: outcome.delivered ? 'succeeded' : 'failed', result: outcome, nextAt: after?.nextAt }, outcome.delivered);
    const list = row.state === 'replay' ? lane.replays : lane.parked;
    const place = list.findIndex((other) => other.eventId === row.eventId);
    // Skipped by somebody while it was under way: the database knows already.
    if (place === -1) return;
    if (after === undefined) writer.remove(row);
    else writer.change(after);
    if (after?.state === 'blocked') {
      list[place] = after;
      return;
    }
    list.splice(place, 1);
    if (row.state !== 'replay') release();
  }

  function toParked(event: LogEvent): ParkedRow {
    return {
      eventId: event.eventId,
      place: { position: event.position, id: event.id },
      objectKey: event.objectKey,
      type: event.type,
      occurredAt: event.occurredAt,
      state: 'behind',
      attempts: 0,
      nextAt: undefined,
      parkedAt: clock.now(),
      lastError: undefined,
    };
  }

  function failedRow(row: ParkedRow, outcome: Outcome): ParkedRow {
    const attempts = row.attempts + 1;
    const lastError = outcome.message;
    // A body that has left the log will not come back, and a replay was asked for once.
    const next = row.state === 'replay' || outcome.stage === 'log' ? undefined : nextTry(attempts, clock.now(), outcome.retryAfterMs);
    return next === undefined ? { ...row, state: 'exhausted', attempts, nextAt: undefined, lastError } : { ...row, state: 'blocked', attempts, nextAt: next, lastError };
  }

  /** Parks what waits in the queue of a lane behind its blocked event, as far as there is room; the rest holds the cursor. */
  function parkBehind(lane: Lane): void {
    while (lane.parked.length > 0 && lane.queue.length > 0 && parkedCount < limits.deliveryParkedEvents.value) {
      const item = lane.queue.shift();
      if (item === undefined) return;
      const row = toParked(item.event);
      writer.add(row);
      lane.parked.push(row);
      parkedCount += 1;
      item.settled = true;
    }
  }

  /** One parked event fewer: lanes that found no room may park now. */
  function release(): void {
    const wasFull = parkedCount >= limits.deliveryParkedEvents.value;
    parkedCount -= 1;
    if (wasFull) for (const lane of lanes.values()) parkBehind(lane);
  }

  // Reading

  /** Moves the cursor over what is settled at the front. */
  function advance(): void {
    let count = 0;
    for (const item of window) {
      if (!item.settled) break;
      settledCursor = { position: item.event.position, id: item.event.id };
      count += 1;
    }
    if (count > 0) window = window.slice(count);
    if (window.length === 0) settledCursor = readCursor;
  }

  const hasRoom = () => window.length < limits.deliveryWindow.value;
  const isWanted = (event: LogEvent) =>
    event.tenantId === subscription.tenantId &&
    (types.size === 0 || types.has(event.type)) &&
    (subscription.workspaceId === undefined || event.workspaceId === subscription.workspaceId) &&
    compareCursors(event, readCursor) > 0;

  function take(page: readonly LogEvent[], cursor: Cursor): void {
    const before = parkedCount;
    for (const event of page.filter(isWanted)) {
      const item: Item = { event, settled: known.delete(event.eventId) };
      window.push(item);
      if (item.settled) continue;
      const lane = laneOf(event.objectKey);
      lane.queue.push(item);
      parkBehind(lane);
      arrange(lane);
    }
    if (compareCursors(cursor, readCursor) > 0) readCursor = cursor;
    advance();
    // A cursor that only passed events for others is not worth a write of its own.
    if (parkedCount !== before) writer.write();
    startReady();
  }

  function catchUp(): void {
    if (reading || live || stopping || !hasRoom()) return;
    reading = true;
    void readOn()
      .catch((error: unknown) => {
        log.warn({ err: error, subscription: subscription.id }, 'a subscription could not read the log and will try again');
        clock.after(1_000, catchUp);
      })
      .finally(() => {
        reading = false;
      });
  }

  async function readOn(): Promise<void> {
    while (hasRoom()) {
      const page = await events.read(readCursor, limits.eventReadBatch.value, { tenantId: subscription.tenantId, types: subscription.types, workspaceId: subscription.workspaceId });
      if (stopping) return;
      take(page.events, page.cursor);
      if (!page.more && compareCursors(readCursor, options.sharedCursor()) >= 0) {
        live = true;
        options.onLive(readCursor);
        return;
      }
    }
  }

  // The start: what was parked before.

  for (const row of options.parked) {
    if (compareCursors(row.place, subscription.cursor) > 0) known.add(row.eventId);
    if (row.state === 'skipped' || row.state === 'exhausted') continue;
    const lane = laneOf(row.objectKey);
    if (row.state === 'replay') lane.replays.push(row);
    else {
      lane.parked.push(row);
      parkedCount += 1;
    }
  }
  for (const lane of lanes.values()) arrange(lane);
  startReady();

  function stop(): void {
    stopping = true;
    live = false;
    ready = [];
    for (const lane of lanes.values()) lane.cancelTimer();
  }

  return {
    subscription,
    live: () => live,
    offer(page, cursor) {
      if (!live) return;
      if (hasRoom()) take(page, cursor);
      else live = false;
    },
    catchUp,
    async refresh(eventId) {
      const row = await options.findParked(eventId);
      if (stopping) return;
      const lane = row === undefined ? [...lanes.values()].find((one) => [...one.parked, ...one.replays].some((other) => other.eventId === eventId)) : laneOf(row.objectKey);
      if (lane === undefined) return;
      const place = lane.parked.findIndex((other) => other.eventId === eventId);
      const held = lane.parked[place];
      if (row === undefined || row.state === 'skipped') {
        lane.replays = lane.replays.filter((other) => other.eventId !== eventId);
        if (held !== undefined) {
          lane.parked.splice(place, 1);
          release();
        }
      } else if (row.state === 'replay') {
        if (!lane.replays.some((other) => other.eventId === eventId)) lane.replays.push(row);
      } else if (held !== undefined && row.nextAt !== undefined) lane.parked[place] = { ...held, nextAt: row.nextAt };
      arrange(lane);
      startReady();
    },
    saveCursor: () => writer.write(),
    extendLease(until) {
      leaseUntil = until;
      startReady();
    },
    async drain(graceMs) {
      stop();
      if (underWay > 0) {
        const idle = new Promise<void>((resolve) => {
          whenIdle = resolve;
        });
        const timer = setTimeout(() => calledOff.abort(), graceMs);
        await idle;
        clearTimeout(timer);
      }
      advance();
      await writer.settled();
      writer.abandon();
    },
    abandon() {
      stop();
      writer.abandon();
      calledOff.abort();
    },
  };
}
