import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { CodeBlock } from '../../parts/copy.tsx';
import { Facts, PageHead, Panel } from '../../parts/page.tsx';
import { Answer, Empty } from '../../parts/states.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openapi } from '../../text/openapi.ts';
import { ResultTag } from './calls.tsx';

type LoggedCall = NonNullable<Response<typeof own, 'GetCall'>['Call']>;
type LoggedEvent = Item<NonNullable<Response<typeof own, 'ListEvents'>['PagingInfo']>['Events']>;

export default function OneCall({ params }: PageProps) {
  const t = useTexts(openapi);
  const c = useTexts(common);
  const { time, span } = useFormats();
  const requestId = params['requestId'] ?? '';
  const answer = useRead(own, 'GetCall', { CallRequestId: requestId });
  return (
    <>
      <PageHead title={answer.data?.Call?.Operation ?? t('call', { id: requestId })} from={{ to: '/openapi/calls', title: t('calls') }} />
      <Answer query={answer} action="GetCall">
        {({ Call: row = {} }) => (
          <>
            <div className="columns">
              <Panel title={t('call-facts')}>
                <Facts
                  rows={[
                    ['RequestId', <span key="id" className="mono">{row.RequestId}</span>],
                    [t('operation'), <Link key="op" to={`/openapi/explorer/${row.Product}/${row.Version}/${row.Operation}`}>{`${row.Product} ${row.Version} ${row.Operation}`}</Link>],
                    [t('result'), <ResultTag key="result" row={row} />],
                    [t('message'), row.Message],
                    [t('duration'), span(row.DurationMillis)],
                    [c('time'), time(row.Time)],
                    [t('access-key'), row.AccessKeyId === '' ? t('session') : row.AccessKeyId],
                    [c('user'), row.UserName],
                    [t('source'), row.SourceAddress],
                  ]}
                />
              </Panel>
              <Panel title={t('parameters')}>
                {row.Parameters === undefined ? <p className="quiet">{t('parameters-hidden')}</p> : <CodeBlock title={t('parameters')} text={JSON.stringify(row.Parameters, null, 2)} />}
              </Panel>
            </div>
            <Trace row={row} />
          </>
        )}
      </Answer>
    </>
  );
}

/** The events and checks that were written while the call ran. */
function Trace({ row }: { row: LoggedCall }) {
  const t = useTexts(openapi);
  const begin = (row.Time ?? 0) - 1_000;
  // Moments on the wire are whole milliseconds; a duration has parts of one.
  const end = Math.ceil((row.Time ?? 0) + (row.DurationMillis ?? 0)) + 2_000;
  const wrote = row.Access === 'write' && (row.HttpStatus ?? 500) < 400;
  const events = useRead(own, 'ListEvents', { StartTime: begin, EndTime: end, MaxResults: 20 }, { enabled: wrote });
  const holds = useRead(own, 'ListHolds', { StartTime: begin, EndTime: end }, { enabled: wrote });
  return (
    <Panel title={t('trace')}>
      {wrote ? (
        <>
          <h3>{t('trace-events')}</h3>
          <Answer query={events} action="ListEvents">
            {(data) => <EventList events={data.PagingInfo?.Events ?? []} />}
          </Answer>
          <Answer query={holds} action="ListHolds">
            {(data) => {
              const list = data.PagingInfo?.Holds ?? [];
              return list.length === 0 ? null : (
                <>
                  <h3>{t('trace-holds')}</h3>
                  <ul>
                    {list.map((hold) => (
                      <li key={hold.HoldId}>
                        <Link to={`/extensions/checks/${hold.HoldId}`}>{hold.ProcessName ?? hold.EventCode}</Link> · {hold.Status}
                      </li>
                    ))}
                  </ul>
                </>
              );
            }}
          </Answer>
        </>
      ) : (
        <p className="quiet">{t('trace-read')}</p>
      )}
    </Panel>
  );
}

function EventList({ events }: { events: readonly LoggedEvent[] }) {
  const t = useTexts(openapi);
  const { time } = useFormats();
  if (events.length === 0) return <Empty title={t('trace-none')} />;
  return (
    <ul>
      {events.map((event) => (
        <li key={event.EventId}>
          <Link to={`/openevent/events/${event.EventId}`}>{event.EventCode}</Link> · <span className="mono">{event.ObjectKey}</span> · {time(event.Time)}
        </li>
      ))}
    </ul>
  );
}
