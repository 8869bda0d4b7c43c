import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { own } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { Figures, PageHead, Panel, Tag } from '../../parts/page.tsx';
import { Answer } from '../../parts/states.tsx';
import { administration } from '../../text/administration.ts';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { readGauges, type Gauge } from './metrics.ts';

const everyMs = 5_000;

export default function Health() {
  const t = useTexts(administration);
  const { number, time } = useFormats();
  const ready = useQuery({ queryKey: ['readyz'], queryFn: async ({ signal }) => (await fetch('/readyz', { signal })).ok, refetchInterval: everyMs });
  const hour = useMemo(() => {
    const now = Math.floor(Date.now() / 60_000) * 60_000 + 60_000;
    return { StartTime: now - 3_600_000, EndTime: now };
  }, []);
  const calls = useRead(own, 'GetCallStatistics', { ...hour, GroupBy: 'Operation' }).data?.Statistics;
  const first = useRead(own, 'ListHolds', { Status: 'CHECKING', PageNumber: 1, PageSize: 1 }, { every: everyMs });
  const total = first.data?.PagingInfo?.TotalCount ?? 0;
  // Newest first: the last page holds the oldest.
  const last = useRead(own, 'ListHolds', { Status: 'CHECKING', PageNumber: Math.max(1, total), PageSize: 1 }, { enabled: total > 1, every: everyMs });
  const oldest = (total > 1 ? last : first).data?.PagingInfo?.Holds?.[0];
  const slowest = (calls?.Groups ?? []).toSorted((one, other) => (other.MaximumMillis ?? 0) - (one.MaximumMillis ?? 0))[0];
  return (
    <>
      <PageHead title={t('health')} text={t('health-text')} />
      <Figures
        items={[
          { title: t('ready'), value: ready.data === undefined ? '…' : <Tag tone={ready.data ? 'good' : 'bad'}>{ready.data ? t('ready-yes') : t('ready-no')}</Tag>, text: true },
          { title: t('open-holds'), value: <Link to="/extensions/checks?status=CHECKING">{number(total)}</Link>, note: oldest === undefined ? t('nothing-waits') : `${t('oldest-hold')}: ${time(oldest.CreateTime)}` },
          { title: t('failed-calls'), value: <Link to="/openapi/calls?failed=yes">{number(calls?.FailedCount)}</Link> },
          { title: t('slowest'), value: slowest?.Key?.split('/').at(-1) ?? '–', note: slowest === undefined ? undefined : `${number(slowest.MaximumMillis)} ms`, text: true },
        ]}
      />
      <Lags />
      <Parts />
    </>
  );
}

function Lags() {
  const t = useTexts(administration);
  const subscriptions = useRead(own, 'ListSubscriptions', { PageNumber: 1, PageSize: 50 });
  return (
    <Panel title={t('subscriptions-lag')}>
      <Answer query={subscriptions} action="ListSubscriptions">
        {(data) => {
          const list = data.PagingInfo?.Subscriptions ?? [];
          if (list.length === 0) return <p className="quiet">{t('no-subscriptions')}</p>;
          return (
            <table className="plain-table">
              <thead>
                <tr>
                  <th scope="col">{t('subscriptions-lag')}</th>
                  <th scope="col">{t('lag')}</th>
                  <th scope="col">{t('blocked')}</th>
                  <th scope="col">{t('oldest')}</th>
                </tr>
              </thead>
              <tbody>
                {list.map((one) => (
                  <Lag key={one.SubscriptionId} id={one.SubscriptionId ?? 0} name={one.Name ?? ''} />
                ))}
              </tbody>
            </table>
          );
        }}
      </Answer>
    </Panel>
  );
}

/** The gauges of the server, where it shows them: to its operator. */
function Parts() {
  const t = useTexts(administration);
  const { number } = useFormats();
  const metrics = useQuery<Gauge[] | null>({
    queryKey: ['metrics'],
    refetchInterval: (query) => (query.state.data === null ? false : everyMs),
    async queryFn({ signal }) {
      const response = await fetch('/metrics', { signal });
      return response.ok ? readGauges(await response.text()) : null;
    },
  });
  return (
    <Panel title={t('parts')}>
      <Answer query={metrics}>
        {(gauges) =>
          gauges === null || gauges.length === 0 ? (
            <p className="quiet">{t('parts-hidden')}</p>
          ) : (
            <table className="plain-table">
              <tbody>
                {gauges.map((gauge) => (
                  <tr key={`${gauge.name}{${gauge.labels}}`}>
                    <th scope="row">
                      <span className="mono">{gauge.name}</span> <span className="quiet mono">{gauge.labels}</span>
                      <br />
                      <span className="quiet">{gauge.help}</span>
                    </th>
                    <td>{number(gauge.value)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Answer>
    </Panel>
  );
}

function Lag({ id, name }: { id: number; name: string }) {
  const c = useTexts(common);
  const { number, time } = useFormats();
  const status = useRead(own, 'GetSubscriptionStatus', { SubscriptionId: id }, { every: everyMs });
  const now = status.data?.Status;
  return (
    <tr>
      <th scope="row">
        <Link to={`/openevent/subscriptions/${id}`}>{name}</Link> {now?.Enabled === false ? <Tag>{c('disabled')}</Tag> : null}
      </th>
      <td>{number(now?.LagCount)}</td>
      <td>{number(now?.BlockedKeys?.length)}</td>
      <td>{time(now?.OldestUndeliveredTime)}</td>
    </tr>
  );
}
