import { useState } from 'react';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link, setQuery, usePlace } from '../../app/router.tsx';
import { CodeBlock } from '../../parts/copy.tsx';
import { TextFilter } from '../../parts/filters.tsx';
import { Facts, PageHead, Panel, Tag } from '../../parts/page.tsx';
import { Answer, Empty } from '../../parts/states.tsx';
import { common } from '../../text/common.ts';
import { eventModules, eventNames, eventTriggers } from '../../text/event-types.ts';
import { useFormats, useNames, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';
import { useEventLog } from './event-log.ts';

type EventType = Item<Response<typeof own, 'ListEventTypes'>['EventTypes']>;

export default function Catalogue() {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const eventName = useNames(eventNames);
  const moduleName = useNames(eventModules);
  const { query } = usePlace();
  const answer = useRead(own, 'ListEventTypes', {});
  const word = (query.get('word') ?? '').toLowerCase();
  const kind = query.get('class') ?? '';
  const types = answer.data?.EventTypes ?? [];
  const chosen = types.find((one) => one.EventCode === query.get('event'));
  const matching = types.filter((one) => (kind === '' || one.Class === kind) && `${one.EventCode} ${one.Type} ${eventName(one.EventCode, one.Name)} ${moduleName(one.Module)}`.toLowerCase().includes(word));
  return (
    <>
      <PageHead title={t('catalogue')} text={t('catalogue-text', { n: types.length })} />
      <div className="filters">
        <TextFilter name="word" label={c('search')} />
        <label>
          {t('type')}
          <select value={kind} onChange={(event) => setQuery({ class: event.target.value })}>
            <option value="">{c('all')}</option>
            <option value="X">{t('class-X')}</option>
            <option value="R">{t('class-R')}</option>
          </select>
        </label>
      </div>
      <Answer query={answer} action="ListEventTypes">
        {() => (
          <div className="catalogue">
            <Panel flush>
              {matching.length === 0 ? <Empty title={c('none-matches')} /> : null}
              <ul className="catalogue-list" aria-label={t('catalogue')}>
                {matching.map((one) => (
                  <li key={one.Type}>
                    <button type="button" aria-pressed={one === chosen} onClick={() => setQuery({ event: one.EventCode })}>
                      <strong>{one.EventCode}</strong>
                      <span className="quiet">{eventName(one.EventCode, one.Name)}</span>
                      <span>
                        <Tag tone={one.Class === 'X' ? 'busy' : 'plain'}>{one.Class === 'X' ? t('class-X') : t('class-R')}</Tag>
                      </span>
                    </button>
                  </li>
                ))}
              </ul>
            </Panel>
            {chosen === undefined ? null : <TypeDetails key={chosen.Type} type={chosen} />}
          </div>
        )}
      </Answer>
    </>
  );
}

function TypeDetails({ type }: { type: EventType }) {
  const t = useTexts(openevent);
  const eventName = useNames(eventNames);
  const moduleName = useNames(eventModules);
  const trigger = useNames(eventTriggers);
  const { time } = useFormats();
  const [opened] = useState(() => Date.now());
  const { events } = useEventLog({ StartTime: opened - 7 * 86_400_000, Types: [type.Type ?? ''] }, false);
  const last = events?.[0];
  return (
    <div>
      <Panel title={eventName(type.EventCode, type.Name)}>
        <Facts
          rows={[
            [t('type'), <span key="type" className="mono break">{type.Type}</span>],
            [t('module'), moduleName(type.Module)],
            [t('level'), type.Level === 'tenant' ? t('level-tenant') : t('level-workspace')],
            [t('trigger'), trigger(type.EventCode, type.Trigger)],
          ]}
        />
      </Panel>
      <Panel title={t('last-sample')}>
        {last === undefined ? (
          <p className="quiet">{t('no-sample')}</p>
        ) : (
          <>
            <p>
              <Link to={`/openevent/events/${last.EventId}`}>{time(last.Time)}</Link>
            </p>
            <CodeBlock title={t('data')} text={JSON.stringify(last.Data ?? {}, null, 2)} />
          </>
        )}
      </Panel>
      <Panel>
        <CodeBlock title={t('schema')} text={JSON.stringify(type.Schema ?? {}, null, 2)} />
      </Panel>
    </div>
  );
}
