import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { administration } from '../../text/administration.ts';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { plans } from '../../../../server/openapi/plans.ts';

type Limit = Item<Response<typeof own, 'GetLimits'>['Limits']>;

const names = ['Basic', 'Standard', 'Professional', 'Enterprise', 'Unlimited'] as const;

export default function Plans() {
  const t = useTexts(administration);
  const { number } = useFormats();
  const limits = useRead(own, 'GetLimits', {});
  return (
    <>
      <PageHead title={t('plans')} text={t('plans-text')} />
      <PlanChoice />
      <Panel title={t('limits')}>
        <PagedTable<NonNullable<typeof limits.data>, Limit>
          label={t('limits')}
          query={limits}
          action="GetLimits"
          rows={(data) => data.Limits ?? []}
          rowKey="Name"
          columns={[
            { title: t('limit'), dataIndex: 'Name', render: (name: string) => <span className="mono">{name}</span> },
            { title: t('value'), render: (_, row) => <span className="nowrap">{`${number(row.Value)} ${row.Unit ?? ''}`}</span> },
            { title: t('meaning'), dataIndex: 'Description', render: (text: string) => <span className="wrap">{text}</span> },
          ]}
        />
      </Panel>
    </>
  );
}

function PlanChoice() {
  const t = useTexts(administration);
  const c = useTexts(common);
  const { number } = useFormats();
  const session = useSession();
  const reason = session.may('administer-tenant') ? undefined : c('needs-tenant');
  const quota = useRead(own, 'GetQuota', {});
  const update = useWrite(own, 'UpdatePlan');
  return (
    <Panel title={t('plan')}>
      <Answer query={quota} action="GetQuota">
        {(data) => (
          <ul className="plans">
            {names.map((name) => (
              <li key={name}>
                <strong>{name}</strong>
                <span className="quiet">
                  {t('per-month')}: {plans[name].perMonth === undefined ? '∞' : number(plans[name].perMonth)}
                </span>
                <span className="quiet">
                  {t('rate')}: {plans[name].readRate === undefined ? '∞' : `${plans[name].readRate} / ${plans[name].writeRate}`}
                </span>
                {data.Quota?.Plan === name ? (
                  <Tag tone="good">{t('present')}</Tag>
                ) : (
                  <ActionButton size="small" reason={reason} confirm={t('choose-ask', { plan: name })} onAct={() => update.mutate({ Plan: name }, { onSuccess: () => tell(c('saved')), onError: tellFailure })}>
                    {t('choose')}
                  </ActionButton>
                )}
              </li>
            ))}
          </ul>
        )}
      </Answer>
    </Panel>
  );
}
