import type { Change } from '../../kernel/change.ts';
import { fileTypeByCommand } from '../../../contract/index.ts';
import { invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { addDays, instantOf, startOfDay, wallTimeOf, type WallTime } from './calendar.ts';
import { insertDag } from './dag-store.ts';
import { insertEdges, type Edge } from './edge-store.ts';
import { insertAdHocCode, insertInstances, type NewInstance } from './instance-store.ts';
import { evaluateAll, type Parameter } from './parameters.ts';
import type { ContextInput } from './settings.ts';
import { lookAt } from './transition.ts';

/** Code that is run without being deployed. */
export interface AdHocTask {
  readonly name: string;
  readonly command: string;
  readonly fileType?: number | undefined;
  readonly fileId?: number | undefined;
  readonly taskId?: number | undefined;
  readonly content: string;
  readonly parameters: readonly Parameter[];
  readonly ownerId: number;
  readonly datasource?: string | null | undefined;
  readonly resourceGroup?: string | null | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly priority?: number | undefined;
  readonly ignoreBranchSkip?: boolean | undefined;
  /** Outputs of others of the same run that it waits for. */
  readonly inputs?: readonly string[] | undefined;
  readonly outputs?: readonly string[] | undefined;
  readonly contextInputs?: readonly ContextInput[] | undefined;
}

export interface AdHocRun {
  readonly workspaceId: number;
  readonly name: string;
  readonly environment: 'DEV' | 'PROD';
  /** Business date on the wall clock; the day before the present one when absent. */
  readonly bizdate?: WallTime | undefined;
  readonly tasks: readonly AdHocTask[];
}

/**
 * Runs code now, one task or several that wait for each other by their outputs. Throws InvalidParameter when an input is no output of the run, or the tasks
 * would wait for each other in a circle.
 */
export async function runAdHoc(change: Change, run: AdHocRun, timeZone: string): Promise<{ dagId: number; instanceIds: number[] }> {
  const { tenantId, userId } = change.actor;
  const now = wallTimeOf(change.now, timeZone);
  const bizdate = startOfDay(run.bizdate ?? addDays(startOfDay(now), -1));
  const times = { bizdate, cyctime: run.bizdate === undefined ? now : addDays(bizdate, 1), now };
  const giving = new Map(run.tasks.flatMap((task, place) => (task.outputs ?? []).map((output) => [output, place] as const)));
  const waits = run.tasks.map((task, place) =>
    (task.inputs ?? []).map((input) => {
      const upstream = giving.get(input);
      if (upstream === undefined) throw invalid(`Tasks.${place + 1}.Dependencies`, `no task of the run gives the output ${input}`);
      return { upstream, output: input };
    }),
  );
  refuseCircle(waits.map((list) => list.map(({ upstream }) => upstream)), run.tasks.map((task) => task.name));
  const bizdateInstant = instantOf(bizdate, timeZone);
  const dagId = await insertDag(change, { tenantId, workspaceId: run.workspaceId, environment: run.environment, name: run.name, type: 'Manual', bizdate: bizdateInstant, createdBy: userId, triggerTime: change.now }, change.now);
  const rows = run.tasks.map((task): NewInstance => ({
    tenant_id: tenantId,
    workspace_id: run.workspaceId,
    environment: run.environment,
    dag_id: dagId,
    dag_type: 'Manual',
    flow_id: 1,
    task_id: task.taskId ?? null,
    task_version: null,
    file_id: task.fileId ?? 0,
    name: task.name,
    file_type: task.fileType ?? fileTypeByCommand.get(task.command)?.number ?? 0,
    command: task.command,
    owner_id: task.ownerId,
    task_type: 'MANUAL',
    blocked_by: '',
    bizdate: bizdateInstant,
    trigger_time: change.now,
    period_number: 1,
    parameters: evaluateAll(task.parameters, [], times),
    context_inputs: task.contextInputs ?? [],
    priority: task.priority ?? 1,
    resource_group: task.resourceGroup ?? null,
    datasource: task.datasource ?? null,
    ignore_branch_skip: task.ignoreBranchSkip ?? false,
    // Whoever runs by hand sees the failure and decides.
    rerun_mode: 'Allowed',
    rerun_times: 0,
    rerun_interval_ms: 0,
    timeout_seconds: task.timeoutSeconds === undefined || task.timeoutSeconds <= 0 ? limits.taskTimeoutSeconds.value : task.timeoutSeconds,
    created_by: userId,
  }));
  const instanceIds = await insertInstances(change, rows, change.now);
  for (const [place, task] of run.tasks.entries()) await insertAdHocCode(change, instanceIds[place] ?? 0, task.content);
  await insertEdges(
    change,
    waits.flatMap((list, place) => list.map(({ upstream, output }): Edge => ({ downstream: instanceIds[place] ?? 0, upstream: instanceIds[upstream] ?? 0, kind: 'Normal', output }))),
  );
  for (const id of instanceIds) change.touch(`instance:${id}`);
  await lookAt(change, instanceIds.filter((_, place) => waits[place]?.length === 0));
  return { dagId, instanceIds };
}

function refuseCircle(waits: readonly (readonly number[])[], names: readonly string[]): void {
  const done = new Set<number>();
  for (;;) {
    const free = waits.flatMap((list, place) => (!done.has(place) && list.every((upstream) => done.has(upstream)) ? [place] : []));
    if (free.length === 0) break;
    for (const place of free) done.add(place);
  }
  const left = names.filter((_, place) => !done.has(place));
  if (left.length > 0) throw invalid('Tasks', `these tasks wait for each other in a circle: ${left.join(', ')}`);
}
