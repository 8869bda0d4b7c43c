import { useMemo } from 'react';
import { useRead } from '../../api/queries.ts';
import { own, type Item, type Response } from '../../api/contract.ts';
import { setQuery, usePlace } from '../../app/router.tsx';
import { later } from '../../parts/later.tsx';
import { Figures, PageHead, Panel } from '../../parts/page.tsx';
import { Answer, Empty } from '../../parts/states.tsx';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openapi } from '../../text/openapi.ts';
import { dayMs, forecast } from './forecast.ts';

const Chart = later(() => import('../../parts/chart.tsx'));

type Group = Item<NonNullable<Response<typeof own, 'GetCallStatistics'>['Statistics']>['Groups']>;

/** The beginning of the UTC day, so that a range keeps its meaning while the page stays open. */
function startOfDay(time: number): number {
  return time - (time % dayMs);
}

export default function Usage() {
  const t = useTexts(openapi);
  const { query } = usePlace();
  const days = [7, 14, 31].find((one) => String(one) === query.get('days')) ?? 14;
  const range = useMemo(() => {
    const end = startOfDay(Date.now()) + dayMs;
    return { StartTime: end - days * dayMs, EndTime: end };
  }, [days]);
  return (
    <>
      <PageHead
        title={t('usage')}
        text={t('usage-text')}
        actions={
          <div className="filters">
            <label>
              {t('range')}
              <select value={days} onChange={(event) => setQuery({ days: event.target.value })}>
                {[7, 14, 31].map((n) => (
                  <option key={n} value={n}>
                    {t('days', { n })}
                  </option>
                ))}
              </select>
            </label>
          </div>
        }
      />
      <Quota />
      <Days range={range} />
      <div className="columns">
        <Ranking range={range} by="Operation" title={t('by-operation')} />
        <Ranking range={range} by="AccessKey" title={t('by-key')} />
        <Ranking range={range} by="Status" title={t('by-status')} />
      </div>
    </>
  );
}

function Quota() {
  const t = useTexts(openapi);
  const { number, day } = useFormats();
  const quota = useRead(own, 'GetQuota', {});
  const week = useMemo(() => {
    const now = Math.floor(Date.now() / 60_000) * 60_000;
    return { StartTime: now - 7 * dayMs, EndTime: now, GroupBy: 'Day' as const };
  }, []);
  const recent = useRead(own, 'GetCallStatistics', week);
  return (
    <Answer query={quota} action="GetQuota">
      {({ Quota: q = {} }) => {
        const perDay = (recent.data?.Statistics?.TotalCount ?? 0) / 7;
        const end = forecast({ remaining: q.Remaining, perDay, now: Date.now(), periodEnd: q.PeriodEnd ?? 0 });
        return (
          <Figures
            items={[
              { title: t('plan'), value: q.Plan ?? '', note: q.RegionId },
              { title: t('used'), value: number(q.Used), note: q.Limit === undefined ? t('no-limit') : t('of', { n: number(q.Limit) }) },
              { title: t('today'), value: number(q.DailyUsed), note: q.DailyLimit === undefined ? t('no-limit') : t('of', { n: number(q.DailyLimit) }) },
              { title: t('forecast'), value: end === undefined ? t('forecast-fits') : t('forecast-end', { day: day(end) }), note: t('forecast-note', { n: number(perDay) }), text: true },
              { title: t('rate'), value: q.ReadRate === undefined ? t('no-limit') : t('rate-value', { read: number(q.ReadRate), write: number(q.WriteRate) }), text: true },
            ]}
          />
        );
      }}
    </Answer>
  );
}

interface Range {
  readonly StartTime: number;
  readonly EndTime: number;
}

function Days({ range }: { range: Range }) {
  const t = useTexts(openapi);
  const answer = useRead(own, 'GetCallStatistics', { ...range, GroupBy: 'Day' });
  return (
    <Panel title={t('by-day')}>
      <Answer query={answer} action="GetCallStatistics">
        {(data) => <DayChart groups={data.Statistics?.Groups ?? []} range={range} />}
      </Answer>
    </Panel>
  );
}

function DayChart({ groups, range }: { groups: readonly Group[]; range: Range }) {
  const t = useTexts(openapi);
  const { number } = useFormats();
  const rows = useMemo(() => {
    const byDay = new Map(groups.map((group) => [(group.Key ?? '').slice(0, 10), group]));
    const list: { day: string; good: number; failed: number; total: number }[] = [];
    let month = '';
    let total = 0;
    for (let time = range.StartTime; time < range.EndTime; time += dayMs) {
      const day = new Date(time).toISOString().slice(0, 10);
      const group = byDay.get(day);
      const count = group?.Count ?? 0;
      total = day.slice(0, 7) === month ? total + count : count;
      month = day.slice(0, 7);
      list.push({ day, good: count - (group?.FailedCount ?? 0), failed: group?.FailedCount ?? 0, total });
    }
    return list;
  }, [groups, range]);
  const names = useMemo(() => rows.map((row) => row.day.slice(5)), [rows]);
  const series = useMemo(
    () => [
      { name: t('succeeded'), values: rows.map((row) => row.good) },
      { name: t('failed'), values: rows.map((row) => row.failed), tone: 'bad' as const },
    ],
    [rows, t],
  );
  return (
    <>
      <Chart label={t('by-day')} kind="bar" names={names} series={series} />
      <details>
        <summary>{t('daily-table')}</summary>
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">{t('day')}</th>
              <th scope="col">{t('succeeded')}</th>
              <th scope="col">{t('failed')}</th>
              <th scope="col">{t('cumulative')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.toReversed().map((row) => (
              <tr key={row.day}>
                <th scope="row">{row.day}</th>
                <td>{number(row.good)}</td>
                <td>{number(row.failed)}</td>
                <td>{number(row.total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}

function Ranking({ range, by, title }: { range: Range; by: 'Operation' | 'AccessKey' | 'Status'; title: string }) {
  const t = useTexts(openapi);
  const { number, span } = useFormats();
  const answer = useRead(own, 'GetCallStatistics', { ...range, GroupBy: by });
  return (
    <Panel title={title}>
      <Answer query={answer} action="GetCallStatistics">
        {(data) => {
          const groups = (data.Statistics?.Groups ?? []).toSorted((one, other) => (other.Count ?? 0) - (one.Count ?? 0)).slice(0, 10);
          const most = groups[0]?.Count ?? 1;
          if (groups.length === 0) return <Empty />;
          return (
            <table className="plain-table">
              <thead>
                <tr>
                  <th scope="col">{title}</th>
                  <th scope="col">{t('count')}</th>
                  <th scope="col">{t('failed')}</th>
                  <th scope="col">{t('average')}</th>
                </tr>
              </thead>
              <tbody>
                {groups.map((group) => (
                  <tr key={group.Key}>
                    <th scope="row" className="bar-cell" style={{ backgroundSize: `${(100 * (group.Count ?? 0)) / most}% 100%` }}>
                      {by === 'AccessKey' && (group.Key === '' || group.Key === 'session') ? t('session') : by === 'Operation' ? <OperationName text={group.Key ?? ''} /> : group.Key}
                    </th>
                    <td>{number(group.Count)}</td>
                    <td>{number(group.FailedCount)}</td>
                    <td>{span(group.AverageMillis)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          );
        }}
      </Answer>
    </Panel>
  );
}

/** An operation by its name, with the product and version it is of beside it. */
function OperationName({ text }: { text: string }) {
  const parts = text.split('/');
  return (
    <>
      {parts.at(-1)} <span className="quiet operation-of">{parts.slice(0, -1).join(' ')}</span>
    </>
  );
}
