import { useSession } from '../../app/session.tsx';
import { dayText } from './dates.ts';

/** The business date of today's instances: yesterday in the server's calendar, wherever the browser is. */
export function useBusinessDate(): string {
  return dayText(Date.now(), useSession().timeZone, -1);
}
