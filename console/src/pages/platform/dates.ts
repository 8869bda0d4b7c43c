/** A day of the calendar of a time zone (IANA name) as `yyyy-MM-dd`, so many days after the one of `time`. */
export function dayText(time: number, timeZone: string, later = 0): string {
  const parts = new Intl.DateTimeFormat('en', { timeZone, year: 'numeric', month: 'numeric', day: 'numeric' }).formatToParts(time);
  const number = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  return new Date(Date.UTC(number('year'), number('month') - 1, number('day') + later)).toISOString().slice(0, 10);
}
