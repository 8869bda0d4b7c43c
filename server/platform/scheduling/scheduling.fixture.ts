import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Operations as Legacy } from '../../../contract/generated/dataworks-public-2020-05-18.ts';
import type { Operations as Current } from '../../../contract/generated/dataworks-public-2024-05-18.ts';
import { faultsOfAnswer } from '../../../test/support/answers.ts';
import { testDatabase } from '../../../test/support/database.ts';
import { eventually } from '../../../test/support/eventually.ts';
import type { Holds, Proposal } from '../../extensions/declare.ts';
import { createChanges, platformActor, type Actor, type Changes, type EventWriter, type StoredEvent } from '../../kernel/change.ts';
import { systemClock, type Clock } from '../../kernel/clock.ts';
import { openDatabase, type Database } from '../../kernel/database.ts';
import { randomIds } from '../../kernel/ids.ts';
import { createJobRunner } from '../../kernel/jobs.ts';
import { silentLog } from '../../kernel/log.ts';
import type { Call } from '../../kernel/operation.ts';
import type { WorkspaceRight } from '../../kernel/rights.ts';
import { createEventLog } from '../../openevent/log.ts';
import { createExecution, type Execution, type ExecutionOptions, type RunFollower, type WorkerSettings } from '../execution/index.ts';
import { createScheduling, type PublishedTask } from './index.ts';
import { hasEnded, type InstanceState } from './states.ts';

export const TENANT = 1;
export const USER = 7;
export const WORKSPACE = 11;

export const SHELL = { fileType: 6, command: 'DIDE_SHELL' };
export const SQL = { fileType: 10, command: 'ODPS_SQL' };
export const PYTHON = { fileType: 1221, command: 'PYODPS3' };
export const ZERO_LOAD = { fileType: 99, command: 'VIRTUAL' };

const quick: NonNullable<ExecutionOptions['settings']> = { pollMs: 100, killMs: 400, shutdownMs: 200, logFlushMs: 50 };

