import { useState } from 'react';
import { current, own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { goTo, Link } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, listOf, textOf } from '../../parts/form-dialog.tsx';
import { Facts, PageHead, Panel } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useRefusal, useRolesIn } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useNames, useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { roleNames } from '../../text/roles.ts';
import { DataSources } from './data-sources.tsx';
import { WorkspaceState } from './workspace-state.tsx';

type Member = Item<NonNullable<Response<typeof current, 'ListProjectMembers'>['PagingInfo']>['ProjectMembers']>;

export default function OneWorkspace({ params }: PageProps) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const id = Number(params['id']);
  const session = useSession();
  const roles = useRolesIn(id);
  const answer = useRead(current, 'GetProject', { Id: id });
  const remove = useWrite(current, 'DeleteProject');
  return (
    <>
      <PageHead
        title={answer.data?.Project?.DisplayName ?? String(id)}
        from={{ to: '/platform/workspaces', title: t('workspaces') }}
        actions={
          <>
            <Link className="plain-button" to={`/platform/studio/${id}`}>
              {t('open-studio')}
            </Link>
            <Link className="plain-button" to={`/platform/operations/${id}`}>
              {t('open-operations')}
            </Link>
            <ActionButton danger reason={session.mayIn(roles, 'own') ? undefined : c('needs-tenant')} confirm={t('delete-workspace')} onAct={() => remove.mutate({ Id: id }, { onSuccess: () => goTo('/platform/workspaces'), onError: tellFailure })}>
              {c('delete')}
            </ActionButton>
          </>
        }
      />
      <Answer query={answer} action="GetProject">
        {({ Project: project = {} }) => (
          <>
            <Panel title={c('details')}>
              <Facts
                rows={[
                  [t('identifier'), project.Name],
                  ['Id', project.Id],
                  [c('description'), project.Description],
                  [t('mode'), project.DevEnvironmentEnabled === true ? t('mode-standard') : t('mode-basic')],
                  [c('status'), <WorkspaceState key="status" status={project.Status} />],
                ]}
              />
            </Panel>
            <Members workspace={id} />
            <DataSources workspace={id} />
          </>
        )}
      </Answer>
    </>
  );
}

function Members({ workspace }: { workspace: number }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const roleName = useNames(roleNames);
  const page = usePage();
  const reason = useRefusal(workspace)('administer');
  const members = useRead(current, 'ListProjectMembers', { ProjectId: workspace, ...page }, { keep: true });
  const remove = useWrite(current, 'DeleteProjectMember');
  const [dialog, setDialog] = useState<'add' | Member>();
  return (
    <Panel
      title={t('members')}
      actions={
        <ActionButton size="small" reason={reason} onAct={() => setDialog('add')}>
          {t('add-member')}
        </ActionButton>
      }
    >
      <PagedTable<NonNullable<typeof members.data>, Member>
        label={t('members')}
        query={members}
        action="ListProjectMembers"
        rows={(data) => data.PagingInfo?.ProjectMembers ?? []}
        total={(data) => data.PagingInfo?.TotalCount ?? 0}
        page={page}
        rowKey="UserId"
        columns={[
          { title: c('user'), dataIndex: 'UserName' },
          { title: t('roles'), render: (_, row) => (row.Roles ?? []).map((role) => roleName(role.Code, role.Name)).join(', ') },
          {
            title: c('actions'),
            render: (_, row) => (
              <span className="page-actions">
                <ActionButton size="small" reason={reason} onAct={() => setDialog(row)}>
                  {t('change-roles')}
                </ActionButton>
                <ActionButton size="small" danger reason={reason} confirm={t('remove-member')} onAct={() => remove.mutate({ ProjectId: workspace, UserId: row.UserId ?? '' }, { onSuccess: () => tell(c('done')), onError: tellFailure })}>
                  {t('remove')}
                </ActionButton>
              </span>
            ),
          },
        ]}
      />
      {dialog === undefined ? null : <MemberDialog workspace={workspace} member={dialog === 'add' ? undefined : dialog} close={() => setDialog(undefined)} />}
    </Panel>
  );
}

/** Adds a member, or changes the roles of one: those missing are granted, those no longer wanted are taken. */
function MemberDialog({ workspace, member, close }: { workspace: number; member: Member | undefined; close(): void }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const roleName = useNames(roleNames);
  const users = useRead(own, 'ListUsers', { PageNumber: 1, PageSize: 100 }, { enabled: member === undefined });
  const roles = useRead(current, 'ListProjectRoles', { ProjectId: workspace, PageNumber: 1, PageSize: 100 });
  const add = useWrite(current, 'CreateProjectMember');
  const grant = useWrite(current, 'GrantMemberProjectRoles');
  const revoke = useWrite(current, 'RevokeMemberProjectRoles');
  if (roles.data === undefined || (member === undefined && users.data === undefined)) return null;
  const held = (member?.Roles ?? []).map((role) => role.Code ?? '');
  const roleField = { name: 'roles', label: t('roles'), kind: 'many' as const, required: true, initial: held, choices: (roles.data.PagingInfo?.ProjectRoles ?? []).map((role) => ({ value: role.Code ?? '', label: roleName(role.Code, role.Name) })) };
  const userField = { name: 'user', label: c('user'), kind: 'one' as const, required: true, choices: [{ value: '', label: '–' }, ...(users.data?.PagingInfo?.Users ?? []).map((user) => ({ value: String(user.UserId), label: `${user.UserName} · ${user.DisplayName}` }))] };
  return (
    <FormDialog
      title={member === undefined ? t('add-member') : `${t('change-roles')}: ${member.UserName}`}
      submitText={c('save')}
      close={close}
      fields={member === undefined ? [userField, roleField] : [roleField]}
      submit={async (values) => {
        const wanted = listOf(values, 'roles');
        if (wanted.length === 0) throw new Error(c('required', { name: t('roles') }));
        if (member === undefined) {
          await add.mutateAsync({ ProjectId: workspace, UserId: textOf(values, 'user') ?? '', RoleCodes: wanted });
        } else {
          const UserId = member.UserId ?? '';
          const more = wanted.filter((code) => !held.includes(code));
          const less = held.filter((code) => !wanted.includes(code));
          if (more.length > 0) await grant.mutateAsync({ ProjectId: workspace, UserId, RoleCodes: more });
          if (less.length > 0) await revoke.mutateAsync({ ProjectId: workspace, UserId, RoleCodes: less });
        }
        tell(c('saved'));
      }}
    />
  );
}
