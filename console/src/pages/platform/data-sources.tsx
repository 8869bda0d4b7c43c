import { useState } from 'react';
import { call } from '../../api/client.ts';
import { current, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, textOf } from '../../parts/form-dialog.tsx';
import { Panel } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useRefusal } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { datasources } from '../../text/datasources.ts';
import { useTexts } from '../../text/language.tsx';

type Named = Item<NonNullable<Response<typeof current, 'ListDataSources'>['PagingInfo']>['DataSources']>;
type Source = Item<Named['DataSource']> & { readonly Name?: string | undefined; readonly Type?: string | undefined };

const types = ['postgresql', 'mysql', 'duckdb', 's3', 'oss', 'kafka', 'http'] as const;
const modes = ['UrlMode', 'InstanceMode'] as const;
const example = JSON.stringify({ envType: 'Prod', host: '127.0.0.1', port: 5432, database: 'orders', username: 'reader', password: '' }, null, 2);

/** The data sources of a workspace; one row for each environment. */
export function DataSources({ workspace }: { workspace: number }) {
  const t = useTexts(datasources);
  const c = useTexts(common);
  const reason = useRefusal(workspace)('operate');
  const sources = useRead(current, 'ListDataSources', { ProjectId: workspace, PageNumber: 1, PageSize: 100 });
  const remove = useWrite(current, 'DeleteDataSource');
  const [making, setMaking] = useState(false);
  const test = async (id: number) => {
    try {
      const groups = await call(current, 'ListResourceGroups', { ProjectId: workspace, PageNumber: 1, PageSize: 1 });
      const { Connectivity = {} } = await call(current, 'TestDataSourceConnectivity', { DataSourceId: id, ProjectId: workspace, ResourceGroupId: groups.PagingInfo?.ResourceGroupList?.[0]?.Id ?? '' });
      if (Connectivity.ConnectState === 'Connectable') tell(t('test-good'));
      else tellFailure(new Error(t('test-bad', { state: Connectivity.ConnectState ?? '', message: Connectivity.ConnectMessage ?? '' })));
    } catch (error) {
      tellFailure(error);
    }
  };
  return (
    <Panel
      title={t('title')}
      actions={
        <ActionButton size="small" reason={reason} onAct={() => setMaking(true)}>
          {t('new')}
        </ActionButton>
      }
    >
      <PagedTable<NonNullable<typeof sources.data>, Source>
        label={t('title')}
        query={sources}
        action="ListDataSources"
        rows={(data) => (data.PagingInfo?.DataSources ?? []).flatMap((named) => (named.DataSource ?? []).map((one) => ({ ...one, Name: named.Name, Type: named.Type })))}
        rowKey="Id"
        emptyText={t('none')}
        columns={[
          { title: c('name'), dataIndex: 'Name' },
          { title: t('type'), dataIndex: 'Type' },
          { title: t('environment'), render: (_, row) => (environmentOf(row) === 'Dev' ? t('Dev') : t('Prod')) },
          { title: c('description'), dataIndex: 'Description' },
          {
            title: c('actions'),
            render: (_, row) => (
              <span className="page-actions">
                <ActionButton size="small" reason={reason} onAct={() => void test(row.Id ?? 0)}>
                  {t('test')}
                </ActionButton>
                <ActionButton size="small" danger reason={reason} confirm={t('delete-ask')} onAct={() => remove.mutate({ Id: row.Id ?? 0 }, { onSuccess: () => tell(c('deleted')), onError: tellFailure })}>
                  {c('delete')}
                </ActionButton>
              </span>
            ),
          },
        ]}
      />
      {making ? <NewSource workspace={workspace} close={() => setMaking(false)} /> : null}
    </Panel>
  );
}

function environmentOf(source: Source): string {
  const properties: unknown = source.ConnectionProperties;
  return typeof properties === 'object' && properties !== null && 'envType' in properties ? String(properties.envType) : 'Prod';
}

function NewSource({ workspace, close }: { workspace: number; close(): void }) {
  const t = useTexts(datasources);
  const c = useTexts(common);
  const create = useWrite(current, 'CreateDataSource');
  return (
    <FormDialog
      title={t('new')}
      submitText={c('create')}
      close={close}
      fields={[
        { name: 'name', label: c('name'), required: true },
        { name: 'type', label: t('type'), kind: 'one', initial: types[0], choices: types.map((one) => ({ value: one, label: one })) },
        { name: 'mode', label: t('mode'), kind: 'one', initial: modes[0], choices: modes.map((one) => ({ value: one, label: t(one) })) },
        { name: 'properties', label: t('properties'), kind: 'code', required: true, help: t('properties-help'), initial: example },
        { name: 'description', label: c('description') },
      ]}
      submit={async (values) => {
        await create.mutateAsync({
          ProjectId: workspace,
          Name: textOf(values, 'name') ?? '',
          Type: textOf(values, 'type') ?? '',
          ConnectionPropertiesMode: textOf(values, 'mode') ?? '',
          ConnectionProperties: textOf(values, 'properties') ?? '',
          Description: textOf(values, 'description'),
        });
        tell(c('done'));
      }}
    />
  );
}
