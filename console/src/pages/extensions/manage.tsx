import { useState } from 'react';
import { legacy, own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { describe } from '../../parts/describe.ts';
import { FormDialog, numberOf, textOf } from '../../parts/form-dialog.tsx';
import { PageHead, Panel, Tag } from '../../parts/page.tsx';
import { PagedTable, usePage } from '../../parts/paged-table.tsx';
import { Empty } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useRefusal, useWorkspaceFilter, WorkspaceFilter } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { extensions } from '../../text/extensions.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { optionsOf } from './extension.tsx';
import { OptionFields, type OptionValues } from './option-form.tsx';
import { ExtensionState } from './states.tsx';

type Row = Item<NonNullable<Response<typeof legacy, 'ListExtensions'>['PagingInfo']>['Extensions']>;
type Attachment = Item<NonNullable<Response<typeof own, 'ListExtensionAttachments'>['PagingInfo']>['Attachments']>;

const attachModes = ['SHADOW', 'WARN', 'ENFORCE'] as const;
const outcomes = ['OK', 'WARN', 'FAIL', 'ASK'] as const;

export default function Manage() {
  const t = useTexts(extensions);
  const workspace = useWorkspaceFilter();
  return (
    <>
      <PageHead title={t('manage')} text={t('manage-text')} />
      <div className="filters">
        <WorkspaceFilter />
      </div>
      {workspace === undefined ? (
        <Panel>
          <Empty title={t('choose-workspace')} />
        </Panel>
      ) : (
        <OfWorkspace workspace={workspace} />
      )}
    </>
  );
}

function OfWorkspace({ workspace }: { workspace: number }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const page = usePage();
  const refusal = useRefusal(workspace);
  const list = useRead(legacy, 'ListExtensions', page);
  const attachments = useRead(own, 'ListExtensionAttachments', { ProjectId: workspace, PageNumber: 1, PageSize: 100 });
  const disable = useWrite(own, 'DisableExtensionForProject');
  const [setting, setSetting] = useState<Row>();
  const attached = new Map((attachments.data?.PagingInfo?.Attachments ?? []).map((one) => [one.ExtensionCode, one]));
  const reason = refusal('administer');
  const said = { onSuccess: () => tell(c('done')), onError: tellFailure };
  return (
    <Panel flush>
      <PagedTable<NonNullable<typeof list.data>, Row>
        label={t('manage')}
        query={list}
        action="ListExtensions"
        rows={(data) => data.PagingInfo?.Extensions ?? []}
        total={(data) => data.PagingInfo?.TotalCount ?? 0}
        page={page}
        rowKey="ExtensionCode"
        emptyText={t('no-extensions')}
        columns={[
          { title: c('name'), render: (_, row) => <Link to={`/extensions/list/${row.ExtensionCode}`}>{row.ExtensionName}</Link> },
          { title: t('points'), render: (_, row) => (row.BindEventList ?? []).map((one) => one.EventCode).join(', ') },
          { title: c('status'), render: (_, row) => <ExtensionState status={row.Status} /> },
          { title: c('workspace'), render: (_, row) => (attached.has(row.ExtensionCode) ? <Tag tone="good">{c('enabled')}</Tag> : <Tag>{t('not-enabled')}</Tag>) },
          {
            title: c('actions'),
            render: (_, row) => (
              <span className="page-actions">
                <ActionButton size="small" reason={reason} onAct={() => setSetting(row)}>
                  {attached.has(row.ExtensionCode) ? t('settings') : c('enable')}
                </ActionButton>
                {attached.has(row.ExtensionCode) ? (
                  <ActionButton size="small" reason={reason} onAct={() => disable.mutate({ ExtensionCode: row.ExtensionCode ?? '', ProjectId: workspace }, said)}>
                    {c('disable')}
                  </ActionButton>
                ) : null}
              </span>
            ),
          },
        ]}
      />
      {setting === undefined ? null : <EnableDialog code={setting.ExtensionCode ?? ''} workspace={workspace} attachment={attached.get(setting.ExtensionCode)} close={() => setSetting(undefined)} />}
    </Panel>
  );
}

