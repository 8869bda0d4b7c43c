import { useEffect, useRef, useState } from 'react';
import { call, type CallError } from '../../api/client.ts';
import { own, type Item, type Request, type Response } from '../../api/contract.ts';

export type LoggedEvent = Item<NonNullable<Response<typeof own, 'ListEvents'>['PagingInfo']>['Events']>;

/** No more events of a range are kept in the page. */
export const keptEvents = 500;
const pageSize = 100;
const followMs = 2_000;

export interface EventLog {
  /** Newest first; undefined until the first answer. */
  readonly events: readonly LoggedEvent[] | undefined;
  readonly error: CallError | undefined;
}

/**
 * Reads the log from the filter's start to its end in the log's own order, keeps the newest events, and goes on reading behind the cursor
 * while `follow` is set.
 */
export function useEventLog(filter: Request<typeof own, 'ListEvents'>, follow: boolean): EventLog {
  const [log, setLog] = useState<EventLog>({ events: undefined, error: undefined });
  const key = JSON.stringify(filter);
  const following = useRef(follow);
  following.current = follow;
  useEffect(() => {
    const abort = new AbortController();
    const request = JSON.parse(key) as Request<typeof own, 'ListEvents'>;
    let events: readonly LoggedEvent[] = [];
    let cursor: string | undefined;
    let timer = 0;
    setLog({ events: undefined, error: undefined });
    const read = async (): Promise<void> => {
      try {
        let more = true;
        while (more) {
          const answer = await call(own, 'ListEvents', { ...request, After: cursor, MaxResults: pageSize }, abort.signal);
          const page = answer.PagingInfo?.Events ?? [];
          events = [...page.toReversed(), ...events].slice(0, keptEvents);
          cursor = answer.PagingInfo?.Cursor ?? cursor;
          more = answer.PagingInfo?.HasMore === true && page.length > 0;
        }
        setLog({ events, error: undefined });
      } catch (error) {
        if (!abort.signal.aborted) setLog((old) => ({ ...old, error: error as CallError }));
      }
      if (!abort.signal.aborted) timer = window.setTimeout(again, followMs);
    };
    const again = () => {
      if (following.current && document.visibilityState === 'visible') void read();
      else timer = window.setTimeout(again, followMs);
    };
    void read();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [key]);
  return log;
}
