import { useState } from 'react';
import { current } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link, usePlace } from '../../app/router.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { TextFilter } from '../../parts/filters.tsx';
import { Panel } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { useUserNames } from '../../parts/users.ts';
import { alerts } from '../../text/alerts.ts';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { AlertRuleDialog } from './alert-rule-form.tsx';
import { RuleActions, RuleState, RuleTarget, RuleWhen, type Rule } from './alert-rule-parts.tsx';
import { AlertsHead } from './alerts-head.tsx';

export default function AlertRules() {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const { query } = usePlace();
  const userName = useUserNames();
  const page = usePage();
  const rules = useRead(current, 'ListAlertRules', { Name: query.get('name') ?? undefined, ...page }, { keep: true });
  const [making, setMaking] = useState(false);
  return (
    <>
      <AlertsHead
        view="rules"
        actions={
          <ActionButton type="primary" onAct={() => setMaking(true)}>
            {t('new-rule')}
          </ActionButton>
        }
      />
      <div className="filters">
        <TextFilter name="name" label={c('name')} />
      </div>
      <Panel flush>
        <PagedTable<NonNullable<typeof rules.data>, Rule>
          label={t('rules')}
          query={rules}
          action="ListAlertRules"
          rows={(data) => data.PagingInfo?.AlertRules ?? []}
          total={(data) => data.PagingInfo?.TotalCount ?? 0}
          page={page}
          rowKey="Id"
          emptyText={query.get('name') === null ? t('no-rules') : c('none-matches')}
          columns={[
            { title: c('name'), render: (_, row) => <Link to={`/platform/alerts/rules/${row.Id}`}>{row.Name}</Link> },
            { title: t('when'), render: (_, row) => <RuleWhen rule={row} /> },
            { title: t('watches'), render: (_, row) => <RuleTarget rule={row} /> },
            { title: t('owner'), render: (_, row) => userName(row.Owner) },
            { title: c('status'), render: (_, row) => <RuleState rule={row} /> },
            { title: c('actions'), render: (_, row) => <RuleActions rule={row} size="small" /> },
          ]}
        />
      </Panel>
      {making ? <AlertRuleDialog close={() => setMaking(false)} /> : null}
    </>
  );
}
