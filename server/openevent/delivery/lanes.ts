import type { Clock } from '../../kernel/clock.ts';
import type { LogEvent } from '../log.ts';
import type { ParkedRow } from './store.ts';

/** An event read from the log that is not settled yet. Settled: delivered, or parked. */
export interface Item {
  readonly event: LogEvent;
  settled: boolean;
}

/** The events of one object. At most one message of them is under way. */
export interface Lane {
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

/** The lanes of one subscription, and the line of those that have something to send now. */
export interface Lanes {
  of(key: string): Lane;
  find(key: string): Lane | undefined;
  all(): Iterable<Lane>;
  /** Puts a lane in line when it has something to send now, sets its timer when it will, or forgets it. */
  arrange(lane: Lane): void;
  /** The next lane in line, out of line and busy. */
  next(): Lane | undefined;
  /** The next lane in line whose first event is at its first try, out of line and busy; only looks at the head of the line. */
  nextFresh(): Lane | undefined;
  /** A lane whose blocked event is not due yet, busy, to try the target with. */
  early(): Lane | undefined;
  hasReady(): boolean;
  stop(): void;
}

/** `onDue` is called when a lane comes into line by its timer. */
export function createLanes(clock: Clock, onDue: () => void): Lanes {
  const lanes = new Map<string, Lane>();
  /** The line is a list with a moving head, since taking from the front of an array copies it. */
  let line: Lane[] = [];
  let head = 0;
  let stopped = false;

  function take(lane: Lane): Lane {
    lane.waiting = false;
    lane.busy = true;
    return lane;
  }

  function shift(): Lane | undefined {
    const lane = line[head];
    if (lane === undefined) return undefined;
    head += 1;
    if (head === line.length || head > 1_000) {
      line = line.slice(head);
      head = 0;
    }
    return take(lane);
  }

  const self: Lanes = {
    of(key) {
      let lane = lanes.get(key);
      if (lane === undefined) {
        lane = { key, busy: false, waiting: false, replays: [], parked: [], queue: [], cancelTimer: () => {} };
        lanes.set(key, lane);
      }
      return lane;
    },
    find: (key) => lanes.get(key),
    all: () => lanes.values(),
    arrange(lane) {
      if (lane.busy || lane.waiting || stopped) return;
      lane.cancelTimer();
      const first = lane.parked[0];
      const now = clock.now();
      if (lane.replays.length > 0 || (first === undefined ? lane.queue.length > 0 : (first.nextAt ?? now) <= now)) {
        lane.waiting = true;
        line.push(lane);
      } else if (first?.nextAt !== undefined) {
        lane.cancelTimer = clock.after(first.nextAt.getTime() - now.getTime(), () => {
          self.arrange(lane);
          onDue();
        });
      } else {
        lanes.delete(lane.key);
      }
    },
    next: shift,
    nextFresh() {
      const lane = line[head];
      return lane !== undefined && lane.replays.length === 0 && lane.parked.length === 0 && lane.queue.length > 0 ? shift() : undefined;
    },
    early() {
      for (const lane of lanes.values()) {
        if (lane.busy || lane.waiting || lane.parked.length === 0) continue;
        lane.cancelTimer();
        // To the end, so that the next time another one is tried.
        lanes.delete(lane.key);
        lanes.set(lane.key, lane);
        return take(lane);
      }
      return undefined;
    },
    hasReady: () => head < line.length,
    stop() {
      stopped = true;
      line = [];
      head = 0;
      for (const lane of lanes.values()) lane.cancelTimer();
    },
  };
  return self;
}
