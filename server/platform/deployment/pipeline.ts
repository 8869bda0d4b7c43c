import type { HoldOutcome, Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Actor, Change } from '../../kernel/change.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import type { JobDeclaration } from '../../kernel/jobs.ts';
import type { ReleaseItem, Releases, Studio } from '../studio/interface.ts';
import { checksOf, endCheck, endStages, insertCheck, insertRun, lockRun, lockRunByUuid, moveStage, readItems, stagesOfRuns, writeItems, type RunRow, type StageRow } from './pipeline-store.ts';
import { stagesOf } from './stages.ts';
import { deploymentStates } from './states.ts';
import { moveDeployment } from './store.ts';

/** Pipeline runs: an object with all that lies in it goes to an environment, or leaves it, stage by stage. */

export interface RunRequest {
  readonly type: 'Online' | 'Offline';
  readonly objectIds: readonly number[];
  readonly description: string;
  /** Whether it goes on by itself, and up to which stage; without one, to the end. */
  readonly auto: boolean;
  readonly autoUntil: string | undefined;
}

export interface Place {
  readonly id: number;
  readonly standardMode: boolean;
}

export interface Pipeline {
  /** Opens a run and begins its first stage. Of the objects only the first counts, with what lies in it. Returns the run's id. */
  create(change: Change, place: Place, request: RunRequest): Promise<string>;
  /** Begins a stage. Throws WrongState when the run is not running, an earlier stage has not succeeded, or this one has begun already. */
  exec(change: Change, workspaceId: number, runId: string, code: string): Promise<void>;
  /** Gives a run up. What is in service stays. */
  abolish(change: Change, workspaceId: number, runId: string): Promise<void>;
  readonly jobs: readonly JobDeclaration[];
  /** The point, with holds that a stage of a run has asked for going back to the run. */
  throughRuns(point: PointDeclaration): PointDeclaration;
}

type Args = Readonly<Record<string, unknown>>;

const STAGE_JOB = 'pipeline-stage';

function wrong(runId: string, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'PipelineRun', label: 'pipeline run', id: runId, reason });
}

