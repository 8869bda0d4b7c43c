import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { testCaller, testGateway } from '../../../test/support/call.ts';
import { logIsReadable } from '../../../test/support/log.ts';
import type { WorkspaceReference } from '../../kernel/operation.ts';
import { createChanges } from '../../kernel/change.ts';
import { manualClock, type Clock } from '../../kernel/clock.ts';
import { randomIds } from '../../kernel/ids.ts';
import { silentLog } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { secretBox } from '../../kernel/secrets.ts';
import { createEventLog } from '../../openevent/log.ts';
import { schedulingPlace, TENANT, USER, WORKSPACE } from '../scheduling/scheduling.fixture.ts';
import { createMonitoring } from './index.ts';

export const ELSEWHERE = 12;
export const operator = testCaller(USER);
export const visitor = testCaller(8);
export const outsider = testCaller(6);
export const stranger = testCaller(9, 2, ['tenant_owner']);

export const spec = (cron: string, more: object = {}) => ({ trigger: { type: 'Scheduler', cron, timezone: 'Asia/Shanghai' }, ...more });
export const outputs = (...names: string[]) => ({ outputs: { nodeOutputs: names.map((data) => ({ data, artifactType: 'NodeOutput' })) } });
export const inputs = (...names: string[]) => ({ inputs: { nodeOutputs: names.map((data) => ({ data, artifactType: 'NodeOutput' })) } });

const workspaces: readonly WorkspaceReference[] = [WORKSPACE, ELSEWHERE].map((id) => ({ id, tenantId: TENANT, name: `workspace${id}`, region: 'local', standardMode: true, status: 'Available' }));

/** Tasks and instances of their own, watched. With a manual clock nothing happens by itself; runs begin and end when the test says so. */
export async function monitoringPlace(options: { clock?: Clock; start?: string; business?: Readonly<Record<number, string>> } = {}) {
  const moving = manualClock(new Date(options.start ?? '2026-03-20T04:00:00Z'));
  const clock = options.clock ?? moving;
  const place = await schedulingPlace({ schedule: options.clock !== undefined, ...(options.clock === undefined ? { clock } : {}) });
  const { database } = place;
  const eventLog = createEventLog({ database, validatePayloads: true });
  const changes = createChanges({ database, clock, ids: randomIds, events: eventLog });
  const outbound = createOutbound({ allowLoopback: true, allowed: [] });
  const directory = {
    find: async (tenantId: number, id: number | string) => workspaces.find((workspace) => workspace.tenantId === tenantId && workspace.id === Number(id)),
    byId: async (id: number) => workspaces.find((workspace) => workspace.id === id),
    rolesOf: async (_id: number, userId: number) => (userId === USER ? ['role_project_admin'] : userId === visitor.userId ? ['role_project_guest'] : []),
  };
  /** What resource groups have running and waiting; each has ten slots. */
  const deleted = new Set<number>();
  const load = new Map<string, { running: number; waiting: number }>();
  const monitoring = createMonitoring({
    database,
    changes,
    clock,
    log: silentLog,
    events: eventLog,
    outbound,
    secrets: secretBox(Buffer.alloc(32, 5)),
    directory,
    workspaceIds: async (_db, tenantId) => (tenantId === TENANT ? workspaces.map(({ id }) => id).filter((id) => !deleted.has(id)) : []),
    history: place.history,
    execution: { ...place.execution, usage: async (_db, groups) => groups.flatMap((group) => [load.get(group)].flatMap((one) => (one === undefined ? [] : [{ group, ...one }]))) },
    resources: { slotsOf: async () => 10, byId: async (_db, _tenantId, id) => ({ id, identifier: id, name: `name of ${id}`, slots: 10, status: 'Normal', tags: [] }) },
    business: async (_db, workspaceId, id) => (workspaceId === WORKSPACE && options.business?.[id] !== undefined ? { name: options.business[id] } : undefined),
  });
  const gateway = testGateway({ database, clock, directory, events: eventLog, operations: monitoring.module.operations ?? [] });
  const servers: { close(): void }[] = [];

  /** Brings the place to a moment: what is due starts, and what watches looks. */
  async function at(moment: string): Promise<void> {
    moving.set(new Date(moment));
    await place.scheduler.drain();
  }
  async function follow(): Promise<void> {
    await logIsReadable(eventLog);
    await monitoring.rounds.follow();
  }
  async function watch(): Promise<void> {
    await follow();
    await monitoring.rounds.look();
    await monitoring.rounds.send();
  }
  const run = (instanceId: number) => ({ id: instanceId, tenantId: TENANT, workspaceId: WORKSPACE, environment: 'PROD' as const, instanceId, attempt: 1 });

  return {
    ...place,
    clock: moving,
    monitoring,
    load,
    /** Workspaces that are no more. */
    deleted,
    at,
    follow,
    logIsReadable: () => logIsReadable(eventLog),
    watch,
    /** Calls an operation of monitoring. */
    ask: (version: string, action: string, request: object = {}, caller = operator) => gateway.call(caller, version, action, request),
    begin: (instanceId: number) => place.changes.change(place.actor, (change) => place.follower.onStarted(change, [run(instanceId)])),
    /** Ends a run; `TimedOut` is a failure that is not run again by itself. */
    async end(instanceId: number, kind: 'Success' | 'TimedOut') {
      await place.changes.change(place.actor, (change) => place.follower.onFinished(change, [{ run: run(instanceId), outcome: { kind, reason: 'the test said so', exitCode: undefined } }]));
      await database.run('delete from task_run where instance_id = $1', [instanceId]);
    },
    /** The instances of a task, in the order of their time. */
    instancesOf: (taskId: number) => database.rows<{ id: number; status: string; priority: number; trigger_time: Date }>('select id, status, priority, trigger_time from task_instance where task_id = $1 order by trigger_time', [taskId]),
    /** The payloads of alerts, in the order of the log. */
    alerts: async () => (await database.rows<{ data: Record<string, unknown> }>(`select data from event where code = 'workbench-monitor-alert' order by position, id`)).map(({ data }) => data),
    /** A server that keeps what it is sent; `answers` are given one after the other, then 200. */
    async receiver(answers: { status: number; body?: object }[] = []) {
      const taken: { path: string; body: Record<string, unknown> }[] = [];
      const server = createServer((request: IncomingMessage, response) => {
        let text = '';
        request.on('data', (part: Buffer) => void (text += part.toString('utf8')));
        request.on('end', () => {
          taken.push({ path: request.url ?? '', body: JSON.parse(text) as Record<string, unknown> });
          const answer = answers.shift() ?? { status: 200 };
          response.writeHead(answer.status, { 'content-type': 'application/json' });
          response.end(JSON.stringify(answer.body ?? {}));
        });
      });
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken };
    },
    async close() {
      for (const server of servers) server.close();
      await outbound.close();
      await place.close();
    },
  };
}
