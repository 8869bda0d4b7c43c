import { useEffect, useState } from 'react';
import { legacy, own, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { goTo, setQuery, usePlace } from '../../app/router.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { later } from '../../parts/later.tsx';
import { Tag } from '../../parts/page.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useRefusal } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { Progress, type Pipeline } from './deployment-progress.tsx';
import { languageOfType, typeName } from './file-types.ts';
import { Schedule } from './schedule-form.tsx';
import { Versions } from './versions.tsx';

const CodeEditor = later(() => import('../../parts/code-editor.tsx'));

export type FileAnswer = NonNullable<Response<typeof legacy, 'GetFile'>['Data']>;
const tabs = ['code', 'schedule', 'versions'] as const;

/** One file: its code, its schedule, its versions, and its way to production. */
export function FileWorkbench({ workspace, fileId }: { workspace: number; fileId: number }) {
  const file = useRead(legacy, 'GetFile', { ProjectId: workspace, FileId: fileId });
  return (
    <Answer query={file} action="GetFile">
      {({ Data }) => <Opened workspace={workspace} fileId={fileId} data={Data ?? {}} />}
    </Answer>
  );
}

function Opened({ workspace, fileId, data }: { workspace: number; fileId: number; data: FileAnswer }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const { query } = usePlace();
  const refusal = useRefusal(workspace);
  const file = data.File ?? {};
  const stored = file.Content ?? '';
  const [draft, setDraft] = useState<string>();
  const [pipeline, setPipeline] = useState<Pipeline>();
  const tab = tabs.find((one) => one === query.get('tab')) ?? 'code';
  const update = useWrite(legacy, 'UpdateFile');
  const submit = useWrite(legacy, 'SubmitFile');
  const deploy = useWrite(legacy, 'DeployFile');
  const remove = useWrite(legacy, 'DeleteFile');
  const run = useWrite(own, 'RunFile');
  const text = draft ?? stored;
  // The draft is dropped when the server has it, not when it was sent: until then the editor would show the text of before.
  useEffect(() => {
    if (draft === stored) setDraft(undefined);
  }, [draft, stored]);
  const unsaved = draft !== undefined && draft !== stored;
  const develop = refusal('develop');
  const FileId = fileId;
  const ProjectId = workspace;

  const save = async () => {
    if (!unsaved) return;
    await update.mutateAsync({ ProjectId, FileId, Content: text });
  };
  const act = (work: () => Promise<void>) => () => void work().catch(tellFailure);
  return (
    <div className="panel file">
      <div className="page-head">
        <div>
          <h2>{file.FileName}</h2>
          <p>
            {typeName(file.FileType)} · {unsaved ? <Tag tone="warn">{t('unsaved')}</Tag> : <Tag tone={file.CommitStatus === 1 ? 'good' : 'plain'}>{file.CommitStatus === 1 ? t('committed') : t('not-committed')}</Tag>}
          </p>
        </div>
        <div className="page-actions">
          <ActionButton reason={develop} loading={update.isPending} onAct={act(async () => { await save(); tell(c('saved')); })}>
            {t('save')}
          </ActionButton>
          <ActionButton
            reason={develop}
            loading={run.isPending}
            onAct={act(async () => {
              await save();
              const answer = await run.mutateAsync({ ProjectId, FileId });
              if (answer.InstanceId === undefined || answer.InstanceId === 0) tell(t('run-held'));
              else {
                tell(t('run-started', { id: answer.InstanceId }));
                goTo(`/platform/operations/${workspace}/instances/${answer.InstanceId}`);
              }
            })}
          >
            {t('run')}
          </ActionButton>
          <ActionButton reason={develop} loading={submit.isPending} onAct={act(async () => { await save(); const answer = await submit.mutateAsync({ ProjectId, FileId }); setPipeline({ kind: 'commit', id: answer.Data ?? 0 }); })}>
            {t('commit')}
          </ActionButton>
          <ActionButton type="primary" reason={refusal('deploy')} loading={deploy.isPending} onAct={act(async () => { const answer = await deploy.mutateAsync({ ProjectId, FileId }); setPipeline({ kind: 'deploy', id: answer.Data ?? 0 }); })}>
            {t('deploy')}
          </ActionButton>
          <ActionButton danger reason={develop} confirm={t('delete-file')} onAct={act(async () => { await remove.mutateAsync({ ProjectId, FileId }); goTo(`/platform/studio/${workspace}`); })}>
            {c('delete')}
          </ActionButton>
        </div>
      </div>
      {pipeline === undefined ? null : <Progress workspace={workspace} pipeline={pipeline} />}
      <div className="choices" role="group" aria-label={file.FileName}>
        {tabs.map((one) => (
          <button key={one} type="button" aria-pressed={one === tab} onClick={() => setQuery({ tab: one === 'code' ? undefined : one })}>
            {t(`tab-${one}`)}
          </button>
        ))}
      </div>
      {tab === 'code' ? (
        <div className="code-frame studio-editor">
          <CodeEditor label={t('editor', { name: file.FileName ?? '' })} language={languageOfType(file.FileType)} text={text} readOnly={develop !== undefined} onChange={setDraft} />
        </div>
      ) : null}
      {tab === 'schedule' ? <Schedule workspace={workspace} fileId={fileId} data={data} reason={develop} /> : null}
      {tab === 'versions' ? <Versions workspace={workspace} fileId={fileId} text={text} language={languageOfType(file.FileType)} /> : null}
    </div>
  );
}
