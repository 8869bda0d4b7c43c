import { useMemo } from 'react';
import { own } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { Figures, PageHead, Panel } from '../../parts/page.tsx';
import { useFormats, useTexts } from '../../text/language.tsx';
import { overview } from '../../text/overview.ts';

const dayMs = 86_400_000;
const mostEvents = 100;

const doors = [
  ['openapi', '/openapi/explorer'],
  ['openevent', '/openevent/events'],
  ['extensions', '/extensions/list'],
] as const;

export const tours = ['lockdown', 'forbid', 'board', 'develop'] as const;
export type TourName = (typeof tours)[number];

export default function Overview() {
  const t = useTexts(overview);
  const session = useSession();
  return (
    <>
      <PageHead title={t('title')} text={`${t('hello', { name: session.displayName })} ${t('text')}`} />
      <LastDay />
      <h2 className="section-title">{t('modules')}</h2>
      <div className="cards">
        {doors.map(([door, to]) => (
          <section className="card" key={door} aria-label={t(`${door}-title`)}>
            <h3>{t(`${door}-title`)}</h3>
            <p>{t(`${door}-text`)}</p>
            <Link to={to}>{t(`go-${door}`)} →</Link>
          </section>
        ))}
      </div>
      <Panel title={t('tours')}>
        <p className="quiet">{t('tours-text')}</p>
        <ul className="tour-list">
          {tours.map((tour) => (
            <li key={tour}>
              <div>
                <h3>{t(`${tour}-title`)}</h3>
                <p className="quiet">{t(`${tour}-text`)}</p>
              </div>
              <Link to={`/tours/${tour}`} className="plain-button" aria-label={`${t('start-tour')}: ${t(`${tour}-title`)}`}>
                {t('start-tour')}
              </Link>
            </li>
          ))}
        </ul>
      </Panel>
    </>
  );
}

/** What has happened since yesterday. Each figure stands alone, so that one that cannot be had takes nothing from the others. */
function LastDay() {
  const t = useTexts(overview);
  const { number } = useFormats();
  // To the minute, so that coming back to the page within it asks nothing anew.
  const range = useMemo(() => {
    const now = Math.floor(Date.now() / 60_000) * 60_000 + 60_000;
    return { StartTime: now - dayMs, EndTime: now };
  }, []);
  const calls = useRead(own, 'GetCallStatistics', { ...range, GroupBy: 'Status' }).data?.Statistics;
  const events = useRead(own, 'ListEvents', { StartTime: range.StartTime, MaxResults: mostEvents }).data?.PagingInfo;
  const holds = useRead(own, 'ListHolds', { ...range, PageSize: 1 }).data?.PagingInfo;
  const open = useRead(own, 'ListHolds', { Status: 'CHECKING', PageSize: 1 }).data?.PagingInfo;
  const runs = useRead(own, 'ListEvents', { StartTime: range.StartTime, Types: ['dataworks:InstanceStatusChanges:InstanceStatusChanges'], MaxResults: mostEvents }).data?.PagingInfo;
  const many = (page: { readonly Events?: readonly unknown[] | undefined; readonly HasMore?: boolean | undefined } | undefined) =>
    page === undefined ? '…' : page.HasMore === true ? t('events-many', { n: number(page.Events?.length) }) : number(page.Events?.length ?? 0);
  return (
    <Figures
      items={[
        { title: t('calls'), value: calls === undefined ? '…' : <Link to="/openapi/calls">{number(calls.TotalCount)}</Link>, note: t('failed-calls', { n: number(calls?.FailedCount ?? 0) }) },
        { title: t('events'), value: <Link to="/openevent/events">{many(events)}</Link> },
        { title: t('holds'), value: holds === undefined ? '…' : <Link to="/extensions/checks">{number(holds.TotalCount)}</Link>, note: t('holds-open', { n: number(open?.TotalCount ?? 0) }) },
        { title: t('runs'), value: <Link to="/platform/operations">{many(runs)}</Link> },
      ]}
    />
  );
}
