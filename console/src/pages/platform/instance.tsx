import { useEffect, useRef, useState } from 'react';
import { current, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import type { PageProps } from '../../app/routes.ts';
import { ActionButton } from '../../parts/action.tsx';
import { CodeBlock } from '../../parts/copy.tsx';
import { later } from '../../parts/later.tsx';
import { Facts, PageHead, Panel } from '../../parts/page.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useRefusal } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { hasEnded, InstanceKind, InstanceState } from './instance-states.tsx';

const Graph = later(() => import('./instance-graph.tsx'));

type Instance = NonNullable<Response<typeof current, 'GetTaskInstance'>['TaskInstance']>;
const liveMs = 2_000;

export default function OneInstance({ params }: PageProps) {
  const t = useTexts(platform);
  const workspace = Number(params['workspace']);
  const id = Number(params['id']);
  const [live, setLive] = useState(true);
  const answer = useRead(current, 'GetTaskInstance', { Id: id }, { every: live ? liveMs : false });
  const instance = answer.data?.TaskInstance;
  useEffect(() => setLive(!hasEnded(instance?.Status)), [instance?.Status]);
  return (
    <>
      <PageHead title={instance?.TaskName ?? t('instance', { id })} from={{ to: `/platform/operations/${workspace}`, title: t('operations') }} actions={instance === undefined ? undefined : <Actions workspace={workspace} instance={instance} />} />
      <Answer query={answer} action="GetTaskInstance">
        {({ TaskInstance = {} }) => <Body workspace={workspace} instance={TaskInstance} live={live} />}
      </Answer>
    </>
  );
}

function Body({ workspace, instance, live }: { workspace: number; instance: Instance; live: boolean }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const { time, day } = useFormats();
  const id = instance.Id ?? 0;
  return (
    <>
      <div className="columns">
        <Panel title={c('details')}>
          <Facts
            rows={[
              [c('status'), <InstanceState key="state" status={instance.Status} />],
              ['Id', id],
              [t('task'), `${instance.TaskName} · ${instance.TaskType}`],
              [t('kind'), <InstanceKind key="kind" kind={instance.WorkflowInstanceType} />],
              [t('business-date'), day(instance.Bizdate)],
              [t('environment'), instance.ProjectEnv === 'Dev' ? t('Dev') : t('Prod')],
              [t('started'), time(instance.StartedTime)],
              [t('finished'), time(instance.FinishedTime)],
              [t('parameters'), instance.Script?.Parameters],
            ]}
          />
        </Panel>
        <Panel title={t('graph')}>
          <Graph workspace={workspace} instance={instance} live={live} />
        </Panel>
      </div>
      <Log id={id} runs={instance.RunNumber ?? 1} live={live} />
      {instance.Script?.Content === undefined || instance.Script.Content === '' ? null : (
        <Panel>
          <CodeBlock title={t('script')} text={instance.Script.Content} />
        </Panel>
      )}
      <History id={id} />
    </>
  );
}

/** The log of a run. While the instance is alive it is read again and again, and the view stays at its end unless somebody scrolls up. */
function Log({ id, runs, live }: { id: number; runs: number; live: boolean }) {
  const t = useTexts(platform);
  const [run, setRun] = useState<number>();
  const [follow, setFollow] = useState(true);
  const box = useRef<HTMLPreElement>(null);
  const shown = run ?? runs;
  const log = useRead(current, 'GetTaskInstanceLog', { Id: id, RunNumber: run }, { every: live && run === undefined ? liveMs : false });
  const text = log.data?.TaskInstanceLog ?? '';
  const again = log.refetch;
  // The last lines come with the end of the run, after the last look at it.
  useEffect(() => {
    if (!live) void again();
  }, [live, again]);
  useEffect(() => {
    if (follow && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [text, follow]);
  return (
    <Panel title={t('log')}>
      <div className="filters">
        {runs > 1 ? (
          <label>
            {t('log')}
            <select value={shown} onChange={(event) => setRun(Number(event.target.value) === runs ? undefined : Number(event.target.value))}>
              {Array.from({ length: runs }, (_, index) => index + 1).map((n) => (
                <option key={n} value={n}>
                  {t('run-number', { n })}
                </option>
              ))}
            </select>
          </label>
        ) : null}
        <label className="check">
          <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.target.checked)} /> {t('log-follow')}
        </label>
      </div>
      <Answer query={log} action="GetTaskInstanceLog">
        {() => (
          <pre className="code-block log" ref={box} tabIndex={0} aria-label={t('log')}>
            {text === '' ? t('no-log') : text}
          </pre>
        )}
      </Answer>
    </Panel>
  );
}

function History({ id }: { id: number }) {
  const t = useTexts(platform);
  const { time } = useFormats();
  const logs = useRead(current, 'ListTaskInstanceOperationLogs', { Id: id, PageNumber: 1, PageSize: 50 });
  const list = logs.data?.PagingInfo?.OperationLogs ?? [];
  if (list.length === 0) return null;
  return (
    <Panel title={t('history')}>
      <ul>
        {list.map((entry) => (
          <li key={entry.OperationSeq}>
            {time(entry.CreateTime)} · {entry.User} · {entry.OperationContent}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Actions({ workspace, instance }: { workspace: number; instance: Instance }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const refusal = useRefusal(workspace);
  const reason = refusal(instance.ProjectEnv === 'Dev' ? 'develop' : 'operate');
  const Ids = [instance.Id ?? 0];
  const rerun = useWrite(current, 'RerunTaskInstances');
  const stop = useWrite(current, 'StopTaskInstances');
  const succeed = useWrite(current, 'SetSuccessTaskInstances');
  const suspend = useWrite(current, 'SuspendTaskInstances');
  const resume = useWrite(current, 'ResumeTaskInstances');
  /** The answer is about each instance, and may refuse the one that was meant. */
  const said = {
    onError: tellFailure,
    onSuccess: (answer: { readonly SuccessInfo?: Readonly<Record<string, { readonly Success?: boolean | undefined; readonly Message?: string | undefined }>> | undefined }) => {
      const refused = Object.values(answer.SuccessInfo ?? {}).find((one) => one.Success === false);
      if (refused === undefined) tell(c('done'));
      else tellFailure(new Error(refused.Message));
    },
  };
  const ended = hasEnded(instance.Status);
  return (
    <>
      {ended ? (
        <ActionButton reason={reason} type="primary" onAct={() => rerun.mutate({ Ids }, said)}>
          {t('rerun-now')}
        </ActionButton>
      ) : (
        <ActionButton reason={reason} danger onAct={() => stop.mutate({ Ids }, said)}>
          {t('stop')}
        </ActionButton>
      )}
      {instance.Status === 'Failure' ? (
        <ActionButton reason={reason} confirm={t('set-success-ask')} onAct={() => succeed.mutate({ Ids }, said)}>
          {t('set-success')}
        </ActionButton>
      ) : null}
      {ended ? null : (
        <ActionButton reason={reason} onAct={() => (instance.TriggerRecurrence === 'Pause' ? resume : suspend).mutate({ Ids }, said)}>
          {instance.TriggerRecurrence === 'Pause' ? t('resume') : t('suspend')}
        </ActionButton>
      )}
    </>
  );
}
