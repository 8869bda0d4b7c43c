import { Button, Modal } from 'antd';
import { useState } from 'react';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { CodeBlock } from '../../parts/copy.tsx';
import { FormDialog, textOf } from '../../parts/form-dialog.tsx';
import { PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { account } from '../../text/account.ts';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';

type Key = Item<NonNullable<Response<typeof own, 'ListAccessKeys'>['PagingInfo']>['AccessKeys']>;

export default function Keys() {
  const t = useTexts(account);
  const c = useTexts(common);
  const { time } = useFormats();
  const { userId } = useSession();
  const page = usePage();
  const keys = useRead(own, 'ListAccessKeys', { UserId: userId, ...page });
  const create = useWrite(own, 'CreateAccessKey');
  const update = useWrite(own, 'UpdateAccessKey');
  const remove = useWrite(own, 'DeleteAccessKey');
  const [made, setMade] = useState<{ id: string; secret: string }>();
  const [changing, setChanging] = useState(false);
  const make = () => create.mutate({}, { onSuccess: (answer) => setMade({ id: answer.AccessKeyId ?? '', secret: answer.AccessKeySecret ?? '' }), onError: tellFailure });
  return (
    <>
      <PageHead
        title={t('keys')}
        text={t('keys-text')}
        actions={
          <>
            <Button onClick={() => setChanging(true)}>{t('change-password')}</Button>
            <Button type="primary" onClick={make} loading={create.isPending}>
              {t('new-key')}
            </Button>
          </>
        }
      />
      <Panel flush>
        <PagedTable<NonNullable<typeof keys.data>, Key>
          label={t('keys')}
          query={keys}
          action="ListAccessKeys"
          rows={(data) => data.PagingInfo?.AccessKeys ?? []}
          total={(data) => data.PagingInfo?.TotalCount ?? 0}
          page={page}
          rowKey="AccessKeyId"
          emptyText={t('no-keys')}
          columns={[
            { title: t('id'), dataIndex: 'AccessKeyId', render: (id: string) => <span className="mono">{id}</span> },
            { title: c('status'), dataIndex: 'Status', render: (status: string) => <Tag tone={status === 'Active' ? 'good' : 'plain'}>{status === 'Active' ? t('active') : t('inactive')}</Tag> },
            { title: c('created'), dataIndex: 'CreateTime', render: time },
            { title: t('last-used'), dataIndex: 'LastUsedTime', render: time },
            {
              title: c('actions'),
              render: (_, key) => (
                <span className="page-actions">
                  <ActionButton size="small" onAct={() => update.mutate({ UserAccessKeyId: key.AccessKeyId ?? '', Status: key.Status === 'Active' ? 'Inactive' : 'Active' }, { onSuccess: () => tell(c('saved')), onError: tellFailure })}>
                    {key.Status === 'Active' ? t('deactivate') : t('activate')}
                  </ActionButton>
                  <ActionButton size="small" danger confirm={t('delete-key')} onAct={() => remove.mutate({ UserAccessKeyId: key.AccessKeyId ?? '' }, { onSuccess: () => tell(c('deleted')), onError: tellFailure })}>
                    {c('delete')}
                  </ActionButton>
                </span>
              ),
            },
          ]}
        />
      </Panel>
      {made === undefined ? null : (
        <Modal open title={t('new-key')} onCancel={() => setMade(undefined)} onOk={() => setMade(undefined)} cancelButtonProps={{ style: { display: 'none' } }} okText={c('close')}>
          <p className="notice notice-warn">{t('secret-once')}</p>
          <CodeBlock title={t('id')} text={made.id} />
          <CodeBlock title={t('secret')} text={made.secret} />
        </Modal>
      )}
      {changing ? <PasswordDialog close={() => setChanging(false)} /> : null}
    </>
  );
}

function PasswordDialog({ close }: { close(): void }) {
  const t = useTexts(account);
  const c = useTexts(common);
  const set = useWrite(own, 'SetPassword');
  return (
    <FormDialog
      title={t('change-password')}
      submitText={c('save')}
      close={close}
      fields={[
        { name: 'now', label: t('present-password'), kind: 'password', required: true },
        { name: 'next', label: t('new-password'), kind: 'password', required: true },
      ]}
      submit={async (values) => {
        await set.mutateAsync({ CurrentPassword: textOf(values, 'now'), Password: String(values['next']) });
        tell(c('saved'));
      }}
    />
  );
}
