// Provisional: being replaced.
import { instantOf, type WallTime } from './calendar.ts';
import { isDueOn, occurrencesOn, type Cron } from './cron.ts';
export interface Cycle { readonly number: number; readonly wall: WallTime; readonly instant: Date; readonly due: boolean }
export function cyclesOn(trigger: { readonly cron: Cron; readonly startTime: Date | undefined; readonly endTime: Date | undefined; readonly timeZone: string }, day: WallTime): Cycle[] {
  const due = isDueOn(trigger.cron, day);
  return occurrencesOn(trigger.cron, day).map((wall, place) => ({ number: place + 1, wall, instant: instantOf(wall, trigger.timeZone), due }))
    .filter(({ instant }) => (trigger.startTime === undefined || instant >= trigger.startTime) && (trigger.endTime === undefined || instant <= trigger.endTime));
}
