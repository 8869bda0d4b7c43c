import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { compareCursors, type Cursor } from '../log.ts';
import type { AttemptRow, Health, ParkedRow, Results } from './store.ts';

/** Pause before results are written again after the database refused them. */
const RETRY_MS = 200;

/** Unwritten attempts beyond which nothing more is sent, so that an absent database does not fill the memory. */
const MOST_UNWRITTEN = 256;

/**
 * Results of one subscription on their way to the database. While one batch is written the next one gathers, so the batches grow with the load and
 * a single result waits for nothing. A batch and the cursor that goes with it are one transaction.
 */
export interface ResultWriter {
  attempt(row: AttemptRow, delivered: boolean): void;
  /** A new parked event. */
  add(row: ParkedRow): void;
  /** A parked event that was there before, in its new state. */
  change(row: ParkedRow): void;
  /** A parked event that is done. */
  remove(row: ParkedRow): void;
  /** An event was skipped, so a mark of it may be there. */
  mark(): void;
  /** Writes what there is, and the cursor when it has moved. */
  write(): void;
  /** True when no more should be sent before something was written. */
  full(): boolean;
  /** Resolves when everything is written, or cannot be. */
  settled(): Promise<void>;
  /** Nothing is written from now on. */
  abandon(): void;
}

export function createResultWriter(options: {
  readonly clock: Clock;
  readonly log: Log;
  readonly start: Cursor;
  /** The place up to which everything is delivered or parked, in memory. */
  readonly cursor: () => Cursor;
  /** How the target is doing, as of the attempts that were handed over. */
  readonly health: () => Health;
  /** True when marks of skipped events are there, which are deleted as the cursor passes them. */
  readonly marks: boolean;
  /** False when the lease was lost. */
  readonly save: (results: Results) => Promise<boolean>;
  readonly onLost: () => void;
  /** Called after each write. */
  readonly onWritten: () => void;
}): ResultWriter {
  const { clock, log } = options;
  let attempts: AttemptRow[] = [];
  let added = new Map<string, ParkedRow>();
  let changed = new Map<string, ParkedRow>();
  let gone = new Set<string>();
  let deliveredAt: Date | undefined;
  let saved = options.start;
  let running: Promise<void> | undefined;
  let abandoned = false;
  let marks = options.marks;
  /** New rows of a batch whose write failed. It may have been committed all the same, only the answer was lost. */
  const unsure = new Set<string>();
  /** The last write failed. What is sent now may be sent for nothing: it comes again should this process end before it can write. */
  let refused = false;
  let cancelRetry = () => {};

  const pending = () => attempts.length + added.size + changed.size + gone.size > 0 || compareCursors(options.cursor(), saved) !== 0;

  /** Takes the batch out; a failed one is put back before whatever has gathered meanwhile. */
  function take(): Results {
    const batch: Results = { attempts, added: [...added.values()], changed: [...changed.values()], gone: [...gone], cursor: options.cursor(), deliveredAt, health: options.health(), touchesParked: marks || added.size + changed.size + gone.size > 0 };
    attempts = [];
    added = new Map();
    changed = new Map();
    gone = new Set();
    deliveredAt = undefined;
    return batch;
  }

  function putBack(batch: Results): void {
    const later = { attempts, added, changed, gone };
    for (const row of batch.added) unsure.add(row.eventId);
    attempts = [...batch.attempts];
    added = new Map(batch.added.map((row) => [row.eventId, row]));
    changed = new Map(batch.changed.map((row) => [row.eventId, row]));
    gone = new Set(batch.gone);
    deliveredAt ??= batch.deliveredAt;
    attempts.push(...later.attempts);
    for (const row of later.added.values()) writer.add(row);
    for (const row of later.changed.values()) writer.change(row);
    for (const id of later.gone) removeId(id);
  }

  function removeId(id: string): void {
    changed.delete(id);
    // An event that was never written needs no deletion.
    if (!added.delete(id) || unsure.has(id)) gone.add(id);
  }

  async function run(): Promise<void> {
    while (!abandoned && pending()) {
      const batch = take();
      let held: boolean;
      try {
        held = await options.save(batch);
      } catch (error) {
        putBack(batch);
        refused = true;
        log.warn({ err: error }, 'the results of deliveries could not be written and will be tried again');
        cancelRetry = clock.after(RETRY_MS, writer.write);
        return;
      }
      if (!held) {
        abandoned = true;
        options.onLost();
        return;
      }
      refused = false;
      unsure.clear();
      saved = batch.cursor;
      options.onWritten();
    }
  }

  const writer: ResultWriter = {
    attempt(row, delivered) {
      attempts.push(row);
      if (delivered) deliveredAt = clock.now();
    },
    add: (row) => void added.set(row.eventId, row),
    change(row) {
      if (added.has(row.eventId)) added.set(row.eventId, row);
      if (!added.has(row.eventId) || unsure.has(row.eventId)) changed.set(row.eventId, row);
    },
    remove: (row) => removeId(row.eventId),
    mark() {
      marks = true;
    },
    write() {
      if (abandoned || running !== undefined) return;
      running = run().finally(() => {
        running = undefined;
      });
    },
    full: () => refused || attempts.length >= MOST_UNWRITTEN,
    async settled() {
      writer.write();
      await running;
    },
    abandon() {
      abandoned = true;
      cancelRetry();
    },
  };
  return writer;
}
