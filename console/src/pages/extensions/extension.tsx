import { useState } from 'react';
import { legacy, own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { goTo, Link } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { CodeBlock } from '../../parts/copy.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { Facts, PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { eventNames } from '../../text/event-types.ts';
import { extensions } from '../../text/extensions.ts';
import { useFormats, useNames, useTexts } from '../../text/language.tsx';
import { CheckTable } from './check-table.tsx';
import { extensionFields, extensionRequest } from './fields.ts';
import { OptionFields, readOptions, type Option } from './option-form.tsx';
import { SigningSecret } from './signing-secret.tsx';
import { ExtensionState } from './states.tsx';

type Extension = NonNullable<Response<typeof legacy, 'GetExtension'>['Extension']>;
type Version = Item<Response<typeof own, 'ListExtensionVersions'>['Versions']>;
type Callback = Item<NonNullable<Response<typeof own, 'ListRefusedCallbacks'>['PagingInfo']>['Callbacks']>;
type Attachment = Item<NonNullable<Response<typeof own, 'ListExtensionAttachments'>['PagingInfo']>['Attachments']>;

export default function OneExtension({ params }: PageProps) {
  const t = useTexts(extensions);
  const code = params['code'] ?? '';
  const answer = useRead(legacy, 'GetExtension', { ExtensionCode: code });
  const extension = answer.data?.Extension;
  return (
    <>
      <PageHead title={extension?.ExtensionName ?? code} from={{ to: '/extensions/list', title: t('list') }} actions={extension === undefined ? undefined : <Actions extension={extension} />} />
      <Answer query={answer} action="GetExtension">
        {(data) => <Body extension={data.Extension ?? {}} />}
      </Answer>
    </>
  );
}

/** The form of the options; none when what is stored is no form. */
export function optionsOf(setting: string | undefined): readonly Option[] {
  try {
    return readOptions(setting ?? '');
  } catch {
    return [];
  }
}

function Body({ extension }: { extension: Extension }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const eventName = useNames(eventNames);
  const { nameOf } = useWorkspaces();
  const options = optionsOf(extension.OptionSetting);
  const tested = extension.ProjectTesting;
  return (
    <>
      <div className="columns">
        <Panel title={c('details')}>
          <Facts
            rows={[
              [c('status'), <ExtensionState key="state" status={extension.Status} />],
              [t('code'), <span key="code" className="mono">{extension.ExtensionCode}</span>],
              [c('description'), extension.ExtensionDesc],
              [t('tested-in'), tested === undefined || tested === 0 ? undefined : nameOf(tested)],
              [t('detail-url'), extension.DetailUrl === '' ? undefined : extension.DetailUrl],
              [t('help-url'), extension.HelpDocUrl === '' ? undefined : extension.HelpDocUrl],
            ]}
          />
          {extension.ParameterSetting === undefined || extension.ParameterSetting === '' ? null : <CodeBlock title={t('parameters')} text={extension.ParameterSetting} />}
        </Panel>
        <Panel title={t('points')}>
          <ul className="tag-list">
            {(extension.BindEventList ?? []).map((point) => (
              <li key={point.EventCode}>
                <Link to={`/openevent/catalogue?event=${point.EventCode}`}>
                  <Tag tone="busy">{point.EventCode}</Tag>
                </Link>{' '}
                <span className="quiet">{eventName(point.EventCode, point.EventName)}</span>
              </li>
            ))}
          </ul>
          {options.length === 0 ? null : (
            <fieldset disabled className="signer">
              <legend>
                {t('step-options')} · {t('preview')}
              </legend>
              <OptionFields options={options} values={{}} change={() => {}} />
            </fieldset>
          )}
        </Panel>
      </div>
      <Attachments code={extension.ExtensionCode ?? ''} />
      <Versions code={extension.ExtensionCode ?? ''} />
      <RefusedCallbacks code={extension.ExtensionCode ?? ''} />
      <Panel title={t('checks')}>
        <CheckTable request={{ ExtensionCode: extension.ExtensionCode }} />
      </Panel>
    </>
  );
}

function Attachments({ code }: { code: string }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { time } = useFormats();
  const { nameOf } = useWorkspaces();
  const attachments = useRead(own, 'ListExtensionAttachments', { ExtensionCode: code, PageNumber: 1, PageSize: 100 });
  return (
    <Panel title={t('enabled-in')} actions={<Link to="/extensions/manage">{t('manage')}</Link>}>
      <PagedTable<NonNullable<typeof attachments.data>, Attachment>
        label={t('enabled-in')}
        query={attachments}
        action="ListExtensionAttachments"
        rows={(data) => data.PagingInfo?.Attachments ?? []}
        rowKey="ProjectId"
        emptyText={t('nowhere')}
        columns={[
          { title: c('workspace'), render: (_, row) => (row.ProjectId === undefined || row.ProjectId === 0 ? t('global') : nameOf(row.ProjectId)) },
          { title: t('enabled-by'), dataIndex: 'EnableTime', render: time },
          { title: t('settings'), dataIndex: 'OptionValue', render: (value: string | undefined) => <span className="mono break">{value}</span> },
        ]}
      />
    </Panel>
  );
}

/** Whether a version is the one being made beside the one in force. */
function isDraft(version: Version, all: readonly Version[]): boolean {
  return (version.PublishTime ?? 0) === 0 && all.some((one) => one.InForce === true);
}

/** What was published and the way back to it, and the version that is being made. */
function Versions({ code }: { code: string }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { time } = useFormats();
  const session = useSession();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const versions = useRead(own, 'ListExtensionVersions', { ExtensionCode: code });
  const publish = useWrite(own, 'PublishExtension');
  const submit = useWrite(own, 'SubmitExtension');
  const withdraw = useWrite(own, 'WithdrawExtension');
  const discard = useWrite(own, 'DiscardExtensionVersion');
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  return (
    <Panel title={t('versions')}>
      <PagedTable<NonNullable<typeof versions.data>, Version>
        label={t('versions')}
        query={versions}
        action="ListExtensionVersions"
        rows={(data) => data.Versions ?? []}
        rowKey="Version"
        emptyText={t('no-versions')}
        columns={[
          { title: t('version'), render: (_, row) => <>{row.Version} {row.InForce === true ? <Tag tone="good">{t('in-force')}</Tag> : null}</> },
          { title: c('name'), dataIndex: 'ExtensionName' },
          { title: t('points'), render: (_, row) => (row.BindEventList ?? []).join(', ') },
          { title: c('status'), render: (_, row) => <ExtensionState status={row.Status} /> },
          { title: c('time'), dataIndex: 'PublishTime', render: time },
          {
            title: c('actions'),
            render: (_, row) =>
              row.InForce === true ? null : isDraft(row, versions.data?.Versions ?? []) ? (
                <span className="page-actions">
                  {row.Status === 4 ? (
                    <ActionButton size="small" reason={reason} onAct={() => withdraw.mutate({ ExtensionCode: code }, said)}>
                      {t('withdraw')}
                    </ActionButton>
                  ) : (
                    <>
                      <ActionButton size="small" reason={reason} onAct={() => submit.mutate({ ExtensionCode: code }, said)}>
                        {t('submit')}
                      </ActionButton>
                      <ActionButton size="small" reason={reason} confirm={t('publish-ask')} onAct={() => publish.mutate({ ExtensionCode: code }, said)}>
                        {t('publish')}
                      </ActionButton>
                    </>
                  )}
                  <ActionButton size="small" danger reason={reason} confirm={t('discard-ask')} onAct={() => discard.mutate({ ExtensionCode: code }, said)}>
                    {t('discard')}
                  </ActionButton>
                </span>
              ) : row.PublishTime === undefined || row.PublishTime === 0 ? null : (
                <ActionButton size="small" reason={reason} onAct={() => publish.mutate({ ExtensionCode: code, ExtensionVersion: row.Version }, said)}>
                  {t('roll-back')}
                </ActionButton>
              ),
          },
        ]}
      />
    </Panel>
  );
}

/** Callbacks with a wrong token, a closed check or a verdict that cannot be: what whoever writes the program has to know. */
function RefusedCallbacks({ code }: { code: string }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { time } = useFormats();
  const refused = useRead(own, 'ListRefusedCallbacks', { ExtensionCode: code, PageNumber: 1, PageSize: 20 });
  // Told to those who look after extensions; nobody else misses an empty panel.
  if (refused.data === undefined || (refused.data.PagingInfo?.Callbacks ?? []).length === 0) return null;
  return (
    <Panel title={t('refused')}>
      <PagedTable<NonNullable<typeof refused.data>, Callback>
        label={t('refused')}
        query={refused}
        action="ListRefusedCallbacks"
        rows={(data) => data.PagingInfo?.Callbacks ?? []}
        rowKey={(row) => `${row.MessageId} ${row.Time}`}
        emptyText={t('no-refused')}
        columns={[
          { title: c('time'), dataIndex: 'Time', render: time },
          { title: t('called'), dataIndex: 'Action' },
          { title: t('message-id'), dataIndex: 'MessageId', render: (id: string) => <span className="mono break">{id}</span> },
          { title: t('refused-why'), dataIndex: 'Reason' },
          { title: t('source'), dataIndex: 'SourceAddress' },
        ]}
      />
    </Panel>
  );
}

function Actions({ extension }: { extension: Extension }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const session = useSession();
  const { list } = useWorkspaces();
  const reason = session.may('write-open-platform') ? undefined : c('needs-platform');
  const ExtensionCode = extension.ExtensionCode ?? '';
  const submit = useWrite(own, 'SubmitExtension');
  const withdraw = useWrite(own, 'WithdrawExtension');
  const publish = useWrite(own, 'PublishExtension');
  const disable = useWrite(own, 'DisableExtension');
  const remove = useWrite(own, 'DeleteExtension');
  const update = useWrite(own, 'UpdateExtension');
  const reset = useWrite(own, 'ResetExtensionSecret');
  // Only a checker that is asked directly gets signed requests.
  const invocation = useRead(own, 'ListExtensionVersions', { ExtensionCode }).data?.Versions?.[0]?.Invocation;
  const [editing, setEditing] = useState(false);
  const [secret, setSecret] = useState<string>();
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  return (
    <>
      <ActionButton reason={reason} onAct={() => setEditing(true)}>
        {c('edit')}
      </ActionButton>
      {invocation === 'HTTP' || invocation === 'FUNCTION' ? (
        <ActionButton reason={reason} confirm={t('reset-secret-ask')} onAct={() => reset.mutate({ ExtensionCode }, { onSuccess: (answer) => setSecret(answer.SigningSecret), onError: tellFailure })}>
          {t('reset-secret')}
        </ActionButton>
      ) : null}
      {extension.Status === 0 || extension.Status === 6 ? (
        <ActionButton reason={reason} onAct={() => submit.mutate({ ExtensionCode }, said)}>
          {t('submit')}
        </ActionButton>
      ) : null}
      {extension.Status === 4 ? (
        <ActionButton reason={reason} onAct={() => withdraw.mutate({ ExtensionCode }, said)}>
          {t('withdraw')}
        </ActionButton>
      ) : null}
      {extension.Status === 1 ? (
        <ActionButton reason={reason} confirm={t('disable-ask')} onAct={() => disable.mutate({ ExtensionCode }, said)}>
          {c('disable')}
        </ActionButton>
      ) : (
        <ActionButton reason={reason} type="primary" confirm={t('publish-ask')} onAct={() => publish.mutate({ ExtensionCode }, said)}>
          {t('publish')}
        </ActionButton>
      )}
      <ActionButton reason={reason} danger confirm={t('delete-ask')} onAct={() => remove.mutate({ ExtensionCode }, { onSuccess: () => goTo('/extensions/list'), onError: tellFailure })}>
        {c('delete')}
      </ActionButton>
      {secret === undefined ? null : <SigningSecret title={t('reset-secret')} secret={secret} close={() => setSecret(undefined)} />}
      {editing ? (
        <FormDialog
          title={c('edit')}
          submitText={c('save')}
          close={() => setEditing(false)}
          width={680}
          fields={[...extensionFields(t, c, list, extension), { name: 'options', label: t('options'), kind: 'code', help: t('options-help'), initial: extension.OptionSetting }]}
          submit={async (values) => {
            await update.mutateAsync({ ExtensionCode, ...extensionRequest(values), OptionSetting: typeof values['options'] === 'string' && values['options'].trim() !== '' ? values['options'] : undefined });
            tell(c('saved'));
          }}
        />
      ) : null}
    </>
  );
}
