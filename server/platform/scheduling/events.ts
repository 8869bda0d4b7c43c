import type { Actor, RaisedEvent } from '../../kernel/change.ts';
import { momentText } from '../dialect.ts';
import type { DagRow } from './dag-store.ts';
import type { InstanceRow } from './instance-store.ts';
import { dagStates, dagTypes, instanceStates, taskTypes } from './states.ts';
import type { TaskRow } from './store.ts';

/** The events of tasks and instances, with the payloads of the catalogue. */

/** How the task is scheduled, in the words of events and of API 2020-05-18. */
export function schedulerType(task: Pick<TaskRow, 'trigger_type' | 'recurrence'>): 'NORMAL' | 'MANUAL' | 'PAUSE' | 'SKIP' {
  if (task.trigger_type === 'Manual') return 'MANUAL';
  return task.recurrence === 'Pause' ? 'PAUSE' : task.recurrence === 'Skip' ? 'SKIP' : 'NORMAL';
}

/** A node was created in, updated in or deleted from an environment. */
export function nodeChange(code: 'node-change-created' | 'node-change-updated' | 'node-change-deleted', task: TaskRow, actor: Actor): RaisedEvent {
  return {
    code,
    workspaceId: task.workspace_id,
    objectKey: `node:${task.task_id}`,
    data: {
      nodeId: task.task_id,
      nodeName: task.name,
      programType: task.command,
      ...(task.cron === null ? {} : { cronExpress: task.cron }),
      schedulerType: schedulerType(task),
      ownerId: String(task.owner_id),
      priority: task.priority,
      repeatability: task.rerun_mode !== 'Denied',
      modifyTime: task.modified_at.getTime(),
      createTime: task.created_at.getTime(),
      projectId: task.workspace_id,
      operator: String(actor.userId),
      blockBusiness: false,
    },
  };
}

/** An instance has come into another state. */
export function instanceStatusChange(instance: InstanceRow): RaisedEvent {
  const moment = (name: string, value: Date | null) => (value === null ? {} : { [name]: value.getTime() });
  return {
    code: 'instance-status-changes',
    workspaceId: instance.workspace_id,
    objectKey: `instance:${instance.id}`,
    data: {
      taskId: instance.id,
      ...(instance.task_id === null ? {} : { nodeId: instance.task_id }),
      status: instanceStates[instance.status].code,
      taskType: taskTypes.indexOf(instance.task_type),
      dagId: instance.dag_id,
      dagType: dagTypes[instance.dag_type].code,
      flowId: instance.flow_id,
      createTime: instance.created_at.getTime(),
      modifyTime: instance.modified_at.getTime(),
      ...moment('beginWaitTimeTime', instance.begin_wait_time_at),
      ...moment('beginWaitResTime', instance.begin_wait_resource_at),
      ...moment('beginRunningTime', instance.begin_running_at),
      ...moment('finishTime', instance.finished_at),
      appId: instance.workspace_id,
      blockBusiness: false,
    },
  };
}

/** A backfill or a workflow started by hand has come into another state. */
export function dagStatusChange(dag: DagRow): RaisedEvent {
  return {
    code: 'dag-status-changes',
    workspaceId: dag.workspace_id,
    objectKey: `dag:${dag.id}`,
    data: {
      dagId: dag.id,
      dagName: dag.name,
      dagType: dagTypes[dag.type].code,
      flowId: dag.flow_id,
      flowName: dag.name,
      bizDate: momentText(dag.bizdate),
      createTime: momentText(dag.created_at),
      operator: String(dag.created_by),
      projectEnv: dag.environment,
      projectId: dag.workspace_id,
      status: dagStates[dag.status].code,
    },
  };
}

/** Somebody operated on an instance. */
export function instanceOperation(code: 'kill-instance' | 'rerun-instance' | 'set-instance-success' | 'freeze-instance' | 'unfreeze-instance', instance: InstanceRow, actor: Actor): RaisedEvent {
  return {
    code,
    workspaceId: instance.workspace_id,
    objectKey: `instance:${instance.id}`,
    data: { operator: String(actor.userId), projectType: instance.environment, taskIds: [instance.id], projectId: instance.workspace_id, blockBusiness: false },
  };
}

/** Upstreams of an instance were cut. */
export function dependenciesRemoved(instance: InstanceRow, upstreams: readonly number[], actor: Actor, now: Date): RaisedEvent {
  return {
    code: 'delete-task-instance-dependencies',
    workspaceId: instance.workspace_id,
    objectKey: `instance:${instance.id}`,
    data: { taskInstanceId: instance.id, upstreamTaskInstanceIds: [...upstreams], operator: String(actor.userId), operationTime: now.getTime(), appId: instance.workspace_id, blockBusiness: false },
  };
}

/** Instances of an owner were forgotten, since their time was over. */
export function expiredInstances(workspaceId: number, ownerId: number, ids: readonly number[], now: Date): RaisedEvent {
  return {
    code: 'expired-task-instances-deleted',
    workspaceId,
    objectKey: `expired-instances:${workspaceId}:${ownerId}`,
    data: { deletedTaskInstanceIds: [...ids], owner: String(ownerId), operationTime: now.getTime(), appId: workspaceId, blockBusiness: false },
  };
}
