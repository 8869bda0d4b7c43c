import { platformActor, type Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import { createLoop } from '../../kernel/loop.ts';
import type { Service } from '../../kernel/module.ts';
import type { Advance } from './advance.ts';
import { tenantOfChecks } from './edge-store.ts';
import type { Generation } from './generation.ts';
import { nextDueTime, tenantOfDue } from './instance-store.ts';

/** Pause between two looks for days whose instances are to be made. */
const DAYS_MS = 60_000;
/** Pause before instances are looked at again that somebody else had locked. */
const LOCKED_MS = 20;

/** The scheduler of a process. Any number of processes may run one on the same database. */
export interface Scheduler extends Service {
  /** Looks now instead of at the next poll. */
  wake(): void;
  /** Does all that is due and resolves when nothing is left. For tests and simulations, which move the clock themselves. */
  drain(): Promise<void>;
}

export function createScheduler(options: { database: Database; changes: Changes; clock: Clock; log: Log; advance: Advance; generation: Generation }): Scheduler {
  const { database, changes, clock, log, advance, generation } = options;
  let lookForDays = new Date(0);
  let unlisten: (() => Promise<void>) | undefined;

  /**
   * Goes tenant by tenant, since a change belongs to one. A tenant where a look brings nothing on, or fails, is left out until the next time, so that
   * it keeps no other one back. Answers the first fault.
   */
  async function goOn(tenantOf: (without: readonly number[]) => Promise<number | undefined>, action: string, step: Advance['step']): Promise<unknown> {
    const without: number[] = [];
    let fault: unknown;
    for (;;) {
      const tenantId = await tenantOf(without);
      if (tenantId === undefined) return fault;
      try {
        if ((await changes.change(platformActor(action, tenantId), step)) === 0) without.push(tenantId);
      } catch (error) {
        log.warn({ err: error, tenant: tenantId }, 'the instances of a tenant could not be moved on and are tried again');
        without.push(tenantId);
        fault ??= error;
      }
    }
  }

  /** Looks for days to be made at the first look and then once a minute. */
  async function makeDays(): Promise<void> {
    if (clock.now() < lookForDays) return;
    lookForDays = new Date(clock.now().getTime() + DAYS_MS);
    await generation.round();
  }

  async function drain(): Promise<void> {
    await generation.round();
    do {
      const fault = await goOnWithAll();
      if (fault !== undefined) throw fault;
    } while ((await tenantOfChecks(database)) !== undefined);
  }

  async function goOnWithAll(): Promise<unknown> {
    const due = await goOn((without) => tenantOfDue(database, clock.now(), without), 'schedule:due', (change) => advance.due(change));
    const checks = await goOn((without) => tenantOfChecks(database, without), 'schedule:advance', (change) => advance.step(change));
    return due ?? checks;
  }

  async function pauseMs(): Promise<number> {
    if ((await tenantOfChecks(database)) !== undefined) return LOCKED_MS;
    const next = await nextDueTime(database);
    // What is due already is locked by somebody else.
    return next === undefined ? limits.schedulePollMs.value : Math.max(LOCKED_MS, Math.min(limits.schedulePollMs.value, next.getTime() - clock.now().getTime()));
  }

  const loop = createLoop(clock, async () => {
    try {
      await makeDays();
      if ((await goOnWithAll()) === undefined) return await pauseMs();
    } catch (error) {
      log.warn({ err: error }, 'the scheduler could not go on and tries again');
    }
    return limits.schedulePollMs.value;
  });

  return {
    name: 'scheduler',
    role: 'schedule',
    wake: loop.wake,
    drain,
    async start() {
      unlisten = await database.listen('millrace_schedule', loop.wake);
      loop.start();
    },
    async stop() {
      const ended = loop.stop();
      await unlisten?.();
      await ended;
    },
  };
}
