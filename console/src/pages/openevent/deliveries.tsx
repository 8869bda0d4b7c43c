import { setQuery, usePlace } from '../../app/router.tsx';
import { own } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { PageHead, Panel } from '../../parts/page.tsx';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { openevent } from '../../text/openevent.ts';
import { TextFilter } from '../../parts/filters.tsx';
import { DeliveryTable } from './delivery-table.tsx';

const states = ['Succeeded', 'Failed', 'Skipped'] as const;

export default function Deliveries() {
  const t = useTexts(openevent);
  const c = useTexts(common);
  const { query } = usePlace();
  const subscriptions = useRead(own, 'ListSubscriptions', { PageNumber: 1, PageSize: 100 });
  const id = Number(query.get('subscription'));
  return (
    <>
      <PageHead title={t('deliveries')} text={t('deliveries-text')} />
      <div className="filters">
        <label>
          {t('subscription')}
          <select value={query.get('subscription') ?? ''} onChange={(event) => setQuery({ subscription: event.target.value, page: undefined })}>
            <option value="">{c('all')}</option>
            {(subscriptions.data?.PagingInfo?.Subscriptions ?? []).map((one) => (
              <option key={one.SubscriptionId} value={one.SubscriptionId}>
                {one.Name}
              </option>
            ))}
          </select>
        </label>
        <label>
          {c('status')}
          <select value={query.get('status') ?? ''} onChange={(event) => setQuery({ status: event.target.value, page: undefined })}>
            <option value="">{c('all')}</option>
            {states.map((one) => (
              <option key={one} value={one}>
                {t(one)}
              </option>
            ))}
          </select>
        </label>
        <TextFilter name="object" label={t('object')} />
      </div>
      <Panel flush>
        <DeliveryTable every={5_000} request={{ SubscriptionId: id > 0 ? id : undefined, Status: states.find((one) => one === query.get('status')), ObjectKey: query.get('object') ?? undefined }} />
      </Panel>
    </>
  );
}
