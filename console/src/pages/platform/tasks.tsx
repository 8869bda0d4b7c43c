import { current, type Item, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link, setQuery, usePlace } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { TextFilter } from '../../parts/filters.tsx';
import { Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { OperationsHead } from './operations-head.tsx';

type Task = Item<NonNullable<Response<typeof current, 'ListTasks'>['PagingInfo']>['Tasks']>;

export default function Tasks({ params }: PageProps) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const { time } = useFormats();
  const { query } = usePlace();
  const workspace = Number(params['workspace']);
  const environment = query.get('env') === 'Dev' ? 'Dev' : 'Prod';
  const page = usePage();
  const tasks = useRead(current, 'ListTasks', { ProjectId: workspace, ProjectEnv: environment, Name: query.get('task') ?? undefined, ...page }, { keep: true });
  return (
    <>
      <OperationsHead workspace={workspace} view="tasks" />
      <div className="filters">
        <label>
          {t('environment')}
          <select value={environment} onChange={(event) => setQuery({ env: event.target.value, page: undefined })}>
            <option value="Prod">{t('Prod')}</option>
            <option value="Dev">{t('Dev')}</option>
          </select>
        </label>
        <TextFilter name="task" label={t('task')} />
      </div>
      <Panel flush>
        <PagedTable<NonNullable<typeof tasks.data>, Task>
          label={t('tasks')}
          query={tasks}
          action="ListTasks"
          rows={(data) => data.PagingInfo?.Tasks ?? []}
          total={(data) => data.PagingInfo?.TotalCount ?? 0}
          page={page}
          rowKey="Id"
          emptyText={t('no-tasks')}
          columns={[
            { title: t('task'), dataIndex: 'Name' },
            { title: 'Id', dataIndex: 'Id' },
            { title: t('kind'), dataIndex: 'Type' },
            { title: t('trigger'), render: (_, row) => <><span className="mono">{row.Trigger?.Cron}</span> {row.Trigger?.Recurrence === 'Normal' || row.Trigger?.Recurrence === undefined ? null : <Tag tone="warn">{row.Trigger.Recurrence}</Tag>}</> },
            { title: c('time'), dataIndex: 'ModifyTime', render: time },
            {
              title: c('actions'),
              render: (_, row) => (
                <span className="page-actions">
                  <Link to={`/platform/operations/${workspace}?task=${encodeURIComponent(row.Name ?? '')}&env=${environment}`}>{t('instances')}</Link>
                  <Link to={`/platform/operations/${workspace}/backfill?task=${row.Id}`}>{t('backfill')}</Link>
                </span>
              ),
            },
          ]}
        />
      </Panel>
    </>
  );
}