/** A database of its own with tasks, instances and a worker that really runs them. */
export async function schedulingPlace(options: { schedule?: boolean; clock?: Clock; timeZone?: string; execution?: Partial<ExecutionOptions> } = {}) {
  const { clock: ownClock = systemClock, timeZone = 'Asia/Shanghai' } = options;
  const { url, drop } = await testDatabase();
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-run-'));
  // As the data folder of a server is: others may pass through it.
  await chmod(dataFolder, 0o755);
  const database = openDatabase({ connection: url, connections: 10 });
  // A clock of one's own goes where no partition was made for.
  if (options.clock !== undefined) for (const table of ['audit', 'event']) await database.run(`create table ${table}_any_time partition of ${table} default`);
  const eventLog = createEventLog({ database, validatePayloads: true });
  const events: StoredEvent[] = [];
  const writer: EventWriter = {
    async append(tx, actor, now, raised) {
      await eventLog.append(tx, actor, now, raised);
      events.push(...raised);
    },
  };
  const changesOn = (through: Database) => createChanges({ database: through, clock: ownClock, ids: randomIds, events: writer });
  const commonChanges = changesOn(database);
  const actor: Actor = { ...platformActor('test', TENANT), userId: USER };
  const services: { stop(): Promise<void> }[] = [];
  /** What was proposed at extension points; those named in `holding` are held. */
  const proposals: Proposal[] = [];
  const holding = new Set<string>();
  const holds: Holds = {
    async propose(_change, proposal) {
      proposals.push(proposal);
      return holding.has(proposal.point) ? { held: true, messageId: 'message', holdId: proposals.length } : { held: false, messageId: 'message' };
    },
    async withdraw() {},
  };
  const undeployed: number[] = [];

  /** One server process: its worker runs once `start` was called. It sees the database `through` what is given. */
  function server(settings: Partial<WorkerSettings> = {}, clock: Clock = ownClock, through?: Database) {
    const changes = through === undefined ? commonChanges : changesOn(through);
    return serverOn(through ?? database, changes, settings, clock);
  }

  function serverOn(database: Database, changes: Changes, settings: Partial<WorkerSettings>, clock: Clock) {
    let follower: RunFollower | undefined;
    const followed = (): RunFollower => {
      if (follower === undefined) throw new Error('nobody follows');
      return follower;
    };
    const execution = createExecution({ database, changes, clock, ids: randomIds, log: silentLog, dataFolder, timeZone, searchPath: process.env['PATH'] ?? '', settings: { ...quick, ...settings }, ...options.execution });
    const watched: Execution = {
      ...execution.execution,
      follow(given) {
        follower = given;
        execution.execution.follow(given);
      },
    };
    // Every name is one of a resource group, but for this one.
    const resourceGroup = async (_change: unknown, _workspaceId: number, idOrName: string) => (idOrName === 'nowhere' ? undefined : idOrName);
    const scheduling = createScheduling({ database, changes, clock, log: silentLog, execution: watched, timeZone, holds, resourceGroup, undeployed: async (_change, task) => void undeployed.push(task.taskId) });
    const [worker] = execution.module.services ?? [];
    if (worker === undefined) throw new Error('there is no worker');
    // Instances start by the scheduler alone, whether a worker is there or not.
    services.push(worker, scheduling.scheduler);
    const jobs = createJobRunner({ database, changes, clock, log: silentLog, jobs: scheduling.module.jobs ?? [] });
    return { ...scheduling, jobs, follower: followed(), execution: execution.execution, start: async () => worker.start(), stop: () => worker.stop() };
  }
  const main = server();
  if (options.schedule !== false) await main.scheduler.start();

  async function publish(task: { fileType: number; command: string }, content: string, more: Partial<PublishedTask> = {}): Promise<number> {
    return commonChanges.change(actor, async (change) => {
      const taskId = more.taskId ?? (await main.scheduling.reserveTaskId(change));
      await main.scheduling.publish(change, { workspaceId: WORKSPACE, environment: 'PROD', fileId: 1, fileVersion: 1, name: 'task', ownerId: USER, spec: {}, ...task, content, ...more, taskId });
      return taskId;
    });
  }

  /** Calls an operation as the gateway does; `rights` are those of the caller in the workspace. */
  async function call<Action extends keyof Legacy & string>(action: Action, request: Legacy[Action]['request'], by?: { tenantId?: number; rights?: readonly WorkspaceRight[] }): Promise<Legacy[Action]['response']> {
    return (await callAny('2020-05-18', action, request, by)) as Legacy[Action]['response'];
  }
  async function callCurrent<Action extends keyof Current & string>(action: Action, request: Current[Action]['request'], by?: { tenantId?: number; rights?: readonly WorkspaceRight[] }): Promise<Current[Action]['response']> {
    return (await callAny('2024-05-18', action, request, by)) as Current[Action]['response'];
  }
  async function callAny(version: string, action: string, request: object, by: { tenantId?: number; rights?: readonly WorkspaceRight[] } = {}): Promise<object> {
    const operation = main.module.operations?.find((declared) => declared.action === action && declared.version === version);
    if (operation === undefined || operation.access.level !== 'workspace') throw new Error(`no operation ${action}`);
    const tenantId = by.tenantId ?? TENANT;
    const { access } = operation;
    const found = await access.find(request as never, { db: database, tenantId });
    const workspaceId = Number(typeof found === 'object' ? found.workspace : found);
    const right = typeof found === 'object' ? found.right : typeof access.right === 'function' ? access.right(request as never) : access.right;
    if (by.rights !== undefined && !by.rights.includes(right)) throw new Error(`needs ${right}`);
    const requestId = randomIds.requestId();
    const made: Call = {
      requestId,
      product: 'dataworks-public',
      version,
      action,
      region: 'cn-shanghai',
      tenantId,
      caller: { userId: USER, userName: 'ada', displayName: 'Ada', tenantId, tenantRoles: [], accessKeyId: 'LTAI5tOfTheTest', sessionId: undefined },
      actor: { ...actor, action, requestId },
      language: 'en',
      sourceAddress: '192.0.2.1',
      clock: ownClock,
      db: database,
      workspace: { id: workspaceId, tenantId, name: 'place', region: 'cn-shanghai', standardMode: true, status: 'Available' },
      change: (work) => commonChanges.change({ ...actor, action, requestId }, work),
      setSession() {},
    };
    const answer = await operation.handle(made, request as never);
    // What is answered is what the contract says, in every test.
    assert.deepEqual(faultsOfAnswer('dataworks-public', version, action, answer), []);
    return answer;
  }

  /** Smoke-tests a task; answers the instance. */
  async function run(taskId: number, more: { bizdate?: string; params?: object; environment?: string } = {}): Promise<number> {
    const ProjectEnv = more.environment ?? 'PROD';
    const { Data: DagId } = await call('RunSmokeTest', { Bizdate: more.bizdate ?? '2026-03-21 00:00:00', Name: 'try', NodeId: taskId, ProjectEnv, NodeParams: more.params === undefined ? undefined : JSON.stringify(more.params) });
    const { Data } = await call('ListInstances', { ProjectId: WORKSPACE, ProjectEnv, DagId });
    const id = Data?.Instances?.[0]?.InstanceId;
    if (id === undefined) throw new Error('the instance is not there at once');
    return id;
  }

  async function status(instanceId: number): Promise<InstanceState | undefined> {
    return (await database.row<{ status: InstanceState }>('select status from task_instance where id = $1', [instanceId]))?.status;
  }
  const reaches = (instanceId: number, wanted: InstanceState, withinMs?: number) =>
    eventually(`the instance becomes ${wanted}`, async () => {
      const present = await status(instanceId);
      return present === wanted;
    }, withinMs);

  return {
    url,
    database,
    dataFolder,
    changes: commonChanges,
    changesOn,
    actor,
    events,
    proposals,
    holding,
    undeployed,
    server,
    ...main,
    publish,
    call,
    callCurrent,
    run,
    status,
    reaches,
    async ends(instanceId: number, withinMs?: number): Promise<InstanceState> {
      return eventually('the instance ends', async () => {
        const present = await status(instanceId);
        return present !== undefined && hasEnded(present) ? present : undefined;
      }, withinMs);
    },
    log: async (instanceId: number) => (await main.execution.readLog(database, instanceId)) ?? '',
    /** The status codes told of an instance, in order. */
    told: (instanceId: number) => events.filter((event) => event.code === 'instance-status-changes' && event.objectKey === `instance:${instanceId}`).map((event) => event.data['status']),
    codes: (objectKey: string) => events.filter((event) => event.objectKey === objectKey).map((event) => event.code),
    async close() {
      for (const service of services) await service.stop();
      await database.close();
      await drop();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}