export function createPipeline(options: { holds: Holds; studio: Studio; releases: Releases }): Pipeline {
  const { holds, studio, releases } = options;

  /** Lets a stage begin, after this change. */
  async function begin(change: Change, run: RunRow, stage: StageRow): Promise<void> {
    if (!(await moveStage(change, run.id, stage.step, 'Running', ''))) throw wrong(run.run_id, `its stage ${stage.code} is ${stage.status}`);
    const { tenantId, userId, requestId } = change.actor;
    change.enqueue({ kind: STAGE_JOB, payload: { id: run.id, step: stage.step, tenantId, userId, requestId: requestId ?? '' } });
    change.touch(`pipeline:${run.run_id}`);
  }

  async function fail(change: Change, run: RunRow, step: number, message: string, byCheck: boolean): Promise<void> {
    await moveStage(change, run.id, step, 'Fail', message);
    await endStages(change, run.id, 'Termination');
    await moveDeployment(change, run.id, byCheck ? 'Rejected' : 'Failed', message, change.actor.userId, change.now);
    for (const check of await checksOf(change, [run.id])) if (check.verdict === null) await holds.withdraw(change, check.hold_id, 'the pipeline run has failed');
    change.touch(`pipeline:${run.run_id}`);
  }

  /** A stage is done: the run ends with its last one, or goes on when it goes by itself. */
  async function succeed(change: Change, run: RunRow, step: number): Promise<void> {
    await moveStage(change, run.id, step, 'Success', '');
    const stages = await stagesOfRuns(change, [run.id]);
    const next = stages.find((stage) => stage.step === step + 1);
    if (next === undefined) {
      await moveDeployment(change, run.id, 'Success', '', change.actor.userId, change.now);
    } else {
      if (run.status === 'Checking') await moveDeployment(change, run.id, 'Running', '', change.actor.userId, change.now);
      const until = stages.find((stage) => stage.code === run.auto_until)?.step ?? 0;
      if (step < until) await begin(change, run, next);
    }
    change.touch(`pipeline:${run.run_id}`);
  }

  /** Asks the extensions about each item. What nobody wants to check has passed. */
  async function check(change: Change, run: RunRow, stage: StageRow, items: readonly ReleaseItem[]): Promise<void> {
    const { workspace_id: workspaceId } = run;
    const args = { pipelineRun: run.id, step: stage.step };
    const held: { fileId: number; holdId: number }[] = [];
    if (run.kind === 'offline') {
      const [first] = items;
      const nodeIds = await releases.taskIds(change, workspaceId, items);
      if (first !== undefined && nodeIds.length > 0) {
        const proposed = await holds.propose(change, {
          point: 'undeploy-node',
          workspaceId,
          objectKey: `node:${nodeIds[0]}`,
          data: { operator: String(change.actor.userId), projectId: workspaceId, nodeIds },
          title: first.name,
          snapshot: { NodeOperation: { Operation: 'Undeploy', NodeIds: nodeIds } },
          args: { ...args, fileId: first.fileId },
        });
        if (proposed.held) held.push({ fileId: first.fileId, holdId: proposed.holdId });
      }
    } else {
      for (const item of items) {
        if (item.removal || item.kind === 'workflow') continue;
        const found = await studio.inRun(change, workspaceId, item.fileId, item.version);
        const proposed = await holds.propose(change, {
          point: stage.code === 'DEV_CHECK' ? 'commit-file' : 'deploy-file',
          workspaceId,
          objectKey: `file:${item.fileId}`,
          data: studio.payload(found, change.actor.userId),
          title: item.name,
          fileType: found.node.file_type,
          snapshot: studio.snapshot(found),
          args: { ...args, fileId: item.fileId },
        });
        if (proposed.held) held.push({ fileId: item.fileId, holdId: proposed.holdId });
      }
    }
    for (const { fileId, holdId } of held) await insertCheck(change, { deployment_id: run.id, step: stage.step, file_id: fileId, hold_id: holdId });
    if (held.length === 0) await succeed(change, run, stage.step);
    else await moveDeployment(change, run.id, 'Checking', '', change.actor.userId, change.now);
  }

  async function runStage(change: Change, run: RunRow, stage: StageRow): Promise<void> {
    const items = await readItems(change, run.id);
    const { workspace_id: workspaceId } = run;
    if (stage.code === 'BUILD_PACKAGE') await writeItems(change, run.id, await releases.build(change, workspaceId, items, run.comment));
    else if (stage.code === 'OfflineCheck') await releases.checkOffline(change, workspaceId, items);
    else if (stage.type === 'Deploy') await releases.publish(change, workspaceId, items, stage.code === 'DEV' ? 'DEV' : 'PROD');
    else if (stage.type === 'Offline') {
      await releases.checkOffline(change, workspaceId, items);
      await releases.withdraw(change, workspaceId, items);
    } else {
      await check(change, run, stage, items);
      return;
    }
    await succeed(change, run, stage.step);
  }

  /** The run and the stage of a job or a hold, while the stage is running; undefined when it was given up meanwhile. */
  async function lockRunning(change: Change, id: number, step: number): Promise<{ run: RunRow; stage: StageRow } | undefined> {
    const run = await lockRun(change, id);
    const stage = run === undefined ? undefined : (await stagesOfRuns(change, [run.id])).find((one) => one.step === step);
    return run === undefined || stage?.status !== 'Running' ? undefined : { run, stage };
  }

  async function verdict(change: Change, args: Args, outcome: HoldOutcome, passed: boolean): Promise<void> {
    const found = await lockRunning(change, Number(args['pipelineRun']), Number(args['step']));
    if (found === undefined) return;
    const { run, stage } = found;
    const fileId = Number(args['fileId']);
    await endCheck(change, run.id, stage.step, fileId, passed ? outcome.verdict : 'FAIL', outcome.tip);
    const checks = (await checksOf(change, [run.id])).filter((one) => one.step === stage.step);
    if (!passed) {
      const item = (await readItems(change, run.id)).find((one) => one.fileId === fileId);
      await fail(change, run, stage.step, `${item?.name ?? fileId}: ${outcome.tip === '' ? 'An extension has blocked this.' : outcome.tip}`, true);
    } else if (checks.every((one) => one.verdict !== null)) {
      await succeed(change, run, stage.step);
    }
  }

  return {
    async create(change, place, request) {
      const [objectId] = request.objectIds;
      if (objectId === undefined) throw invalid('ObjectIds', 'it must name an object');
      const plan = stagesOf(request.type, place.standardMode);
      if (request.autoUntil !== undefined && !plan.some(({ code }) => code === request.autoUntil)) throw invalid('AutoRunUntilStage', `it must be one of ${plan.map(({ code }) => code).join(', ')}`);
      const items = await releases.collect(change, place.id, objectId, request.type);
      const { tenantId, userId } = change.actor;
      const run = await insertRun(
        change,
        {
          tenantId, workspaceId: place.id, kind: request.type === 'Online' ? 'online' : 'offline', name: items[0]?.name ?? '', comment: request.description, userId,
          autoUntil: request.auto ? (request.autoUntil ?? plan.at(-1)?.code) : undefined,
        },
        plan,
        change.now,
      );
      await writeItems(change, run.id, items);
      await moveDeployment(change, run.id, 'Running', '', userId, change.now);
      const [first] = await stagesOfRuns(change, [run.id]);
      if (first !== undefined) await begin(change, run, first);
      return run.run_id;
    },

    async exec(change, workspaceId, runId, code) {
      const run = await lockRunByUuid(change, workspaceId, runId);
      if (run === undefined) throw notFound('PipelineRun', runId, 'pipeline run');
      if (run.status !== 'Running' && run.status !== 'Checking') throw wrong(runId, `it is not running any more, its status is ${deploymentStates[run.status].run}`);
      const stages = await stagesOfRuns(change, [run.id]);
      const stage = stages.find((one) => one.code === code);
      if (stage === undefined) throw invalid('Code', `it must be one of ${stages.map((one) => one.code).join(', ')}`);
      const earlier = stages.find((one) => one.step < stage.step && one.status !== 'Success');
      if (earlier !== undefined) throw wrong(runId, `its stage ${earlier.code} comes first and is ${earlier.status}`);
      await begin(change, run, stage);
    },

    async abolish(change, workspaceId, runId) {
      const run = await lockRunByUuid(change, workspaceId, runId);
      if (run === undefined) throw notFound('PipelineRun', runId, 'pipeline run');
      if (!(await moveDeployment(change, run.id, 'Cancelled', '', change.actor.userId, change.now))) throw wrong(runId, `it has ended, its status is ${deploymentStates[run.status].run}`);
      await endStages(change, run.id, 'Cancel');
      for (const one of await checksOf(change, [run.id])) if (one.verdict === null) await holds.withdraw(change, one.hold_id, 'the pipeline run was abolished');
      change.touch(`pipeline:${runId}`);
    },

    jobs: [
      {
        kind: STAGE_JOB,
        actor: (payload): Actor => ({ tenantId: Number(payload['tenantId']), userId: Number(payload['userId']), action: 'ExecPipelineRunStage', requestId: String(payload['requestId']), sourceAddress: undefined }),
        async handle(change, payload) {
          const found = await lockRunning(change, Number(payload['id']), Number(payload['step']));
          if (found !== undefined) await runStage(change, found.run, found.stage);
        },
        async giveUp(change, payload, error) {
          const found = await lockRunning(change, Number(payload['id']), Number(payload['step']));
          if (found !== undefined) await fail(change, found.run, found.stage.step, error instanceof ApiError ? error.message : 'The stage could not be carried out; it was logged here.', false);
        },
      },
    ],

    throughRuns: (point) => ({
      code: point.code,
      proceed: (change, args, outcome) => (args['pipelineRun'] === undefined ? point.proceed(change, args, outcome) : verdict(change, args, outcome, true)),
      reject: (change, args, outcome) => (args['pipelineRun'] === undefined ? point.reject(change, args, outcome) : verdict(change, args, outcome, false)),
    }),
  };
}
