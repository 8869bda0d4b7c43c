import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { Execution } from '../execution/index.ts';
import { createInstances } from './instances.ts';
import type { Scheduling } from './interface.ts';
import { currentOperations } from './operations/current.ts';
import { instanceOperations } from './operations/instances.ts';
import { nodeOperations } from './operations/nodes.ts';
import type { Services } from './operations/shared.ts';
import { createTasks } from './tasks.ts';

export type { PublishedTask, Scheduling } from './interface.ts';
export { schedulingSchema } from './schema.ts';

/**
 * Tasks in service and their instances. Follows the runs of `execution`, which must be this process's only one.
 * `timeZone` (IANA name) is the one in which business dates are days. `hasDevelopment` tells whether a workspace has a development environment
 * of its own; where it is absent every workspace has one.
 */
export function createScheduling(options: { execution: Execution; timeZone: string; hasDevelopment?: (workspaceId: number) => Promise<boolean> }): { module: Module; scheduling: Scheduling } {
  const { execution, timeZone } = options;
  const instances = createInstances(execution);
  const tasks = createTasks({ instances, execution, timeZone, hasDevelopment: options.hasDevelopment ?? (async () => true) });
  execution.follow(instances);
  const services: Services = { tasks, instances, execution, timeZone };
  return {
    module: {
      name: 'scheduling',
      operations: [
        ...declareOperations('dataworks-public', '2020-05-18', nodeOperations(services)),
        ...declareOperations('dataworks-public', '2020-05-18', instanceOperations(services)),
        ...declareOperations('dataworks-public', '2024-05-18', currentOperations(services)),
      ],
    },
    scheduling: tasks,
  };
}
