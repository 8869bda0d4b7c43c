import type { Change } from '../../kernel/change.ts';
import type { Execution, NewRun, RunParameter } from '../execution/index.ts';
import { resultsBefore } from './edge-store.ts';
import { contentsOf, type InstanceRow } from './instance-store.ts';
import type { ContextInput } from './settings.ts';

/** Handing instances over to the workers. */
export interface Submissions {
  /** Submits the present attempt of instances that wait for resources already. */
  submit(change: Change, instances: readonly InstanceRow[], more?: { readonly notBefore?: Date; readonly note?: string }): Promise<void>;
}

/** What upstreams put out, as parameters under the names by which the code reads them. An input that nobody filled is left out. */
export function contextParameters(inputs: readonly ContextInput[], upstreams: readonly { readonly task_id: number | null; readonly file_id: number; readonly output: string | null; readonly variables: Readonly<Record<string, string>> }[]): RunParameter[] {
  return inputs.flatMap((input): RunParameter[] => {
    const upstream = upstreams.find((one) => (input.output === null ? one.task_id === input.nodeId || one.file_id === input.nodeId : one.output === input.output)) ?? (upstreams.length === 1 ? upstreams[0] : undefined);
    const value = upstream?.variables[input.variable];
    return value === undefined ? [] : [{ name: input.name, value }];
  });
}

export function createSubmissions(execution: Execution): Submissions {
  return {
    async submit(change, instances, more = {}) {
      if (instances.length === 0) return;
      const contents = await contentsOf(change, instances);
      const reading = instances.filter((one) => one.context_inputs.length > 0);
      const upstreams = Map.groupBy(reading.length === 0 ? [] : await resultsBefore(change, reading.map((one) => one.id)), (row) => row.downstream_id);
      await execution.submit(
        change,
        instances.map((one): NewRun => ({
          tenantId: one.tenant_id,
          workspaceId: one.workspace_id,
          environment: one.environment,
          instanceId: one.id,
          attempt: one.attempts,
          command: one.command,
          content: contents.get(one.id) ?? '',
          parameters: [...one.parameters, ...contextParameters(one.context_inputs, upstreams.get(one.id) ?? [])],
          timeoutSeconds: one.timeout_seconds,
          priority: one.priority,
          resourceGroup: one.resource_group,
          datasource: one.datasource,
          ...more,
        })),
      );
    },
  };
}
