import { useState, type FormEvent } from 'react';
import { current } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { Link, usePlace } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { ActionButton } from '../../parts/action.tsx';
import { describe } from '../../parts/describe.ts';
import { FormFields, initialValues, numberOf, textOf, type Field, type FormValues } from '../../parts/form-dialog.tsx';
import { Panel } from '../../parts/page.tsx';
import { Answer } from '../../parts/states.tsx';
import { useRefusal } from '../../parts/workspaces.tsx';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { useBusinessDate } from './business-date.ts';
import { OperationsHead } from './operations-head.tsx';

export default function Backfill({ params }: PageProps) {
  const t = useTexts(platform);
  const workspace = Number(params['workspace']);
  const tasks = useRead(current, 'ListTasks', { ProjectId: workspace, ProjectEnv: 'Prod', PageNumber: 1, PageSize: 100 });
  const [operation, setOperation] = useState<string>();
  return (
    <>
      <OperationsHead workspace={workspace} view="backfill" />
      <Panel title={t('new-backfill')}>
        <p className="quiet">{t('backfill-text')}</p>
        <Answer query={tasks} action="ListTasks">
          {(data) => <BackfillForm workspace={workspace} tasks={(data.PagingInfo?.Tasks ?? []).map((one) => ({ value: String(one.Id), label: one.Name ?? '' }))} begun={setOperation} />}
        </Answer>
      </Panel>
      {operation === undefined ? null : <Result workspace={workspace} operation={operation} />}
    </>
  );
}

function BackfillForm({ workspace, tasks, begun }: { workspace: number; tasks: readonly { value: string; label: string }[]; begun(operation: string): void }) {
  const t = useTexts(platform);
  const { query } = usePlace();
  const reason = useRefusal(workspace)('operate');
  const create = useWrite(current, 'CreateWorkflowInstances');
  const yesterday = useBusinessDate();
  const fields: readonly Field[] = [
    { name: 'task', label: t('task'), kind: 'one', required: true, initial: query.get('task') ?? '', choices: [{ value: '', label: '–' }, ...tasks] },
    { name: 'from', label: t('from-date'), required: true, initial: yesterday, placeholder: 'yyyy-MM-dd', maxLength: 10 },
    { name: 'to', label: t('to-date'), required: true, initial: yesterday, placeholder: 'yyyy-MM-dd', maxLength: 10 },
    { name: 'mode', label: t('backfill-mode'), kind: 'one', initial: 'only', choices: [{ value: 'only', label: t('mode-only') }, { value: 'downstream', label: t('mode-downstream') }] },
    { name: 'parallel', label: t('parallel'), kind: 'number', initial: '1' },
  ];
  const [values, setValues] = useState<FormValues>(() => initialValues(fields));
  const [failure, setFailure] = useState<string>();
  async function start(event: FormEvent): Promise<void> {
    event.preventDefault();
    setFailure(undefined);
    const task = numberOf(values, 'task') ?? 0;
    try {
      const answer = await create.mutateAsync({
        ProjectId: workspace,
        Type: 'SupplementData',
        EnvType: 'Prod',
        Name: `backfill ${tasks.find((one) => one.value === values['task'])?.label ?? task} ${textOf(values, 'from')}`,
        WorkflowId: 1,
        Periods: { BizDates: [{ StartBizDate: textOf(values, 'from') ?? '', EndBizDate: textOf(values, 'to') ?? '' }] },
        DefaultRunProperties: { RootTaskIds: [task], Mode: values['mode'] === 'downstream' ? 'AllDownstream' : 'ManualSelection', IncludeTaskIds: values['mode'] === 'downstream' ? undefined : [task], Parallelism: numberOf(values, 'parallel') },
      });
      begun(answer.OperationId ?? '');
    } catch (error) {
      setFailure(describe(error));
    }
  }
  return (
    <form className="wide-form" onSubmit={(event) => void start(event)}>
      <FormFields fields={fields} values={values} change={(name, value) => setValues((old) => ({ ...old, [name]: value }))} />
      {failure === undefined ? null : (
        <p className="form-failure" role="alert">
          {failure}
        </p>
      )}
      <p>
        <ActionButton type="primary" htmlType="submit" reason={reason} loading={create.isPending}>
          {t('start-backfill')}
        </ActionButton>
      </p>
    </form>
  );
}

function Result({ workspace, operation }: { workspace: number; operation: string }) {
  const t = useTexts(platform);
  const result = useRead(current, 'GetCreateWorkflowInstancesResult', { OperationId: operation }, { every: 1_500 });
  return (
    <Panel title={t('backfill')}>
      <div role="status">
        <Answer query={result} action="GetCreateWorkflowInstancesResult">
          {({ Result: now = {} }) => (
            <>
              <p>{now.Status === 'Created' ? t('backfill-Created') : now.Status === 'CreateFailure' ? t('backfill-CreateFailure', { message: now.FailureMessage ?? '' }) : t('backfill-Creating')}</p>
              <ul>
                {(now.WorkflowTaskInstanceIds ?? []).slice(0, 20).map((id) => (
                  <li key={id}>
                    <Link to={`/platform/operations/${workspace}/instances/${id}`}>{t('instance', { id })}</Link>
                  </li>
                ))}
              </ul>
              <Link to={`/platform/operations/${workspace}`}>{t('instances')}</Link>
            </>
          )}
        </Answer>
      </div>
    </Panel>
  );
}
