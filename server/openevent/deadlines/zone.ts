/** Times of day in a time zone. */

const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' });
    formats.set(timeZone, format);
  }
  return format;
}

export function isTimeZone(timeZone: string): boolean {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    return false;
  }
}

/** What the clocks of the zone show at a moment, as if it were UTC. */
function wallTime(moment: number, timeZone: string): number {
  const parts = Object.fromEntries(formatOf(timeZone).formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(parts['year'] ?? 0, (parts['month'] ?? 1) - 1, parts['day'], parts['hour'], parts['minute'], parts['second']);
}

/** The moment at which the clocks of the zone show this. Where they jump over it, the moment of the jump plus what is left; where they show it twice, the first. */
function momentOf(wall: number, timeZone: string): number {
  const before = wall - (wallTime(wall - DAY_MS, timeZone) - (wall - DAY_MS));
  const after = wall - (wallTime(wall + DAY_MS, timeZone) - (wall + DAY_MS));
  return [before, after].toSorted((a, b) => a - b).find((moment) => wallTime(moment, timeZone) === wall) ?? before;
}

/** Minutes of `HH:mm`, or undefined for what is no time of day. */
export function readTime(text: string): number | undefined {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return hours === undefined || minutes === undefined ? undefined : Number(hours) * 60 + Number(minutes);
}

export interface DailyWindow {
  readonly from: Date;
  readonly due: Date;
  /** yyyy-MM-dd, the day before that of the window. */
  readonly businessDate: string;
}

/** The first window whose end is later than `after`. Times are `HH:mm` in the zone. */
export function nextWindow(after: Date, dueTime: string, windowStart: string, timeZone: string): DailyWindow {
  const dueMinutes = readTime(dueTime);
  const startMinutes = readTime(windowStart);
  if (dueMinutes === undefined || startMinutes === undefined) throw new Error('a daily deadline needs times of day');
  const today = Math.floor(wallTime(after.getTime(), timeZone) / DAY_MS) * DAY_MS;
  for (let day = today - DAY_MS; ; day += DAY_MS) {
    const due = momentOf(day + dueMinutes * 60_000, timeZone);
    if (due <= after.getTime()) continue;
    return { from: new Date(momentOf(day + startMinutes * 60_000, timeZone)), due: new Date(due), businessDate: new Date(day - DAY_MS).toISOString().slice(0, 10) };
  }
}
