import { useState } from 'react';
import { current } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { goTo, Link } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, textOf } from '../../parts/form-dialog.tsx';
import { PageHead, Panel } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import type { Workspace } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { WorkspaceState } from './workspace-state.tsx';

export default function Workspaces() {
  const t = useTexts(platform);
  const c = useTexts(common);
  const session = useSession();
  const page = usePage();
  const list = useRead(current, 'ListProjects', page, { keep: true });
  const [making, setMaking] = useState(false);
  return (
    <>
      <PageHead
        title={t('workspaces')}
        text={t('workspaces-text')}
        actions={
          <ActionButton type="primary" reason={session.may('create-workspace') ? undefined : t('needs-create')} onAct={() => setMaking(true)}>
            {t('new-workspace')}
          </ActionButton>
        }
      />
      <Panel flush>
        <PagedTable<NonNullable<typeof list.data>, Workspace>
          label={t('workspaces')}
          query={list}
          action="ListProjects"
          rows={(data) => data.PagingInfo?.Projects ?? []}
          total={(data) => data.PagingInfo?.TotalCount ?? 0}
          page={page}
          rowKey="Id"
          emptyText={t('no-workspaces')}
          columns={[
            { title: t('identifier'), render: (_, row) => <Link to={`/platform/workspaces/${row.Id}`}>{row.Name}</Link> },
            { title: t('display-name'), dataIndex: 'DisplayName' },
            { title: t('mode'), render: (_, row) => (row.DevEnvironmentEnabled === true ? t('standard') : t('basic')) },
            { title: c('status'), render: (_, row) => <WorkspaceState status={row.Status} /> },
            {
              title: c('actions'),
              render: (_, row) => (
                <span className="page-actions">
                  <Link to={`/platform/studio/${row.Id}`}>{t('studio')}</Link>
                  <Link to={`/platform/operations/${row.Id}`}>{t('operations')}</Link>
                </span>
              ),
            },
          ]}
        />
      </Panel>
      {making ? <NewWorkspace close={() => setMaking(false)} /> : null}
    </>
  );
}

function NewWorkspace({ close }: { close(): void }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const create = useWrite(current, 'CreateProject');
  return (
    <FormDialog
      title={t('new-workspace')}
      submitText={c('create')}
      close={close}
      fields={[
        { name: 'name', label: t('identifier'), required: true, maxLength: 40 },
        { name: 'display', label: t('display-name'), required: true, maxLength: 60 },
        { name: 'description', label: c('description'), kind: 'long' },
        { name: 'mode', label: t('mode'), kind: 'one', initial: 'standard', choices: [{ value: 'standard', label: t('mode-standard') }, { value: 'basic', label: t('mode-basic') }] },
      ]}
      submit={async (values) => {
        const answer = await create.mutateAsync({ Name: textOf(values, 'name') ?? '', DisplayName: textOf(values, 'display') ?? '', Description: textOf(values, 'description'), DevEnvironmentEnabled: values['mode'] === 'standard' });
        goTo(`/platform/workspaces/${answer.Id}`);
      }}
    />
  );
}
