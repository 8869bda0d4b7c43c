import { own } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import type { PageProps } from '../../app/routes.ts';
import { CodeBlock } from '../../parts/copy.tsx';
import { Facts, PageHead, Panel } from '../../parts/page.tsx';
import { Answer } from '../../parts/states.tsx';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { eventNames } from '../../text/event-types.ts';
import { useFormats, useNames, useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';
import { DeliveryTable } from './delivery-table.tsx';

export default function OneEvent({ params }: PageProps) {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { time } = useFormats();
  const { nameOf } = useWorkspaces();
  const eventName = useNames(eventNames);
  const id = params['id'] ?? '';
  const answer = useRead(own, 'GetEvent', { EventId: id });
  return (
    <>
      <PageHead title={answer.data?.Event?.EventCode ?? t('event')} from={{ to: '/openevent/events', title: t('events') }} />
      <Answer query={answer} action="GetEvent">
        {({ Event: event = {} }) => (
          <>
            <Panel title={c('details')}>
              <Facts
                rows={[
                  [t('event-id'), <span key="id" className="mono">{event.EventId}</span>],
                  [
                    t('type'),
                    <span key="type">
                      <span className="mono break">{event.Type}</span> <span className="quiet">{eventName(event.EventCode, '')}</span>
                    </span>,
                  ],
                  [t('object'), <span key="object" className="mono">{event.ObjectKey}</span>],
                  [c('workspace'), nameOf(event.ProjectId)],
                  [c('time'), time(event.Time)],
                ]}
              />
            </Panel>
            <div className="columns">
              <Panel>
                <CodeBlock title={t('data')} text={JSON.stringify(event.Data ?? {}, null, 2)} />
              </Panel>
              <Panel>
                <CodeBlock title={t('envelope')} text={JSON.stringify(event.Envelope ?? {}, null, 2)} />
              </Panel>
            </div>
            <Panel title={t('event-deliveries')}>
              <DeliveryTable request={{ EventId: id }} />
            </Panel>
          </>
        )}
      </Answer>
    </>
  );
}
