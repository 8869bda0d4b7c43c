import type { Clock } from '../../kernel/clock.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import { compareCursors, type Cursor, type EventLog, type LogEvent } from '../log.ts';
import type { Destination } from './destination.ts';
import { createHealthWatch, type HealthStep } from './health.ts';
import { createLanes, type Item, type Lane } from './lanes.ts';
import type { DeliveryMeters } from './meters.ts';
import { createPace } from './pace.ts';
import { afterFailure, lostBody, toParked } from './parked.ts';
import { createResultWriter } from './results.ts';
import type { Outcome, SendEvents } from './send.ts';
import type { ClaimedSubscription, ParkedRow, Results } from './store.ts';

/** The delivery of one subscription, in memory, by the process that holds its lease. */
export interface Session {
  readonly subscription: ClaimedSubscription;
  /** True when it has read all that the shared reader has read, so that the shared reader may hand it events. */
  readonly live: () => boolean;
  /** Takes a page of the shared reader, or stops being live when there is no room. */
  offer(events: readonly LogEvent[], cursor: Cursor): void;
  /** Reads on by itself until it is live or full. */
  catchUp(): void;
  /** Looks again at one parked event that somebody has retried, skipped or set aside; at all that are to be sent again without an id. */
  refresh(eventId: string | undefined): Promise<void>;
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
  readonly destination: Destination;
  /** Whether an event of the right tenant, workspace and type is wanted. */
  readonly filter: (event: LogEvent) => boolean;
  readonly parked: readonly ParkedRow[];
  readonly leaseUntil: Date;
  readonly clock: Clock;
  /** A number in [0, 1), for the jitter of retries. */
  readonly random: () => number;
  readonly log: Log;
  readonly meters: DeliveryMeters;
  readonly events: Pick<EventLog, 'read' | 'find'>;
  readonly send: SendEvents;
  readonly save: (results: Results) => Promise<boolean>;
  readonly findParked: (eventId: string) => Promise<ParkedRow | undefined>;
  readonly findReplays: () => Promise<ParkedRow[]>;
  /** Where the shared reader is. */
  readonly sharedCursor: () => Cursor;
  readonly onLive: (cursor: Cursor) => void;
  readonly onLost: () => void;
  readonly onHealth: (step: HealthStep) => void;
}

/** What one message carries of one lane. */
interface Part {
  readonly lane: Lane;
  readonly items: readonly Item[];
}

