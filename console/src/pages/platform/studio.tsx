import { useMemo, useState } from 'react';
import { call, CallError } from '../../api/client.ts';
import { legacy, type Item, type Response } from '../../api/contract.ts';
import { useWrite } from '../../api/queries.ts';
import { useQuery } from '@tanstack/react-query';
import { goTo, Link } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, textOf } from '../../parts/form-dialog.tsx';
import { PageHead } from '../../parts/page.tsx';
import { Answer, Empty, Failure } from '../../parts/states.tsx';
import { tell } from '../../parts/toast.tsx';
import { useRefusal, useWorkspaces } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { fileTypes, isRunnable } from './file-types.ts';
import { FileWorkbench } from './file-workbench.tsx';

export type StudioFile = Item<NonNullable<Response<typeof legacy, 'ListFiles'>['Data']>['Files']>;

const pageSize = 100;
/** The tree shows no more files than this. */
const mostFiles = 1_000;

/** All files of a workspace, up to a thousand. */
function useFiles(ProjectId: number) {
  return useQuery({
    queryKey: [legacy, 'ListFiles', 'tree', ProjectId],
    async queryFn({ signal }) {
      const files: StudioFile[] = [];
      for (let PageNumber = 1; files.length < mostFiles; PageNumber += 1) {
        const { Data } = await call(legacy, 'ListFiles', { ProjectId, PageNumber, PageSize: pageSize, NeedAbsoluteFolderPath: true }, signal);
        files.push(...(Data?.Files ?? []));
        if (files.length >= (Data?.TotalCount ?? 0) || (Data?.Files ?? []).length === 0) break;
      }
      return files;
    },
  });
}

export default function Studio({ params }: PageProps) {
  const t = useTexts(platform);
  const workspace = Number(params['workspace']);
  const file = params['file'] === undefined ? undefined : Number(params['file']);
  const { nameOf } = useWorkspaces();
  const refusal = useRefusal(workspace);
  const files = useFiles(workspace);
  // Said once, not in the tree and in the work beside it.
  const refused = files.error instanceof CallError && files.error.forbidden ? files.error : undefined;
  const [dialog, setDialog] = useState<'file' | 'workflow'>();
  return (
    <>
      <PageHead
        title={`${t('studio')} · ${nameOf(workspace)}`}
        from={{ to: `/platform/workspaces/${workspace}`, title: nameOf(workspace) }}
        actions={
          <>
            <Link className="plain-button" to={`/platform/operations/${workspace}`}>
              {t('operations')}
            </Link>
            <ActionButton reason={refusal('develop')} onAct={() => setDialog('workflow')}>
              {t('new-workflow')}
            </ActionButton>
            <ActionButton type="primary" reason={refusal('develop')} onAct={() => setDialog('file')}>
              {t('new-file')}
            </ActionButton>
          </>
        }
      />
      {refused === undefined ? (
        <div className="studio">
          <nav className="panel studio-tree" aria-label={t('files')}>
            <Answer query={files} action="ListFiles">
              {(list) => (list.length === 0 ? <Empty title={t('no-files')} /> : <Tree files={list} workspace={workspace} chosen={file} />)}
            </Answer>
          </nav>
          <div className="studio-work">
            {file === undefined ? (
              <div className="panel">
                <Empty title={t('choose-file')} />
              </div>
            ) : (
              <FileWorkbench key={file} workspace={workspace} fileId={file} />
            )}
          </div>
        </div>
      ) : (
        <Failure error={refused} action="ListFiles" />
      )}
      {dialog === 'file' ? <NewFile workspace={workspace} folders={[...new Set((files.data ?? []).map((one) => one.AbsoluteFolderPath ?? ''))]} close={() => setDialog(undefined)} /> : null}
      {dialog === 'workflow' ? <NewWorkflow workspace={workspace} close={() => setDialog(undefined)} /> : null}
    </>
  );
}

function Tree({ files, workspace, chosen }: { files: readonly StudioFile[]; workspace: number; chosen: number | undefined }) {
  const folders = useMemo(() => {
    const found = new Map<string, StudioFile[]>();
    for (const file of files) {
      const path = file.AbsoluteFolderPath ?? '';
      const list = found.get(path);
      if (list === undefined) found.set(path, [file]);
      else list.push(file);
    }
    return [...found].toSorted(([one], [other]) => one.localeCompare(other));
  }, [files]);
  return (
    <>
      {folders.map(([path, list]) => (
        <details key={path} open>
          <summary>{path === '' ? '/' : path.replace(/^业务流程\//, '')}</summary>
          <ul>
            {list
              .toSorted((one, other) => (one.FileName ?? '').localeCompare(other.FileName ?? ''))
              .map((file) => (
                <li key={file.FileId}>
                  <Link to={`/platform/studio/${workspace}/${file.FileId}`} aria-current={file.FileId === chosen ? 'page' : undefined}>
                    {file.FileName}
                  </Link>
                </li>
              ))}
          </ul>
        </details>
      ))}
    </>
  );
}

function NewFile({ workspace, folders, close }: { workspace: number; folders: readonly string[]; close(): void }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const create = useWrite(legacy, 'CreateFile');
  return (
    <FormDialog
      title={t('new-file')}
      submitText={c('create')}
      close={close}
      fields={[
        { name: 'name', label: t('file-name'), required: true, maxLength: 256 },
        { name: 'type', label: t('file-type'), kind: 'one', initial: '6', choices: fileTypes.filter((one) => isRunnable(one.number)).map((one) => ({ value: String(one.number), label: one.name })) },
        { name: 'folder', label: t('folder'), required: true, initial: folders[0] ?? '', placeholder: '业务流程/…/General' },
      ]}
      submit={async (values) => {
        const answer = await create.mutateAsync({ ProjectId: workspace, FileName: textOf(values, 'name') ?? '', FileType: Number(values['type']), FileFolderPath: textOf(values, 'folder'), CreateFolderIfNotExists: true, Content: '' });
        goTo(`/platform/studio/${workspace}/${answer.Data}`);
      }}
    />
  );
}

function NewWorkflow({ workspace, close }: { workspace: number; close(): void }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const create = useWrite(legacy, 'CreateBusiness');
  return (
    <FormDialog
      title={t('new-workflow')}
      submitText={c('create')}
      close={close}
      fields={[
        { name: 'name', label: c('name'), required: true },
        { name: 'description', label: c('description'), kind: 'long' },
      ]}
      submit={async (values) => {
        await create.mutateAsync({ ProjectId: workspace, BusinessName: textOf(values, 'name') ?? '', Description: textOf(values, 'description') });
        tell(c('done'));
      }}
    />
  );
}
