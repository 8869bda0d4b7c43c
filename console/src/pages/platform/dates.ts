/** A day of the calendar as `yyyy-MM-dd`, in the browser's time zone. */
export function dayText(time: number): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** A moment of a day that is the same day in (nearly) every time zone: a business date goes over the wire as a moment, and the server may stand elsewhere. */
export function noonOf(day: string): number {
  return Date.parse(`${day}T12:00:00Z`);
}
