/**
 * Wall clock and instants. A wall clock reading is a `Date` whose UTC fields are what a clock on the wall shows; it is not an instant and
 * never leaves this module's users.
 */
export type WallTime = Date;

const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
    formats.set(timeZone, format);
  }
  return format;
}

/** What the wall clock of a time zone (IANA name) shows at an instant, to the second. */
export function wallTimeOf(instant: Date, timeZone: string): WallTime {
  const parts = new Map(formatOf(timeZone).formatToParts(instant).map((part) => [part.type, Number(part.value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  return new Date(Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')));
}

/** The instant at which the wall clock shows `wall`. A time that a clock change skips is moved on by the width of the gap; of one that comes twice the first counts. */
export function instantOf(wall: WallTime, timeZone: string): Date {
  const offsetAt = (instant: number) => wallTimeOf(new Date(instant), timeZone).getTime() - Math.floor(instant / 1_000) * 1_000;
  const before = offsetAt(wall.getTime() - DAY_MS);
  const after = offsetAt(wall.getTime() + DAY_MS);
  // The offset before a change is the right one for the first of two equal times, and moves a skipped time on.
  for (const offset of [before, after]) {
    const candidate = wall.getTime() - offset;
    if (offsetAt(candidate) === offset) return new Date(candidate);
  }
  return new Date(wall.getTime() - before);
}

export function addDays(wall: WallTime, days: number): WallTime {
  return new Date(wall.getTime() + days * DAY_MS);
}

/** Adds months; a day that the month does not have becomes its last one. */
export function addMonths(wall: WallTime, months: number): WallTime {
  const first = new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + months, 1));
  const lastDay = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  return new Date(first.getTime() + (Math.min(wall.getUTCDate(), lastDay) - 1) * DAY_MS + (wall.getTime() % DAY_MS));
}

export function startOfDay(wall: WallTime): WallTime {
  return new Date(Math.floor(wall.getTime() / DAY_MS) * DAY_MS);
}

/** Reads `yyyy-MM-dd`, with or without ` HH:mm:ss`. Undefined when it is no such text or no such day. */
export function readWallTime(text: string): WallTime | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map((part) => Number(part ?? 0));
  const wall = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const same = year >= 1970 && wall.getUTCMonth() === month - 1 && wall.getUTCDate() === day && wall.getUTCHours() === hour && wall.getUTCMinutes() === minute;
  return same ? wall : undefined;
}
