import type { InstanceRow, NewInstance } from './instance-store.ts';
import type { RunParameter } from '../execution/interface.ts';
import type { TaskType } from './states.ts';
import type { TaskRow } from './store.ts';

/** What an instance has that is not its task's. */
export interface InstancePlace {
  readonly dagId: number;
  readonly dagType: InstanceRow['dag_type'];
  readonly flowId: number;
  readonly taskType: TaskType;
  readonly bizdate: Date;
  readonly triggerTime: Date;
  readonly periodNumber: number;
  readonly parameters: readonly RunParameter[];
  readonly createdBy: number;
  readonly blockedBy?: string;
  readonly priority?: number | undefined;
  readonly resourceGroup?: string | undefined;
}

/** An instance of a task as it is in service now. */
export function instanceOfTask(task: TaskRow, place: InstancePlace): NewInstance {
  return {
    tenant_id: task.tenant_id,
    workspace_id: task.workspace_id,
    environment: task.environment,
    dag_id: place.dagId,
    dag_type: place.dagType,
    flow_id: place.flowId,
    task_id: task.task_id,
    task_version: task.version,
    file_id: task.file_id,
    name: task.name,
    file_type: task.file_type,
    command: task.command,
    owner_id: task.owner_id,
    task_type: place.taskType,
    blocked_by: place.blockedBy ?? '',
    bizdate: place.bizdate,
    trigger_time: place.triggerTime,
    period_number: place.periodNumber,
    parameters: place.parameters,
    context_inputs: task.context_inputs,
    priority: place.priority ?? task.priority,
    resource_group: place.resourceGroup ?? task.resource_group,
    datasource: task.datasource,
    ignore_branch_skip: task.ignore_branch_skip,
    rerun_mode: task.rerun_mode,
    rerun_times: task.rerun_times,
    rerun_interval_ms: task.rerun_interval_ms,
    timeout_seconds: task.timeout_seconds,
    created_by: place.createdBy,
  };
}
