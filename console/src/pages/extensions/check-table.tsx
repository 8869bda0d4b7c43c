import { own, type Item, type Request, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { useUserNames } from '../../parts/users.ts';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { extensions } from '../../text/extensions.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { CheckState } from './states.tsx';

type Hold = Item<NonNullable<Response<typeof own, 'ListHolds'>['PagingInfo']>['Holds']>;

/** Held operations, newest first. */
export function CheckTable({ request, every }: { request: Request<typeof own, 'ListHolds'>; every?: number }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { time } = useFormats();
  const { nameOf } = useWorkspaces();
  const userName = useUserNames();
  const page = usePage();
  const holds = useRead(own, 'ListHolds', { ...request, ...page }, { keep: true, every: every ?? false });
  return (
    <PagedTable<NonNullable<typeof holds.data>, Hold>
      label={t('checks')}
      query={holds}
      action="ListHolds"
      rows={(data) => data.PagingInfo?.Holds ?? []}
      total={(data) => data.PagingInfo?.TotalCount ?? 0}
      page={page}
      rowKey="HoldId"
      emptyText={t('no-checks')}
      columns={[
        { title: t('operation'), render: (_, row) => <Link to={`/extensions/checks/${row.HoldId}`}>{row.ProcessName === undefined || row.ProcessName === '' ? row.EventCode : row.ProcessName}</Link> },
        { title: c('event-point'), dataIndex: 'EventCode' },
        { title: c('workspace'), render: (_, row) => nameOf(row.ProjectId) },
        { title: t('operator'), render: (_, row) => userName(row.Operator) },
        { title: c('status'), render: (_, row) => <CheckState status={row.Status} /> },
        { title: c('time'), dataIndex: 'CreateTime', render: (value: number) => <span className="nowrap">{time(value)}</span> },
        { title: t('deadline-at'), render: (_, row) => (row.Status === 'CHECKING' ? <span className="nowrap">{time(row.Deadline)}</span> : '–') },
      ]}
    />
  );
}
