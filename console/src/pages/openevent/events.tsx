import { useMemo, useState } from 'react';
import { own } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link, setQuery, usePlace } from '../../app/router.tsx';
import { TextFilter } from '../../parts/filters.tsx';
import { PageHead } from '../../parts/page.tsx';
import { Empty, Failure, Waiting } from '../../parts/states.tsx';
import { VirtualRows } from '../../parts/virtual-rows.tsx';
import { useWorkspaceFilter, useWorkspaces, WorkspaceFilter } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';
import { keptEvents, useEventLog } from './event-log.ts';

const ranges = { 'last-hour': 3_600_000, 'last-day': 86_400_000, 'last-week': 7 * 86_400_000 } as const;
type Range = keyof typeof ranges;

const nothing = () => {};

export default function Events() {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time, number } = useFormats();
  const { query } = usePlace();
  const { nameOf } = useWorkspaces();
  const types = useRead(own, 'ListEventTypes', {});
  const [opened] = useState(() => Date.now());
  const [follow, setFollow] = useState(true);
  const range: Range = (query.get('range') as Range | null) ?? 'last-day';
  const type = query.get('type') ?? undefined;
  const objectKey = query.get('object') ?? undefined;
  const ProjectId = useWorkspaceFilter();
  const filter = useMemo(
    () => ({ StartTime: opened - (ranges[range] ?? ranges['last-day']), Types: type === undefined ? undefined : [type], ObjectKey: objectKey, ProjectId }),
    [opened, range, type, objectKey, ProjectId],
  );
  const { events, error } = useEventLog(filter, follow);
  return (
    <>
      <PageHead title={t('events')} text={t('events-text')} />
      <div className="filters">
        <label>
          {t('range')}
          <select value={range} onChange={(event) => setQuery({ range: event.target.value })}>
            {(Object.keys(ranges) as Range[]).map((one) => (
              <option key={one} value={one}>
                {t(one)}
              </option>
            ))}
          </select>
        </label>
        <WorkspaceFilter />
        <label>
          {t('type')}
          <select value={type ?? ''} onChange={(event) => setQuery({ type: event.target.value })}>
            <option value="">{c('all')}</option>
            {(types.data?.EventTypes ?? []).map((one) => (
              <option key={one.Type} value={one.Type}>
                {one.EventCode}
              </option>
            ))}
          </select>
        </label>
        <TextFilter name="object" label={t('object')} />
        <label className="check">
          <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.target.checked)} /> {t('follow')}
        </label>
      </div>
      {error !== undefined ? (
        <Failure error={error} action="ListEvents" />
      ) : events === undefined ? (
        <Waiting />
      ) : events.length === 0 ? (
        <Empty title={t('no-events')} />
      ) : (
        <>
          <p className="quiet">{events.length < keptEvents ? c('total', { n: number(events.length) }) : t('newest-of', { n: number(keptEvents) })}</p>
          <VirtualRows
            label={t('events')}
            count={events.length}
            rowHeight={36}
            template="180px minmax(200px, 2fr) minmax(160px, 2fr) 140px"
            head={[c('time'), t('event'), t('object'), c('workspace')]}
            onRange={nothing}
            item={(index) => events[index]}
            cells={(event) => [
              time(event.Time),
              <Link key="link" to={`/openevent/events/${event.EventId}`} title={event.Type}>
                {event.EventCode}
              </Link>,
              <span key="object" className="mono" title={event.ObjectKey}>
                {event.ObjectKey}
              </span>,
              nameOf(event.ProjectId),
            ]}
          />
        </>
      )}
    </>
  );
}
