import type { Operations } from '../../../contract/generated/dataworks-public-2024-05-18.ts';
import { invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inProject, type Access, type Call, type Handlers } from '../../kernel/operation.ts';
import type { WorkspaceRight } from '../../kernel/rights.ts';
import { checkText, pageCounters, readId, readPage } from '../dialect.ts';
import type { NodeKind } from '../studio/index.ts';
import type { Releases } from '../studio/interface.ts';
import type { Pipeline } from './pipeline.ts';
import { checksOf, listItems, listRuns, runByUuid, stagesOfRuns, type CheckRow, type RunRow, type StageRow } from './pipeline-store.ts';
import { stagesOf, stageTexts } from './stages.ts';
import { deploymentStates, statesRunAs, type StageState } from './states.ts';

/** Pipeline runs of 2024-05-18. The names that these operations had before come to the same handlers. */

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function readRunId(name: string, id: string): string {
  if (!UUID.test(id)) throw notFound('PipelineRun', name === 'Id' ? id : `${name} ${id}`.slice(0, 100), 'pipeline run');
  return id.toLowerCase();
}

const TYPES: Readonly<Record<NodeKind, string>> = { node: 'Node', workflow: 'WorkflowDefinition', resource: 'Resource', function: 'Function', component: 'Component' };

/** A deployment of the legacy dialect has no stages of its own; these are what it went through. */
function legacyStages(run: RunRow): StageRow[] {
  const { run: word } = deploymentStates[run.status];
  const last: StageState = word === 'Fail' && run.status === 'Rejected' ? 'Termination' : word === 'Init' ? 'Running' : run.status === 'Checking' ? 'Init' : (word as StageState);
  const check: StageState = run.status === 'Checking' ? 'Running' : run.status === 'Rejected' ? 'Fail' : 'Success';
  const statuses: readonly StageState[] = ['Success', check, last];
  return stagesOf('Online', false).map(({ code, type }, at) => ({ deployment_id: run.id, step: at + 1, code, type, status: statuses[at] ?? 'Init', message: statuses[at] === 'Fail' ? run.error_text : '' }));
}

function toStage(stage: StageRow, checks: readonly CheckRow[]) {
  const { name, description } = stageTexts[stage.code];
  const own = checks.filter((check) => check.deployment_id === stage.deployment_id && check.step === stage.step);
  return {
    Code: stage.code,
    Name: name,
    Description: description,
    Type: stage.type,
    Step: stage.step,
    Status: stage.status,
    Message: stage.message,
    ...(own.length === 0
      ? {}
      : { Detail: { Checks: own.map((check) => ({ FileId: String(check.file_id), HoldId: check.hold_id, Status: check.verdict === null ? 'CHECKING' : check.verdict === 'FAIL' ? 'BLOCKED' : 'PASSED', Verdict: check.verdict ?? '', Tip: check.tip })) } }),
  };
}

async function toRuns(call: Call, runs: readonly RunRow[]) {
  const ids = runs.map((run) => run.id);
  const [stages, checks] = await Promise.all([stagesOfRuns(call.db, ids), checksOf(call.db, ids)]);
  return runs.map((run) => ({
    Id: run.run_id,
    ProjectId: run.workspace_id,
    Creator: String(run.created_by),
    Description: run.comment,
    Status: deploymentStates[run.status].run,
    Message: run.error_text,
    CreateTime: run.created_at.getTime(),
    ModifyTime: run.modified_at.getTime(),
    Stages: (run.kind === 'deploy' ? legacyStages(run) : stages.filter((stage) => stage.deployment_id === run.id)).map((stage) => toStage(stage, checks)),
  }));
}

async function find(call: Call, name: string, id: string): Promise<RunRow> {
  const run = await runByUuid(call.db, call.workspace.id, readRunId(name, id));
  if (run === undefined) throw notFound('PipelineRun', id, 'pipeline run');
  return run;
}

