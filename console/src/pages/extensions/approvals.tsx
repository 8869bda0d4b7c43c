import { useState } from 'react';
import { legacy, own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, listOf, numberOf, textOf, type Field } from '../../parts/form-dialog.tsx';
import { PageHead, Panel } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { Answer, Empty } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useUserNames } from '../../parts/users.ts';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { workspaceRoles } from '../../../../server/identity/roles.ts';
import { common } from '../../text/common.ts';
import { extensions } from '../../text/extensions.ts';
import { useNames, useTexts } from '../../text/language.tsx';
import { roleNames } from '../../text/roles.ts';

type Row = Item<NonNullable<Response<typeof legacy, 'ListExtensions'>['PagingInfo']>['Extensions']>;
type Policy = Item<NonNullable<Response<typeof own, 'ListExtensionApprovalPolicies'>['PagingInfo']>['Policies']>;

const inReview = 4;

export default function Approvals() {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  return (
    <>
      <PageHead title={t('approvals')} text={t('approvals-text')} />
      <Queue reason={reason} ruleReason={session.may('administer-tenant') ? undefined : c('needs-tenant')} />
      <Policies reason={reason} />
    </>
  );
}

/** The extensions that wait for a review, and whether one is asked for at all, which those who administer the tenant say (`ruleReason`). */
function Queue({ reason, ruleReason }: { reason: string | undefined; ruleReason: string | undefined }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const required = useRead(own, 'GetExtensionReview', {});
  const list = useRead(legacy, 'ListExtensions', { PageNumber: 1, PageSize: 100 });
  const set = useWrite(own, 'SetExtensionReview');
  const review = useWrite(own, 'ReviewExtension');
  const [rejected, setRejected] = useState<Row>();
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  return (
    <Panel title={t('review-queue')}>
      <Answer query={required} action="GetExtensionReview">
        {(data) => (
          <p>
            {data.Required === true ? t('review-required') : t('review-not-required')}{' '}
            <ActionButton size="small" reason={ruleReason} onAct={() => set.mutate({ Required: data.Required !== true }, said)}>
              {data.Required === true ? t('no-review') : t('require-review')}
            </ActionButton>
          </p>
        )}
      </Answer>
      <Answer query={list} action="ListExtensions">
        {(data) => {
          const waiting = (data.PagingInfo?.Extensions ?? []).filter((one) => one.Status === inReview);
          if (waiting.length === 0) return <Empty title={t('nothing-to-review')} />;
          return (
            <table className="plain-table">
              <thead>
                <tr>
                  <th scope="col">{c('name')}</th>
                  <th scope="col">{t('points')}</th>
                  <th scope="col">{c('actions')}</th>
                </tr>
              </thead>
              <tbody>
                {waiting.map((one) => (
                  <tr key={one.ExtensionCode}>
                    <th scope="row">
                      <Link to={`/extensions/list/${one.ExtensionCode}`}>{one.ExtensionName}</Link>
                    </th>
                    <td>{(one.BindEventList ?? []).map((point) => point.EventCode).join(', ')}</td>
                    <td>
                      <span className="page-actions">
                        <ActionButton size="small" type="primary" reason={reason} onAct={() => review.mutate({ ExtensionCode: one.ExtensionCode ?? '', Approve: true }, said)}>
                          {t('approve')}
                        </ActionButton>
                        <ActionButton size="small" danger reason={reason} onAct={() => setRejected(one)}>
                          {t('reject')}
                        </ActionButton>
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          );
        }}
      </Answer>
      {rejected === undefined ? null : (
        <FormDialog
          title={`${t('reject')}: ${rejected.ExtensionName}`}
          submitText={t('reject')}
          close={() => setRejected(undefined)}
          fields={[{ name: 'comment', label: t('comment'), kind: 'long', required: true }]}
          submit={async (values) => {
            await review.mutateAsync({ ExtensionCode: rejected.ExtensionCode ?? '', Approve: false, Comment: textOf(values, 'comment') });
            tell(c('done'));
          }}
        />
      )}
    </Panel>
  );
}

function Policies({ reason }: { reason: string | undefined }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { nameOf } = useWorkspaces();
  const userName = useUserNames();
  const page = usePage();
  const policies = useRead(own, 'ListExtensionApprovalPolicies', page, { keep: true });
  const remove = useWrite(own, 'DeleteExtensionApprovalPolicy');
  const [making, setMaking] = useState(false);
  const roleName = useNames(roleNames);
  return (
    <Panel
      title={t('policies')}
      actions={
        <ActionButton size="small" reason={reason} onAct={() => setMaking(true)}>
          {t('new-policy')}
        </ActionButton>
      }
    >
      <PagedTable<NonNullable<typeof policies.data>, Policy>
        label={t('policies')}
        query={policies}
        action="ListExtensionApprovalPolicies"
        rows={(data) => data.PagingInfo?.Policies ?? []}
        total={(data) => data.PagingInfo?.TotalCount ?? 0}
        page={page}
        rowKey="PolicyId"
        emptyText={t('no-policies')}
        columns={[
          { title: c('name'), dataIndex: 'Name' },
          { title: t('policy-workspaces'), render: (_, row) => ((row.ProjectIds ?? []).length === 0 ? c('all') : (row.ProjectIds ?? []).map(nameOf).join(', ')) },
          { title: t('policy-extensions'), render: (_, row) => ((row.ExtensionCodes ?? []).length === 0 ? c('all') : (row.ExtensionCodes ?? []).join(', ')) },
          { title: t('policy-steps'), render: (_, row) => (row.Steps ?? []).map((step) => (step.Values ?? []).map((value) => (step.Type === 'ROLE' ? roleName(value) : userName(value))).join(' / ')).join(' → ') },
          {
            title: c('actions'),
            render: (_, row) => (
              <ActionButton size="small" danger reason={reason} confirm={`${c('delete')}: ${row.Name}?`} onAct={() => remove.mutate({ PolicyId: row.PolicyId ?? 0 }, { onSuccess: () => tell(c('deleted')), onError: tellFailure })}>
                {c('delete')}
              </ActionButton>
            ),
          },
        ]}
      />
      {making ? <NewPolicy close={() => setMaking(false)} /> : null}
    </Panel>
  );
}

function NewPolicy({ close }: { close(): void }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { list } = useWorkspaces();
  const roleName = useNames(roleNames);
  const known = useRead(legacy, 'ListExtensions', { PageNumber: 1, PageSize: 100 });
  const users = useRead(own, 'ListUsers', { PageNumber: 1, PageSize: 100 });
  const create = useWrite(own, 'CreateExtensionApprovalPolicy');
  if (known.data === undefined || users.data === undefined) return null;
  const fields: readonly Field[] = [
    { name: 'name', label: c('name'), required: true },
    { name: 'workspaces', label: t('policy-workspaces'), kind: 'many', help: t('all-chosen'), choices: list.map((one) => ({ value: String(one.Id), label: one.Name ?? '' })) },
    { name: 'extensions', label: t('policy-extensions'), kind: 'many', help: t('all-chosen'), choices: (known.data.PagingInfo?.Extensions ?? []).map((one) => ({ value: one.ExtensionCode ?? '', label: one.ExtensionName ?? '' })) },
    { name: 'roles', label: t('approver-ROLE'), kind: 'many', choices: workspaceRoles.map((role) => ({ value: role.code, label: roleName(role.code, role.name) })) },
    { name: 'users', label: t('approver-ACCOUNT'), kind: 'many', choices: (users.data.PagingInfo?.Users ?? []).map((user) => ({ value: String(user.UserId), label: user.UserName ?? '' })) },
    { name: 'deadline', label: t('deadline'), kind: 'number' },
  ];
  return (
    <FormDialog
      title={t('new-policy')}
      submitText={c('create')}
      close={close}
      fields={fields}
      submit={async (values) => {
        const roles = listOf(values, 'roles');
        const accounts = listOf(values, 'users');
        // Roles first, then named users: each kind that is filled in is a step.
        const Steps = [...(roles.length === 0 ? [] : [{ Type: 'ROLE' as const, Values: roles }]), ...(accounts.length === 0 ? [] : [{ Type: 'ACCOUNT' as const, Values: accounts }])];
        await create.mutateAsync({ Name: textOf(values, 'name') ?? '', ProjectIds: listOf(values, 'workspaces').map(Number), ExtensionCodes: listOf(values, 'extensions'), Steps, DeadlineSeconds: numberOf(values, 'deadline') });
        tell(c('done'));
      }}
    />
  );
}