export function createSession(options: SessionOptions): Session {
  const { subscription, destination, clock, log, events, send, meters } = options;
  const types = new Set(subscription.types);
  /** Parked events that the cursor has not passed: they are read again and must not be sent again. */
  const known = new Set<string>();
  const calledOff = new AbortController();
  const lanes = createLanes(clock, () => startReady());
  const pace = createPace(subscription.rate, clock);
  const health = createHealthWatch({ ...subscription, paused: subscription.pausedAt !== undefined });
  let window: Item[] = [];
  let readCursor = subscription.cursor;
  let settledCursor = subscription.cursor;
  let parkedCount = 0;
  let underWay = 0;
  let live = false;
  let reading = false;
  let stopping = false;
  let probeDue = false;
  let paceTimer = false;
  let leaseUntil = options.leaseUntil;
  let whenIdle = () => {};

  const writer = createResultWriter({
    clock,
    log,
    start: subscription.cursor,
    cursor: () => settledCursor,
    health: health.now,
    marks: options.parked.some((row) => row.state === 'skipped'),
    save: options.save,
    onLost: options.onLost,
    onWritten: () => startReady(),
  });

  // Starting

  const mayStart = () => !stopping && !writer.full() && clock.now() < leaseUntil;
  const isFull = () => underWay >= (health.narrow() ? 1 : subscription.concurrency);

  function startReady(): void {
    if (health.paused()) {
      probe();
      return;
    }
    while (!isFull() && lanes.hasReady() && mayStart()) {
      if (!pace.take()) {
        waitForPace();
        return;
      }
      const lane = lanes.next();
      if (lane === undefined) return;
      void run(lane);
    }
  }

  function waitForPace(): void {
    if (paceTimer) return;
    paceTimer = true;
    clock.after(pace.wait(), () => {
      paceTimer = false;
      startReady();
    });
  }

  /** A paused target is asked with one event at a time, now and then, however long that one would have to wait. */
  function probe(): void {
    if (!probeDue || underWay > 0 || !mayStart()) return;
    const lane = lanes.next() ?? lanes.early();
    if (lane === undefined) return;
    probeDue = false;
    void run(lane).then(planProbe);
  }

  function planProbe(): void {
    if (stopping || !health.paused()) return;
    clock.after(limits.deliveryProbeMs.value, () => {
      probeDue = true;
      startReady();
    });
  }

  async function run(lane: Lane): Promise<void> {
    underWay += 1;
    let taken: readonly Lane[] = [lane];
    try {
      const parked = lane.replays[0] ?? lane.parked[0];
      if (parked !== undefined) await sendParked(lane, parked);
      else {
        const parts = gather(lane);
        taken = parts.map((part) => part.lane);
        await sendFirst(parts);
      }
    } catch (error) {
      // Only reading a parked event from the log can end here. The event keeps its place and is tried again soon.
      log.warn({ err: error, subscription: subscription.id }, 'a delivery could not be prepared and will be tried again');
      await pauseUnlessCalledOff();
    } finally {
      underWay -= 1;
      for (const one of taken) {
        one.busy = false;
        lanes.arrange(one);
      }
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

  /** The first event of the lane; where the format takes batches, also those after it and those of other lanes in line. */
  function gather(lane: Lane): Part[] {
    if (destination.format !== 'batch') return [{ lane, items: lane.queue.slice(0, 1) }];
    const parts: Part[] = [];
    let room: number = limits.deliveryBatchEvents.value;
    for (let one: Lane | undefined = lane; one !== undefined; one = room > 0 && !health.paused() ? lanes.nextFresh() : undefined) {
      const items: Item[] = [];
      for (const item of one.queue) {
        // The token of the very first one was taken when the lane was started.
        if (room === 0 || (room < limits.deliveryBatchEvents.value && !pace.take())) {
          room = 0;
          break;
        }
        items.push(item);
        room -= 1;
      }
      parts.push({ lane: one, items });
    }
    return parts;
  }

  function account(outcome: Outcome, objectKey: string): void {
    const step = health.record(outcome.delivered, objectKey, clock.now(), outcome.message);
    if (step !== undefined) options.onHealth(step);
    if (step?.kind === 'pause') planProbe();
  }

  async function sendFirst(parts: readonly Part[]): Promise<void> {
    const sent = parts.flatMap((part) => part.items.map((item) => item.event));
    if (sent.length === 0) return;
    const outcome = await send(destination, sent, 1, calledOff.signal);
    if (outcome.cancelled) return;
    meters.attempt(subscription.id, outcome);
    for (const { lane } of parts) account(outcome, lane.key);
    for (const { lane, items } of parts) {
      lane.queue.splice(0, items.length);
      for (const [index, item] of items.entries()) {
        item.settled = true;
        if (outcome.delivered) {
          meters.delivered(subscription.id, item.event, clock.now());
          writer.attempt({ event: item.event, number: 1, outcome: 'succeeded', result: outcome, nextAt: undefined }, true);
          continue;
        }
        // Of a batch that failed the first of each object is tried again alone, and the others wait behind it.
        const row = index === 0 ? failed(toParked(item.event, clock.now()), outcome, item.event) : { ...toParked(item.event, clock.now(), 1), lastError: outcome.message };
        writer.attempt({ event: item.event, number: 1, outcome: 'failed', result: outcome, nextAt: row.nextAt }, false);
        writer.add(row);
        if (row.state === 'exhausted') continue;
        lane.parked.push(row);
        parkedCount += 1;
      }
      parkBehind(lane);
    }
  }

  async function sendParked(lane: Lane, row: ParkedRow): Promise<void> {
    const event = (await events.find(row.eventId, subscription.tenantId)) ?? row.body;
    const number = row.attempts + 1;
    const outcome: Outcome = event === undefined ? lostBody(clock.now()) : await send(row.replayId === undefined ? destination : { ...destination, replayId: row.replayId }, [event], number, calledOff.signal);
    if (outcome.cancelled) return;
    if (event !== undefined) {
      meters.attempt(subscription.id, outcome);
      account(outcome, row.objectKey);
    }
    if (outcome.delivered) meters.delivered(subscription.id, row, clock.now());
    const after = outcome.delivered ? undefined : failed(row, outcome, event);
    writer.attempt({ event: row, number, outcome: outcome.delivered ? 'succeeded' : 'failed', result: outcome, nextAt: after?.nextAt }, outcome.delivered);
    const list = row.state === 'replay' ? lane.replays : lane.parked;
    const place = list.findIndex((other) => other.eventId === row.eventId);
    if (place === -1) {
      // Skipped or set aside by somebody while it was under way: the database knows already. One that arrived all the same is no dead letter.
      if (after === undefined) writer.remove(row);
      return;
    }
    if (after === undefined) writer.remove(row);
    else writer.change(after);
    if (after?.state === 'blocked') {
      list[place] = after;
      return;
    }
    list.splice(place, 1);
    if (row.state !== 'replay') release();
  }

  function failed(row: ParkedRow, outcome: Outcome, event: LogEvent | undefined): ParkedRow {
    return afterFailure(row, outcome, { retry: subscription.retry, now: clock.now(), random: options.random, paused: health.paused(), event });
  }

  /** Parks what waits in the queue of a lane behind its blocked event, as far as there is room; the rest holds the cursor. */
  function parkBehind(lane: Lane): void {
    while (lane.parked.length > 0 && lane.queue.length > 0 && parkedCount < limits.deliveryParkedEvents.value) {
      const item = lane.queue.shift();
      if (item === undefined) return;
      const row = toParked(item.event, clock.now());
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
    if (wasFull) for (const lane of lanes.all()) parkBehind(lane);
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
    compareCursors(event, readCursor) > 0 &&
    options.filter(event);

  function take(page: readonly LogEvent[], cursor: Cursor): void {
    const before = parkedCount;
    for (const event of page) {
      if (!isWanted(event)) continue;
      const item: Item = { event, settled: known.delete(event.eventId) };
      window.push(item);
      if (item.settled) continue;
      const lane = lanes.of(event.objectKey);
      lane.queue.push(item);
      parkBehind(lane);
      lanes.arrange(lane);
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

  // Parked events that somebody did something about

  /** Takes a parked event out, wherever it stands; its object goes on. */
  function forget(lane: Lane, eventId: string): void {
    lane.replays = lane.replays.filter((other) => other.eventId !== eventId);
    const place = lane.parked.findIndex((other) => other.eventId === eventId);
    if (place === -1) return;
    lane.parked.splice(place, 1);
    release();
  }

  function takeReplay(row: ParkedRow): void {
    const lane = lanes.of(row.objectKey);
    if (!lane.replays.some((other) => other.eventId === row.eventId)) lane.replays.push(row);
    lanes.arrange(lane);
  }

  async function refresh(eventId: string | undefined): Promise<void> {
    if (eventId === undefined) {
      // What is here may be sent and written off while the rest is read; it must not be taken for new then.
      const here = new Set([...lanes.all()].flatMap((lane) => lane.replays.map((row) => row.eventId)));
      await writer.settled();
      const rows = await options.findReplays();
      if (stopping) return;
      for (const row of rows) if (!here.has(row.eventId)) takeReplay(row);
      startReady();
      return;
    }
    const row = await options.findParked(eventId);
    if (stopping) return;
    const lane = row === undefined ? [...lanes.all()].find((one) => [...one.parked, ...one.replays].some((other) => other.eventId === eventId)) : lanes.of(row.objectKey);
    if (lane === undefined) return;
    if (row?.state === 'skipped') writer.mark();
    if (row === undefined || row.state === 'skipped' || row.state === 'exhausted') forget(lane, eventId);
    else if (row.state === 'replay') takeReplay(row);
    else {
      const place = lane.parked.findIndex((other) => other.eventId === eventId);
      const held = lane.parked[place];
      if (held !== undefined && row.nextAt !== undefined) lane.parked[place] = { ...held, nextAt: row.nextAt };
    }
    lanes.arrange(lane);
    startReady();
  }

  // The start: what was parked before.

  for (const row of options.parked) {
    if (compareCursors(row.place, subscription.cursor) > 0) known.add(row.eventId);
    if (row.state === 'skipped' || row.state === 'exhausted') continue;
    const lane = lanes.of(row.objectKey);
    if (row.state === 'replay') lane.replays.push(row);
    else {
      lane.parked.push(row);
      parkedCount += 1;
    }
  }
  for (const lane of lanes.all()) lanes.arrange(lane);
  planProbe();
  startReady();

  function stop(): void {
    stopping = true;
    live = false;
    lanes.stop();
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
    refresh,
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