/** Production needs another right than development, in workspaces that have both. */
function inProduction<Request extends { ProjectId?: number | undefined }>(reachesProduction: (request: Request) => boolean): Access<Request> {
  return { ...inProject<Request>('develop'), level: 'workspace', right: (request: Request): WorkspaceRight => (reachesProduction(request) ? 'deploy' : 'develop'), find: (request: Request) => request.ProjectId };
}

export function pipelineOperations(pipeline: Pipeline, releases: Releases): Handlers<Operations> {
  return {
    CreatePipelineRun: {
      access: inProduction((request) => request.RunMode === 'Auto' && (request.AutoRunUntilStage === undefined || request.AutoRunUntilStage === '' || request.AutoRunUntilStage.startsWith('PROD'))),
      handle(call, request) {
        if (request.Type !== 'Online' && request.Type !== 'Offline') throw invalid('Type', 'it must be Online or Offline');
        const mode = request.RunMode ?? 'Normal';
        if (mode !== 'Normal' && mode !== 'Auto') throw invalid('RunMode', 'it must be Normal or Auto');
        const type = request.Type;
        const objectIds = request.ObjectIds.map((id) => readId('ObjectIds', id));
        const description = checkText('Description', request.Description ?? '', 2_000);
        const autoUntil = mode === 'Auto' && (request.AutoRunUntilStage ?? '') !== '' ? request.AutoRunUntilStage : undefined;
        return call.change(async (change) => ({ Id: await pipeline.create(change, call.workspace, { type, objectIds, description, auto: mode === 'Auto', autoUntil }) }));
      },
    },
    GetPipelineRun: {
      access: inProject('read'),
      async handle(call, request) {
        const [run] = await toRuns(call, [await find(call, 'Id', request.Id)]);
        return run === undefined ? {} : { Pipeline: run };
      },
    },
    ExecPipelineRunStage: {
      access: inProduction((request) => request.Code.startsWith('PROD')),
      handle: (call, request) =>
        call.change(async (change) => {
          await pipeline.exec(change, call.workspace.id, readRunId('Id', request.Id), request.Code);
          return { Success: true };
        }),
    },
    AbolishPipelineRun: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await pipeline.abolish(change, call.workspace.id, readRunId('Id', request.Id));
          return { Success: true };
        }),
    },
    ListPipelineRuns: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const text = (value: string | undefined) => (value === undefined || value === '' ? undefined : value);
        const { rows, total } = await listRuns(
          call.db,
          {
            workspaceId: call.workspace.id,
            creator: text(request.Creator) === undefined ? undefined : readId('Creator', request.Creator ?? ''),
            objectId: text(request.ObjectId) === undefined ? undefined : readId('ObjectId', request.ObjectId ?? ''),
            states: text(request.Status) === undefined ? undefined : statesRunAs(request.Status ?? ''),
          },
          page,
        );
        return { PagingInfo: { ...pageCounters(page, total), PipelineRuns: await toRuns(call, rows) } };
      },
    },
    ListPipelineRunItems: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const run = await find(call, 'PipelineRunId', request.PipelineRunId);
        const { rows, total } = await listItems(call.db, run.id, page);
        const items = [];
        let characters = 0;
        for (const item of rows) {
          const spec = item.version === 0 ? undefined : await releases.document(call.db, call.workspace.id, item);
          characters += spec?.length ?? 0;
          if (characters > limits.pageContentBytes.value) throw invalid('PageSize', `the code of this page has more than ${limits.pageContentBytes.value} bytes together; ask for a smaller page`);
          items.push({
            Id: String(item.fileId),
            Name: item.name,
            Type: TYPES[item.kind],
            Version: item.version,
            Status: deploymentStates[run.status].runItem,
            Message: run.error_text,
            CreateTime: run.created_at.getTime(),
            ModifyTime: run.modified_at.getTime(),
            ...(spec === undefined ? {} : { Spec: spec }),
          });
        }
        return { PagingInfo: { ...pageCounters(page, total), PipelineRunItems: items } };
      },
    },
  };
}
