import { instantOf, startOfDay, type WallTime } from './calendar.ts';
import { CronFault, kindOf, parseCron, type Cron } from './cron.ts';
import { cyclesOn, type Cycle } from './cycles.ts';
import { limits } from '../../kernel/limits.ts';

/** What of a task or workflow decides its cycles. */
export interface Scheduled {
  readonly cron: string | null;
  readonly time_zone: string | null;
  readonly effective_from: Date | null;
  readonly effective_to: Date | null;
}

export interface DayCycles {
  readonly cycles: readonly Cycle[];
  /** Whether it runs by the hour or the minute. */
  readonly intraday: boolean;
}

/** Reads a cron for a schedule. Throws CronFault. */
export function scheduleCron(text: string): Cron {
  return parseCron(text, { minimumMinutes: limits.scheduleMinimumMinutes.value });
}

/** The cycles of a day, whose date is read on the wall clock of the schedule's own zone. None without a cron, or with one that cannot be read. */
export function cyclesOfDay(scheduled: Scheduled, day: WallTime, timeZone: string): DayCycles {
  if (scheduled.cron === null) return { cycles: [], intraday: false };
  try {
    const cron = scheduleCron(scheduled.cron);
    const kind = kindOf(cron);
    const trigger = { cron, startTime: scheduled.effective_from ?? undefined, endTime: scheduled.effective_to ?? undefined, timeZone: scheduled.time_zone ?? timeZone };
    return { cycles: cyclesOn(trigger, day), intraday: kind === 'hour' || kind === 'minute' };
  } catch (error) {
    // A task published before its cron was checked stays without cycles.
    if (error instanceof CronFault) return { cycles: [], intraday: false };
    throw error;
  }
}

/** The cycles of a day for a run by hand: those of the schedule, or one at the day's beginning when there is none. */
export function cyclesByHand(scheduled: Scheduled, day: WallTime, timeZone: string): DayCycles {
  const scheduledOnes = cyclesOfDay({ ...scheduled, effective_from: null, effective_to: null }, day, timeZone);
  if (scheduledOnes.cycles.length > 0) return scheduledOnes;
  const wall = startOfDay(day);
  return { cycles: [{ number: 1, wall, instant: instantOf(wall, scheduled.time_zone ?? timeZone), due: true }], intraday: false };
}
