import { useState } from 'react';
import { current, legacy, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { setQuery } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, listOf, numberOf, textOf } from '../../parts/form-dialog.tsx';
import { Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { Empty } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useRefusal, useWorkspaceFilter, useWorkspaces } from '../../parts/workspaces.tsx';
import { alerts } from '../../text/alerts.ts';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { AlertsHead } from './alerts-head.tsx';
import { BaselineStatuses } from './baseline-statuses.tsx';

type Baseline = Item<NonNullable<Response<typeof legacy, 'ListBaselines'>['Data']>['Baselines']>;

const priorities = ['1', '3', '5', '7', '8'];

export default function Baselines() {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const { list } = useWorkspaces();
  const workspace = useWorkspaceFilter() ?? list[0]?.Id ?? 0;
  const reason = useRefusal(workspace)('operate');
  const [making, setMaking] = useState(false);
  return (
    <>
      <AlertsHead
        view="baselines"
        actions={
          <ActionButton type="primary" reason={reason} onAct={() => setMaking(true)}>
            {t('new-baseline')}
          </ActionButton>
        }
      />
      {workspace === 0 ? (
        <Empty title={t('no-baselines')} />
      ) : (
        <>
          <div className="filters">
            <label>
              {c('workspace')}
              <select value={workspace} onChange={(event) => setQuery({ workspace: event.target.value, page: undefined })}>
                {list.map((one) => (
                  <option key={one.Id} value={one.Id}>
                    {one.Name}
                  </option>
                ))}
              </select>
            </label>
          </div>
          <BaselineTable workspace={workspace} reason={reason} />
          <BaselineStatuses workspace={workspace} />
          {making ? <BaselineDialog workspace={workspace} close={() => setMaking(false)} /> : null}
        </>
      )}
    </>
  );
}

function BaselineTable({ workspace, reason }: { workspace: number; reason: string | undefined }) {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const page = usePage();
  const baselines = useRead(legacy, 'ListBaselines', { ProjectId: workspace, ...page }, { keep: true });
  const update = useWrite(legacy, 'UpdateBaseline');
  const remove = useWrite(legacy, 'DeleteBaseline');
  const said = { onSuccess: () => tell(c('saved')), onError: tellFailure };
  return (
    <Panel flush>
      <PagedTable<NonNullable<typeof baselines.data>, Baseline>
        label={t('baselines')}
        query={baselines}
        action="ListBaselines"
        rows={(data) => data.Data?.Baselines ?? []}
        total={(data) => Number(data.Data?.TotalCount ?? 0)}
        page={page}
        rowKey="BaselineId"
        emptyText={t('no-baselines')}
        columns={[
          { title: t('baseline'), dataIndex: 'BaselineName' },
          { title: t('kind'), render: (_, row) => (row.BaselineType === 'HOURLY' ? t('HOURLY') : t('DAILY')) },
          { title: t('promised'), render: (_, row) => (row.OverTimeSettings ?? []).map((one) => one.Time).join(', ') },
          { title: t('margin'), dataIndex: 'AlertMarginThreshold' },
          { title: t('priority'), dataIndex: 'Priority' },
          { title: t('alerting'), render: (_, row) => (row.AlertEnabled === true ? t('on') : t('off')) },
          { title: c('status'), render: (_, row) => <Tag tone={row.Enabled === true ? 'good' : 'plain'}>{row.Enabled === true ? c('enabled') : c('disabled')}</Tag> },
          {
            title: c('actions'),
            render: (_, row) => (
              <span className="page-actions">
                <ActionButton size="small" reason={reason} onAct={() => update.mutate({ ProjectId: workspace, BaselineId: row.BaselineId ?? 0, Enabled: row.Enabled !== true }, said)}>
                  {row.Enabled === true ? c('disable') : c('enable')}
                </ActionButton>
                <ActionButton size="small" danger reason={reason} confirm={t('delete-baseline')} onAct={() => remove.mutate({ ProjectId: workspace, BaselineId: row.BaselineId ?? 0 }, { onSuccess: () => tell(c('deleted')), onError: tellFailure })}>
                  {c('delete')}
                </ActionButton>
              </span>
            ),
          },
        ]}
      />
    </Panel>
  );
}

/** Makes a daily baseline; hourly ones, with a time for each cycle, are made by API. */
function BaselineDialog({ workspace, close }: { workspace: number; close(): void }) {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const { userId } = useSession();
  const tasks = useRead(current, 'ListTasks', { ProjectId: workspace, ProjectEnv: 'Prod', PageNumber: 1, PageSize: 100 });
  const create = useWrite(legacy, 'CreateBaseline');
  return (
    <FormDialog
      title={t('new-baseline')}
      submitText={c('create')}
      close={close}
      fields={[
        { name: 'name', label: c('name'), required: true, maxLength: 128 },
        { name: 'tasks', label: t('baseline-tasks'), kind: 'many', help: t('tasks-help'), choices: (tasks.data?.PagingInfo?.Tasks ?? []).map((one) => ({ value: String(one.Id), label: one.Name ?? '' })) },
        { name: 'due', label: t('promised'), required: true, initial: '06:00', maxLength: 5, help: t('time-help') },
        { name: 'margin', label: t('margin'), kind: 'number', required: true, initial: '30' },
        { name: 'priority', label: t('priority'), kind: 'one', initial: '5', choices: priorities.map((one) => ({ value: one, label: one })) },
      ]}
      submit={async (values) => {
        await create.mutateAsync({
          ProjectId: workspace,
          BaselineName: textOf(values, 'name') ?? '',
          BaselineType: 'DAILY',
          Owner: String(userId),
          Priority: numberOf(values, 'priority') ?? 5,
          NodeIds: listOf(values, 'tasks').join(','),
          OvertimeSettings: [{ Cycle: 1, Time: textOf(values, 'due') ?? '' }],
          AlertMarginThreshold: numberOf(values, 'margin') ?? 0,
        });
        tell(c('saved'));
      }}
    />
  );
}