/** Enables an extension in a workspace with its options; setting them again is the same call. */
function EnableDialog({ code, workspace, attachment, close }: { code: string; workspace: number; attachment: Attachment | undefined; close(): void }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const extension = useRead(legacy, 'GetExtension', { ExtensionCode: code });
  const enable = useWrite(own, 'EnableExtension');
  const [values, setValues] = useState<OptionValues>(() => parse(attachment?.OptionValue));
  if (extension.data === undefined) return null;
  const options = optionsOf(extension.data.Extension?.OptionSetting);
  const outcomeChoices = [{ value: '', label: t('as-registered') }, ...outcomes.map((one) => ({ value: one, label: one }))];
  return (
    <FormDialog
      title={extension.data.Extension?.ExtensionName ?? code}
      submitText={attachment === undefined ? c('enable') : c('save')}
      close={close}
      fields={[
        { name: 'mode', label: t('attach-mode'), kind: 'one', initial: attachment?.Mode ?? 'ENFORCE', choices: attachModes.map((one) => ({ value: one, label: t(`attach-${one}`) })) },
        { name: 'deadline', label: t('deadline'), kind: 'number', initial: attachment?.DeadlineSeconds === undefined ? '' : String(attachment.DeadlineSeconds) },
        { name: 'outcome', label: t('deadline-outcome'), kind: 'one', initial: attachment?.DeadlineOutcome ?? '', choices: outcomeChoices },
        { name: 'failure', label: t('failure-outcome'), kind: 'one', initial: attachment?.FailureOutcome ?? '', choices: outcomeChoices },
        { name: 'release', label: t('release-outcome'), kind: 'one', initial: attachment?.ReleaseOutcome ?? '', choices: outcomeChoices },
        { name: 'pattern', label: t('pattern'), kind: 'code', initial: attachment?.Pattern, help: t('pattern-help') },
      ]}
      submit={async (form) => {
        const outcome = (name: string) => outcomes.find((one) => one === textOf(form, name));
        await enable.mutateAsync({
          ExtensionCode: code,
          ProjectId: workspace,
          OptionValue: options.length === 0 ? undefined : JSON.stringify(values),
          Mode: attachModes.find((one) => one === form['mode']),
          DeadlineSeconds: numberOf(form, 'deadline'),
          DeadlineOutcome: outcome('outcome'),
          FailureOutcome: outcome('failure'),
          ReleaseOutcome: outcome('release'),
          // What is absent stays, so a pattern is taken away by one that matches all.
          Pattern: textOf(form, 'pattern') ?? (attachment?.Pattern === undefined ? undefined : '{}'),
        });
        tell(c('done'));
      }}
    >
      {(form) => (
        <>
          {attachment === undefined ? null : <Statistics code={code} workspace={workspace} />}
          {options.length === 0 ? <p className="quiet">{t('no-options')}</p> : <OptionFields options={options} values={values} change={(name, value) => setValues((old) => ({ ...old, [name]: value }))} />}
          <ScopePreview code={code} workspace={workspace} pattern={textOf(form, 'pattern')} />
        </>
      )}
    </FormDialog>
  );
}

/** How many operations of the last days it would have checked. */
function ScopePreview({ code, workspace, pattern }: { code: string; workspace: number; pattern: string | undefined }) {
  const t = useTexts(extensions);
  const { number } = useFormats();
  const [asked, setAsked] = useState<{ readonly pattern: string | undefined }>();
  const days = 7;
  const answer = useRead(own, 'PreviewExtensionScope', { ExtensionCode: code, ProjectId: workspace, Pattern: asked?.pattern, Days: days }, { enabled: asked !== undefined });
  const found = answer.data?.Preview;
  return (
    <div className="page-actions">
      {/* Asked again with the same pattern, it counts again: operations have happened since. */}
      <ActionButton size="small" onAct={() => (asked !== undefined && asked.pattern === pattern ? void answer.refetch() : setAsked({ pattern }))}>
        {t('scope-preview')}
      </ActionButton>
      <span role="status">
        {asked === undefined ? null : answer.isError ? <span className="form-failure">{describe(answer.error)}</span> : found === undefined ? '…' : t('scope-found', { n: number(found.Matched), all: number(found.Operations), days })}
      </span>
    </div>
  );
}

/** What came of the checks lately, which tells whether a shadow can be made to count. */
function Statistics({ code, workspace }: { code: string; workspace: number }) {
  const t = useTexts(extensions);
  const { number, span } = useFormats();
  const answer = useRead(own, 'GetExtensionAttachment', { ExtensionCode: code, ProjectId: workspace, Days: 7 });
  const one = answer.data?.Attachment?.Statistics;
  if (one === undefined) return null;
  return (
    <div className="notice">
      <strong>{t('statistics')}</strong>
      <p>{t('statistics-line', { checks: number(one.Checks), ok: number(one.OK), warn: number(one.WARN), fail: number(one.FAIL), failed: number(one.Failed), expired: number(one.Expired), p50: span(one.P50Ms), p95: span(one.P95Ms) })}</p>
      {answer.data?.Attachment?.BreakerState === 'OPEN' ? <p className="form-failure">{t('breaker-OPEN')}</p> : null}
    </div>
  );
}

function parse(text: string | undefined): OptionValues {
  try {
    return (text === undefined || text === '' ? {} : JSON.parse(text)) as OptionValues;
  } catch {
    return {};
  }
}
