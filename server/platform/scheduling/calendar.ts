/**
 * Wall clock and instants. A wall clock reading is a `Date` whose UTC fields are what a clock on the wall shows; it is not an instant and
 * never leaves this module's users.
 */
export type WallTime = Date;

const DAY_MS = 86_400_000;

/** The offsets of a zone in a year, in milliseconds east of UTC, each valid from its moment on. */
interface YearOffsets {
  readonly from: readonly number[];
  readonly offset: readonly number[];
}

const formats = new Map<string, Intl.DateTimeFormat>();
const years = new Map<string, YearOffsets>();
/** Years of zones kept; more are forgotten all at once. */
const MOST_YEARS = 2_000;

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
    formats.set(timeZone, format);
  }
  return format;
}

/** The offset as the platform's own calendar tells it, which is slow. */
function askOffset(instant: number, timeZone: string): number {
  const parts = new Map(formatOf(timeZone).formatToParts(instant).map((part) => [part.type, part.value]));
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type) ?? 0);
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return wall - Math.floor(instant / 1_000) * 1_000;
}

/** Looks for the changes of a year day by day and then to the second. */
function findOffsets(year: number, timeZone: string): YearOffsets {
  const begin = Date.UTC(year, 0, 1);
  const end = Date.UTC(year + 1, 0, 1);
  const from = [begin];
  const offset = [askOffset(begin, timeZone)];
  for (let day = begin; day < end; day += DAY_MS) {
    let [low, high] = [day, Math.min(day + DAY_MS, end)];
    const before = offset.at(-1) ?? 0;
    const after = askOffset(high, timeZone);
    if (after === before) continue;
    while (high - low > 1_000) {
      const middle = Math.floor((low + high) / 2_000) * 1_000;
      if (askOffset(middle, timeZone) === before) low = middle;
      else high = middle;
    }
    if (high < end) {
      from.push(high);
      offset.push(after);
    }
  }
  return { from, offset };
}

/** Milliseconds by which the wall clock of a zone is ahead of UTC at an instant. */
function offsetAt(instant: number, timeZone: string): number {
  const year = new Date(instant).getUTCFullYear();
  // Outside the years that schedules have, the slow way will do.
  if (year < 1970 || year > 2200) return askOffset(instant, timeZone);
  const key = `${year} ${timeZone}`;
  let found = years.get(key);
  if (found === undefined) {
    found = findOffsets(year, timeZone);
    if (years.size >= MOST_YEARS) years.clear();
    years.set(key, found);
  }
  const place = found.from.findLastIndex((from) => from <= instant);
  return found.offset[place] ?? 0;
}

/** What the wall clock of a time zone (IANA name) shows at an instant, to the second. */
export function wallTimeOf(instant: Date, timeZone: string): WallTime {
  const whole = Math.floor(instant.getTime() / 1_000) * 1_000;
  return new Date(whole + offsetAt(whole, timeZone));
}

/** All instants at which the wall clock shows `wall`, ascending; of a time that a clock change skips, the one that the width of the gap moves it on to. */
export function instantsOf(wall: WallTime, timeZone: string): { instants: Date[]; skipped: boolean } {
  const before = offsetAt(wall.getTime() - DAY_MS, timeZone);
  const after = offsetAt(wall.getTime() + DAY_MS, timeZone);
  if (before === after) {
    const plain = wall.getTime() - before;
    if (offsetAt(plain, timeZone) === before) return { instants: [new Date(plain)], skipped: false };
  }
  // Between the two the clock may have been changed and changed back.
  const offsets = new Set([before, after, offsetAt(wall.getTime() - before, timeZone), offsetAt(wall.getTime() - after, timeZone)]);
  const instants = [...new Set([...offsets].map((offset) => wall.getTime() - offset))].filter((instant) => instant + offsetAt(instant, timeZone) === wall.getTime()).toSorted((a, b) => a - b);
  // The offset before a change moves a skipped time on.
  if (instants.length === 0) return { instants: [new Date(wall.getTime() - before)], skipped: true };
  return { instants: instants.map((instant) => new Date(instant)), skipped: false };
}

/** The instant at which the wall clock shows `wall`. A time that a clock change skips is moved on by the width of the gap; of one that comes twice the first counts. */
export function instantOf(wall: WallTime, timeZone: string): Date {
  return instantsOf(wall, timeZone).instants[0] ?? wall;
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
