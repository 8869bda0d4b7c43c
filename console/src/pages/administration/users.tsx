import { useState } from 'react';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { usePlace } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { TextFilter } from '../../parts/filters.tsx';
import { FormDialog, listOf, textOf } from '../../parts/form-dialog.tsx';
import { Facts, PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { administration } from '../../text/administration.ts';
import { common } from '../../text/common.ts';
import { useFormats, useNames, useTexts } from '../../text/language.tsx';
import { roleDescriptions, roleNames } from '../../text/roles.ts';

type User = Item<NonNullable<Response<typeof own, 'ListUsers'>['PagingInfo']>['Users']>;

export default function Users() {
  const t = useTexts(administration);
  const c = useTexts(common);
  const roleName = useNames(roleNames);
  const { time } = useFormats();
  const session = useSession();
  const { query } = usePlace();
  const page = usePage();
  const reason = session.may('administer-tenant') ? undefined : c('needs-tenant');
  const users = useRead(own, 'ListUsers', { Keyword: query.get('keyword') ?? undefined, ...page }, { keep: true });
  const update = useWrite(own, 'UpdateUser');
  const remove = useWrite(own, 'DeleteUser');
  const [dialog, setDialog] = useState<{ readonly kind: 'new' } | { readonly kind: 'edit' | 'password'; readonly user: User }>();
  const close = () => setDialog(undefined);
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  return (
    <>
      <PageHead
        title={t('users')}
        text={t('users-text')}
        actions={
          <ActionButton type="primary" reason={reason} onAct={() => setDialog({ kind: 'new' })}>
            {t('new-user')}
          </ActionButton>
        }
      />
      <div className="filters">
        <TextFilter name="keyword" label={t('keyword')} />
      </div>
      <Panel flush>
        <PagedTable<NonNullable<typeof users.data>, User>
          label={t('users')}
          query={users}
          action="ListUsers"
          rows={(data) => data.PagingInfo?.Users ?? []}
          total={(data) => data.PagingInfo?.TotalCount ?? 0}
          page={page}
          rowKey="UserId"
          emptyText={c('none-matches')}
          columns={[
            { title: t('user-name'), dataIndex: 'UserName' },
            { title: t('display-name'), dataIndex: 'DisplayName' },
            { title: t('roles'), render: (_, row) => (row.TenantRoles ?? []).map((code) => roleName(code)).join(', ') },
            { title: c('status'), render: (_, row) => <Tag tone={row.Disabled === true ? 'plain' : 'good'}>{row.Disabled === true ? c('disabled') : c('enabled')}</Tag> },
            { title: t('last-login'), dataIndex: 'LastLoginTime', render: time },
            {
              title: c('actions'),
              render: (_, user) => (
                <span className="page-actions">
                  <ActionButton size="small" reason={reason} onAct={() => setDialog({ kind: 'edit', user })}>
                    {c('edit')}
                  </ActionButton>
                  <ActionButton size="small" reason={reason} onAct={() => setDialog({ kind: 'password', user })}>
                    {t('set-password')}
                  </ActionButton>
                  <ActionButton size="small" reason={reason} onAct={() => update.mutate({ UserId: user.UserId ?? 0, Disabled: user.Disabled !== true }, said)}>
                    {user.Disabled === true ? c('enable') : c('disable')}
                  </ActionButton>
                  <ActionButton size="small" danger reason={reason} confirm={t('delete-user')} onAct={() => remove.mutate({ UserId: user.UserId ?? 0 }, said)}>
                    {c('delete')}
                  </ActionButton>
                </span>
              ),
            },
          ]}
        />
      </Panel>
      <Roles />
      {dialog?.kind === 'new' || dialog?.kind === 'edit' ? <UserDialog user={dialog.kind === 'edit' ? dialog.user : undefined} close={close} /> : null}
      {dialog?.kind === 'password' ? <PasswordDialog user={dialog.user} close={close} /> : null}
    </>
  );
}

function Roles() {
  const t = useTexts(administration);
  const roleName = useNames(roleNames);
  const describeRole = useNames(roleDescriptions);
  const roles = useRead(own, 'ListTenantRoles', {});
  return (
    <Panel title={t('role-list')}>
      <Answer query={roles} action="ListTenantRoles">
        {(data) => <Facts rows={(data.TenantRoles ?? []).map((role) => [roleName(role.Code, role.Name), `${describeRole(role.Code, role.Description)} (${role.Code})`])} />}
      </Answer>
    </Panel>
  );
}

function UserDialog({ user, close }: { user: User | undefined; close(): void }) {
  const t = useTexts(administration);
  const c = useTexts(common);
  const roleName = useNames(roleNames);
  const roles = useRead(own, 'ListTenantRoles', {});
  const create = useWrite(own, 'CreateUser');
  const update = useWrite(own, 'UpdateUser');
  if (roles.data === undefined) return null;
  const shared = [
    { name: 'display', label: t('display-name'), initial: user?.DisplayName, maxLength: 64 },
    { name: 'roles', label: t('roles'), kind: 'many' as const, initial: user?.TenantRoles ?? ['tenant_member'], choices: (roles.data.TenantRoles ?? []).map((role) => ({ value: role.Code ?? '', label: roleName(role.Code, role.Name) })) },
  ];
  const name = { name: 'name', label: t('user-name'), required: true, maxLength: 64 };
  const password = { name: 'password', label: t('password'), kind: 'password' as const, help: t('password-optional') };
  return (
    <FormDialog
      title={user === undefined ? t('new-user') : `${t('edit-user')}: ${user.UserName}`}
      submitText={c('save')}
      close={close}
      fields={user === undefined ? [name, ...shared, password] : shared}
      submit={async (values) => {
        const TenantRoles = listOf(values, 'roles');
        const DisplayName = textOf(values, 'display');
        if (user === undefined) await create.mutateAsync({ UserName: textOf(values, 'name') ?? '', DisplayName, TenantRoles, Password: values['password'] === '' ? undefined : String(values['password']) });
        else await update.mutateAsync({ UserId: user.UserId ?? 0, DisplayName, TenantRoles });
        tell(c('saved'));
      }}
    />
  );
}

function PasswordDialog({ user, close }: { user: User; close(): void }) {
  const t = useTexts(administration);
  const c = useTexts(common);
  const set = useWrite(own, 'SetPassword');
  return (
    <FormDialog
      title={`${t('set-password')}: ${user.UserName}`}
      submitText={c('save')}
      close={close}
      fields={[{ name: 'password', label: t('password'), kind: 'password', required: true }]}
      submit={async (values) => {
        await set.mutateAsync({ UserId: user.UserId, Password: String(values['password']) });
        tell(c('saved'));
      }}
    />
  );
}
