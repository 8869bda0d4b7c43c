import type { Actor, Changes, Change } from './change.ts';
import { platformActor } from './change.ts';
import type { Clock } from './clock.ts';
import type { Database } from './database.ts';
import { ApiError } from './errors.ts';
import { limits } from './limits.ts';
import type { Log } from './log.ts';
import { createLoop } from './loop.ts';

/**
 * Jobs: work that must follow a change, once, whatever happens to the process.
 *
 *   waiting --claimed--> leased --handler's change commits--> gone (the row is deleted in that same change)
 *   leased --handler rejects--> waiting again, later (`run_at` grows), after `jobAttempts` tries set aside with `failed_at`
 *   leased --handler rejects with an ApiError, or for the last time, and the kind can give up--> gone, in the change of `giveUp`
 *   leased --lease runs out--> claimed by whoever comes; the earlier holder's change fails, since the lease token has moved
 *
 * A handler runs inside the change that deletes its job, so its effect happens exactly once. It must not call anything outside the database.
 */
export interface JobDeclaration {
  readonly kind: string;
  /** In whose name the job's change is made, such as its tenant's; by default the platform's, in no tenant. */
  actor?(payload: Readonly<Record<string, unknown>>): Actor;
  handle(change: Change, payload: Readonly<Record<string, unknown>>): Promise<void>;
  /**
   * Ends a job that cannot succeed, in a fresh change that deletes it: `handle` rejected with an ApiError (trying again would not help), or for the last time.
   * All that `handle` did was rolled back. When it rejects too, the job waits for another try of `handle`.
   */
  giveUp?(change: Change, payload: Readonly<Record<string, unknown>>, error: unknown): Promise<void>;
}

export interface JobRunner {
  /** Looks for due jobs now instead of at the next poll. */
  wake(): void;
  /** Runs what is due and resolves when nothing due is left. For tests, and for the way down. */
  drain(): Promise<void>;
  start(): void;
  /** Ends the loop after the job under way. */
  stop(): Promise<void>;
}

interface ClaimedJob {
  readonly id: number;
  readonly kind: string;
  readonly payload: Record<string, unknown>;
  readonly attempts: number;
  readonly lease_token: number;
}

function claim(database: Database, now: Date, kinds: readonly string[]): Promise<ClaimedJob[]> {
  return database.rows<ClaimedJob>(
    `update job set lease_until = $2, lease_token = lease_token + 1, attempts = attempts + 1
     where id in (
       select id from job
       where failed_at is null and run_at <= $1 and (lease_until is null or lease_until < $1) and kind = any($4)
       order by run_at, id limit $3 for update skip locked)
     returning id, kind, payload, attempts, lease_token`,
    [now, new Date(now.getTime() + limits.jobLeaseMs.value), limits.jobBatch.value, kinds],
  );
}

/** Deletes the job if this process still holds it. */
async function finish(change: Change, job: ClaimedJob): Promise<boolean> {
  return (await change.run('delete from job where id = $1 and lease_token = $2', [job.id, job.lease_token])) === 1;
}

async function putBack(database: Database, job: ClaimedJob, now: Date, reason: string): Promise<void> {
  const pause = Math.min(60_000, 100 * 2 ** Math.min(job.attempts, 10));
  await database.run(
    `update job set lease_until = null, run_at = $3, last_error = $4, failed_at = case when $5 then $6::timestamptz end where id = $1 and lease_token = $2`,
    [job.id, job.lease_token, new Date(now.getTime() + pause), reason.slice(0, 2_000), job.attempts >= limits.jobAttempts.value, now],
  );
}

class LeaseLost extends Error {}

export function createJobRunner(options: { database: Database; changes: Changes; clock: Clock; log: Log; jobs: readonly JobDeclaration[] }): JobRunner {
  const { database, changes, clock, log } = options;
  const handlers = new Map(options.jobs.map((job) => [job.kind, job]));
  const kinds = [...handlers.keys()];

  async function inChange(job: ClaimedJob, work: (change: Change, handler: JobDeclaration) => Promise<void>): Promise<void> {
    const handler = handlers.get(job.kind);
    // Only kinds with a handler are claimed.
    if (handler === undefined) throw new Error(`there is no handler for jobs of the kind ${job.kind}`);
    await changes.change(handler.actor?.(job.payload) ?? platformActor(`job:${job.kind}`), async (change) => {
      if (!(await finish(change, job))) throw new LeaseLost('the lease of the job was lost');
      await work(change, handler);
    });
  }

  async function runOne(job: ClaimedJob): Promise<void> {
    try {
      try {
        await inChange(job, (change, handler) => handler.handle(change, job.payload));
      } catch (error) {
        const hopeless = error instanceof ApiError || job.attempts >= limits.jobAttempts.value;
        if (error instanceof LeaseLost || !hopeless || handlers.get(job.kind)?.giveUp === undefined) throw error;
        log.warn({ err: error, job: job.id, kind: job.kind, attempts: job.attempts }, 'a job cannot succeed and is given up');
        await inChange(job, async (change, handler) => handler.giveUp?.(change, job.payload, error));
      }
    } catch (error) {
      if (error instanceof LeaseLost) return;
      log.error({ err: error, job: job.id, kind: job.kind, attempts: job.attempts }, 'a job failed and will be tried again');
      await putBack(database, job, clock.now(), String(error));
    }
  }

  async function runDue(): Promise<void> {
    for (;;) {
      const batch = await claim(database, clock.now(), kinds);
      // Until nothing is left, not until a batch is short: a job may have enqueued another one.
      if (batch.length === 0) return;
      for (const job of batch) await runOne(job);
    }
  }

  const loop = createLoop(clock, async () => {
    await runDue().catch((error: unknown) => log.error({ err: error }, 'the job loop could not read its jobs'));
    return limits.jobPollMs.value;
  });

  return { wake: loop.wake, drain: runDue, start: loop.start, stop: loop.stop };
}
