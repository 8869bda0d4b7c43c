import { createChanges, platformActor } from '../../server/kernel/change.ts';
import { systemClock } from '../../server/kernel/clock.ts';
import type { Database } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import type { Log } from '../../server/kernel/log.ts';
import type { Service } from '../../server/kernel/module.ts';
import { createEventLog } from '../../server/openevent/index.ts';
import { createExecution } from '../../server/platform/execution/index.ts';
import { addDays, startOfDay, wallTimeOf } from '../../server/platform/scheduling/calendar.ts';
import { createScheduling, type PublishedTask } from '../../server/platform/scheduling/index.ts';

export const TENANT = 1;
export const WORKSPACE = 1;
export const ZONE = 'Asia/Shanghai';

/** What a task does. */
export interface Load {
  readonly fileType: number;
  readonly command: string;
  readonly content: string;
}

const ZERO: Load = { fileType: 99, command: 'VIRTUAL', content: '' };

/** The scheduler of one process with loads to play. */
export interface Stage {
  readonly scheduler: ReturnType<typeof createScheduling>['scheduler'];
  readonly generation: ReturnType<typeof createScheduling>['generation'];
  /** The worker of this process, for loads that run. */
  readonly worker: Service | undefined;
  /** Publishes loads and answers their ids; `inputs` tells for each which others (by place) it waits for. Zero loads, unless a load is given. */
  publish(count: number, inputs: (place: number) => number[], load?: Load): Promise<number[]>;
  /** Starts a backfill of tasks and answers the milliseconds until the last has succeeded. */
  play(ids: readonly number[]): Promise<number>;
}

/** Sets the scheduler up on a prepared database. It is not started, nor is the worker. */
export function createStage(database: Database, dataFolder: string): Stage {
  const log: Log = { debug() {}, info() {}, warn: (detail, message) => console.error(message, detail), error: (detail, message) => console.error(message, detail) };
  const changes = createChanges({ database, clock: systemClock, ids: randomIds, events: createEventLog({ database, validatePayloads: false }) });
  const execution = createExecution({ database, changes, clock: systemClock, ids: randomIds, log, dataFolder, timeZone: ZONE, searchPath: process.env['PATH'] ?? '' });
  const { scheduling, scheduler, generation, dags, tasksOf } = createScheduling({ database, changes, clock: systemClock, log, execution: execution.execution, holds: { propose: async () => ({ held: false, messageId: '' }), withdraw: async () => {} }, timeZone: ZONE });
  const actor = platformActor('bench', TENANT);
  const bizdate = addDays(startOfDay(wallTimeOf(new Date(), ZONE)), -2);
  let next = 0;

  return {
    scheduler,
    generation,
    worker: execution.module.services?.[0],
    async publish(count, inputs, load = ZERO) {
      const base = (next += count) - count;
      const ids: number[] = [];
      for (let from = 0; from < count; from += 500) {
        await changes.change(actor, async (change) => {
          for (let place = from; place < Math.min(from + 500, count); place += 1) {
            const taskId = await scheduling.reserveTaskId(change);
            await scheduling.publish(change, taskOf(load, taskId, base + place, inputs(place).map((other) => base + other)));
            ids.push(taskId);
          }
        });
      }
      return ids;
    },
    async play(ids) {
      const tasks = await tasksOf(TENANT, ids);
      const began = performance.now();
      const { dagId } = await changes.change(actor, (change) => dags.make(change, { name: 'bench', type: 'SupplementData', workspaceId: WORKSPACE, environment: 'PROD', bizdate, tasks }));
      for (;;) {
        const row = await database.row<{ status: string }>('select status from dag_run where id = $1', [dagId]);
        if (row?.status === 'Success') return performance.now() - began;
        if (row?.status === 'Failure') throw new Error('the bench failed');
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
  };
}

function taskOf(load: Load, taskId: number, number: number, inputs: readonly number[]): PublishedTask {
  return {
    taskId,
    workspaceId: WORKSPACE,
    environment: 'PROD',
    fileId: number + 1,
    fileVersion: 1,
    name: `task_${number}`,
    ...load,
    ownerId: 1,
    spec: {
      trigger: { type: 'Scheduler', cron: '00 00 00 * * ?', timezone: ZONE },
      outputs: { nodeOutputs: [{ data: `b.${number}` }] },
      inputs: { nodeOutputs: inputs.map((other) => ({ data: `b.${other}` })) },
    },
  };
}
