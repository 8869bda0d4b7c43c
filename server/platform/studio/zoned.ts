/** Moments as FlowSpec writes them: `yyyy-MM-dd HH:mm:ss` on the clock of a time zone. */

/** The zone of a schedule that names none. */
export const DEFAULT_TIMEZONE = 'Asia/Shanghai';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(timezone: string): Intl.DateTimeFormat {
  let found = formats.get(timezone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(timezone, found);
  }
  return found;
}

/** The wall clock at a moment, as if it were UTC. */
function wallClock(moment: number, timezone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of format(timezone).formatToParts(moment)) parts[type] = Number(value);
  return Date.UTC(parts['year'] ?? 0, (parts['month'] ?? 1) - 1, parts['day'], parts['hour'], parts['minute'], parts['second']);
}

export function toZoned(moment: Date, timezone = DEFAULT_TIMEZONE): string {
  const wall = new Date(wallClock(moment.getTime(), timezone));
  const year = String(wall.getUTCFullYear()).padStart(4, '0');
  return `${year}-${wall.toISOString().slice(-19, -5).replace('T', ' ')}`;
}

/** The moment of a wall clock, or undefined for text of another form. */
export function fromZoned(text: string, timezone = DEFAULT_TIMEZONE): Date | undefined {
  const match = /^(\d{4,5})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 1, day, hour, minute, second] = match.slice(1).map(Number);
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  // The offset at the guess is nearly always the right one; the second look corrects it beside a change of the clocks.
  const guess = wall - (wallClock(wall, timezone) - wall);
  return new Date(guess - (wallClock(guess, timezone) - wall));
}
