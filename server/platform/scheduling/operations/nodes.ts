import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid } from '../../../kernel/errors.ts';
import { inProject, type Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readId, readPage, success } from '../../dialect.ts';
import { readWallTime } from '../calendar.ts';
import { schedulerType } from '../events.ts';
import { parameterText } from '../parameters.ts';
import { listTasks, versionContent, type TaskRow } from '../store.ts';
import { readEnvironment, readNode, readNodeParameters, runNode, taskOf, type Services } from './shared.ts';

/** Longest name of a run. */
const NAME_CHARACTERS = 256;

/** The number of a rerun mode in the legacy dialect: 0 after a failure only, 1 always, 2 never. */
const repeatModes = { FailureAllowed: 0, Allowed: 1, Denied: 2 } as const;

function nodeOf(task: TaskRow) {
  return {
    NodeId: task.task_id,
    NodeName: task.name,
    Description: task.description,
    FileId: task.file_id,
    FileType: task.file_type,
    FileVersion: task.file_version,
    ProgramType: task.command,
    ProjectId: task.workspace_id,
    OwnerId: String(task.owner_id),
    ParamValues: parameterText(task.parameters),
    Priority: task.priority,
    RepeatMode: repeatModes[task.rerun_mode],
    RepeatInterval: task.rerun_interval_ms,
    SchedulerType: schedulerType(task),
    CronExpress: task.cron ?? '',
    CreateTime: task.created_at.getTime(),
    ModifyTime: task.modified_at.getTime(),
    DeployDate: task.modified_at.getTime(),
    RelatedFlowId: 1,
  };
}

/** Deployed nodes in API 2020-05-18: look at them, and run one by hand. */
export function nodeOperations(services: Services): Handlers<Operations> {
  const { tasks } = services;
  return {
    GetNode: {
      access: readNode,
      async handle(call, request) {
        const task = await taskOf(call, request);
        return { ...success, Data: { ...nodeOf(task), Repeatability: String(task.rerun_mode !== 'Denied') } };
      },
    },
    GetNodeCode: {
      access: readNode,
      async handle(call, request) {
        const task = await taskOf(call, request);
        return { ...success, Data: (await versionContent(call.db, task.task_id, task.environment, task.version)) ?? '' };
      },
    },
    ListNodes: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const filter = {
          workspaceId: call.workspace.id,
          environment: readEnvironment(request.ProjectEnv),
          name: request.NodeName,
          ownerId: request.Owner === undefined ? undefined : readId('Owner', request.Owner),
          command: request.ProgramType,
          schedulerType: request.SchedulerType,
          business: request.BizName,
        };
        const { total, rows } = await listTasks(call.db, filter, page.offset, page.size);
        return { ...success, Data: { ...pageCounters(page, total), Nodes: rows.map((task) => ({ ...nodeOf(task), Repeatability: task.rerun_mode !== 'Denied' })) } };
      },
    },
    RunSmokeTest: {
      access: runNode,
      async handle(call, request) {
        const task = await taskOf(call, request);
        const bizdate = readWallTime(request.Bizdate);
        if (bizdate === undefined) throw invalid('Bizdate', 'it must be a day in the form yyyy-MM-dd HH:mm:ss');
        const name = checkText('Name', request.Name, NAME_CHARACTERS);
        const given = readNodeParameters(request.NodeParams, task.task_id);
        return { ...success, Data: await call.change((change) => tasks.smokeTest(change, { task, name, bizdate, given })) };
      },
    },
  };
}
