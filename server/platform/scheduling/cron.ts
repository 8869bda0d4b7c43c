// Provisional: being replaced.
import { startOfDay, type WallTime } from './calendar.ts';
export class CronFault extends Error {}
export interface Cron { readonly fields: readonly string[] }
function values(field: string, from: number, to: number): number[] {
  const out = new Set<number>();
  for (const part of field.split(',')) {
    const m = /^(\*|\?|\d+)(?:-(\d+))?(?:\/(\d+))?$/.exec(part);
    if (m === null) throw new CronFault(`the field ${field} cannot be read`);
    const [, a = '*', b, step] = m;
    const lo = a === '*' || a === '?' ? from : Number(a);
    const hi = b !== undefined ? Number(b) : a === '*' || a === '?' || step !== undefined ? to : lo;
    for (let v = lo; v <= hi; v += Number(step ?? 1)) out.add(v);
  }
  return [...out].sort((x, y) => x - y);
}
export function parseCron(text: string, _options?: { minimumMinutes?: number }): Cron {
  const fields = text.trim().split(/\s+/);
  if (fields.length < 6) throw new CronFault('a cron has six fields');
  values(fields[0] ?? '', 0, 59); values(fields[1] ?? '', 0, 59); values(fields[2] ?? '', 0, 23); values(fields[3] ?? '', 1, 31); values(fields[4] ?? '', 1, 12); values(fields[5] ?? '', 1, 7);
  return { fields };
}
export function isDueOn(cron: Cron, day: WallTime): boolean {
  const [, , , d = '*', m = '*', w = '*'] = cron.fields;
  return values(d, 1, 31).includes(day.getUTCDate()) && values(m, 1, 12).includes(day.getUTCMonth() + 1) && values(w, 1, 7).includes(day.getUTCDay() + 1);
}
export function occurrencesOn(cron: Cron, day: WallTime): WallTime[] {
  const [s = '0', m = '0', h = '0'] = cron.fields;
  return values(h, 0, 23).flatMap((hour) => values(m, 0, 59).flatMap((minute) => values(s, 0, 59).map((second) => new Date(startOfDay(day).getTime() + ((hour * 60 + minute) * 60 + second) * 1000))));
}
export function kindOf(cron: Cron): 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year' {
  const [, m = '0', h = '0'] = cron.fields;
  return values(m, 0, 59).length > 1 ? 'minute' : values(h, 0, 23).length > 1 ? 'hour' : 'day';
}
