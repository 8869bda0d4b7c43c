import { legacy, type Item, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { goTo, Link } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { PageHead, Panel } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { common } from '../../text/common.ts';
import { extensions } from '../../text/extensions.ts';
import { useTexts } from '../../text/language.tsx';
import { ExtensionState } from './states.tsx';

type Row = Item<NonNullable<Response<typeof legacy, 'ListExtensions'>['PagingInfo']>['Extensions']>;

export default function Extensions() {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const session = useSession();
  const page = usePage();
  const list = useRead(legacy, 'ListExtensions', page, { keep: true });
  const register = (
    <ActionButton type="primary" reason={session.may('write-open-platform') ? undefined : c('needs-platform')} onAct={() => goTo('/extensions/register')}>
      {t('register')}
    </ActionButton>
  );
  return (
    <>
      <PageHead title={t('list')} text={t('list-text')} actions={register} />
      <Panel flush>
        <PagedTable<NonNullable<typeof list.data>, Row>
          label={t('list')}
          query={list}
          action="ListExtensions"
          rows={(data) => data.PagingInfo?.Extensions ?? []}
          total={(data) => data.PagingInfo?.TotalCount ?? 0}
          page={page}
          rowKey="ExtensionCode"
          emptyText={t('no-extensions')}
          columns={[
            { title: c('name'), render: (_, row) => <Link to={`/extensions/list/${row.ExtensionCode}`}>{row.ExtensionName}</Link> },
            { title: t('code'), dataIndex: 'ExtensionCode', render: (code: string) => <span className="mono">{code}</span> },
            { title: t('points'), render: (_, row) => (row.BindEventList ?? []).map((one) => one.EventCode).join(', ') },
            { title: c('status'), render: (_, row) => <ExtensionState status={row.Status} /> },
            { title: c('description'), dataIndex: 'ExtensionDesc' },
          ]}
        />
      </Panel>
    </>
  );
}
