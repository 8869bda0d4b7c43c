import { setTimeout as pause } from 'node:timers/promises';
import { claimRuns, finishRuns, insertRuns } from '../../server/platform/execution/store.ts';
import { addDays, startOfDay, wallTimeOf } from '../../server/platform/scheduling/calendar.ts';
import { fillStore } from '../schedule/fill.ts';
import { CURRENT, inParts, LEGACY, ZONE, type Ground, type Subject } from './ground.ts';

const RUNS = 20;

/** Task instances with their edges and runs, over sixty days: lists, statistics, and what the scheduler and a worker do beside them. */
export async function instancesSubject(ground: Ground): Promise<Subject> {
  const { database, relaxed, tenantId, projectId, call } = ground;
  const ProjectId = projectId;
  const day = addDays(startOfDay(wallTimeOf(new Date(), ZONE)), -20);
  const BizDate = day.toISOString().slice(0, 10);
  const Bizdate = (await database.row<{ ms: number }>(`select (extract(epoch from $1::timestamp at time zone $2) * 1000)::bigint as ms`, [`${BizDate} 00:00:00`, ZONE]))?.ms ?? 0;

  await call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'growth' });
  const FileId = Number(
    (await call(LEGACY, 'CreateFile', { ProjectId, FileName: 'nothing', FileType: 99, Content: '', FileFolderPath: '业务流程/growth/MaxCompute', CreateFolderIfNotExists: true, InputList: 'growth_0_root', CronExpress: '00 30 00 * * ?', CycleType: 'DAY' }))['Data'],
  );
  await call(LEGACY, 'SubmitFile', { ProjectId, FileId });
  await call(LEGACY, 'DeployFile', { ProjectId, FileId });
  const NodeId = ((await call(LEGACY, 'GetFile', { ProjectId, FileId }))['Data'] as { File: { NodeId: number } }).File.NodeId;
  let instanceId = 1;

  async function runOnce(): Promise<void> {
    const dagId = Number((await call(LEGACY, 'RunSmokeTest', { ProjectEnv: 'PROD', NodeId, Name: 'growth', Bizdate: '2026-01-15 00:00:00' }))['Data']);
    for (;;) {
      const row = await database.row<{ status: string }>('select status from dag_run where id = $1', [dagId]);
      if (row?.status === 'Success') return;
      if (row?.status === 'Failure') throw new Error('a task of no load has failed');
      await pause(1);
    }
  }

  /** The part of a worker in the life of some runs; carrying them out is not in it. */
  async function work(): Promise<void> {
    const now = new Date();
    const runs = Array.from({ length: RUNS }, () => ({ tenantId, workspaceId: projectId, environment: 'PROD' as const, instanceId: -(instanceId += 1), attempt: 1, command: 'DIDE_SHELL', content: 'true', parameters: [], timeoutSeconds: 60, priority: 1, resourceKey: null }));
    await database.transaction((tx) => insertRuns(tx, runs, now));
    const claimed = await database.transaction((tx) => claimRuns(tx, { tenant_id: tenantId, resource_group: null }, now, new Date(now.getTime() + 60_000), 'bench', 'bench', RUNS));
    if (claimed.length !== RUNS) throw new Error(`${claimed.length} of ${RUNS} runs were claimed`);
    await database.transaction((tx) => finishRuns(tx, claimed.map((run) => ({ lease: { id: run.id, token: run.lease_token }, outcome: { kind: 'Success' as const, reason: '', exitCode: 0 } })), now));
  }

  const listed = (parameters: Readonly<Record<string, string | number>>) => () => call(CURRENT, 'ListTaskInstances', { ProjectId, ProjectEnv: 'Prod', Bizdate, ...parameters });
  const ofDay = 'tells how many there are of the day';
  return {
    name: 'instances',
    tables: ['task_instance', 'instance_edge', 'task_run'],
    async clear() {
      await database.run('truncate task_instance, instance_edge, task_log, task_run');
      await database.run('delete from dag_run');
    },
    async fill(count) {
      await fillStore(relaxed, { tenantId, workspaceId: projectId, count, until: new Date(), timeZone: ZONE }, () => {});
      const first = (await database.row<{ id: number }>('select min(id) as id from task_instance'))?.id ?? 0;
      await inParts(relaxed, count, `insert into instance_edge (downstream_id, upstream_id) select $3::bigint + n, $3::bigint + n - 1 from generate_series(greatest($1::bigint, 1), $2::bigint - 1) n`, [first]);
      await inParts(
        relaxed,
        count,
        `insert into task_run (tenant_id, workspace_id, environment, instance_id, attempt, command, content, parameters, timeout_seconds, priority, state, run_at, queued_at, started_at, finished_at, worker, machine, lease_token, outcome, exit_code)
         select $3, $4, 'PROD', $5::bigint + n, 1, 'DIDE_SHELL', '', '[]', 3600, 1, 'Finished', now(), now(), now(), now(), 'w', 'm', 1, 'Success', 0 from generate_series($1::bigint, $2::bigint - 1) n`,
        [tenantId, projectId, first],
      );
    },
    costs: [
      { name: 'a task of no load: ordered, made, run, ended', once: runOnce },
      { name: `${RUNS} runs queued, claimed and ended`, once: work },
      { name: 'ListTaskInstances of a day', once: listed({}), counts: ofDay },
      { name: 'ListTaskInstances of a day, newest due first', once: listed({ SortBy: 'TriggerTime Desc' }), counts: ofDay },
      { name: 'ListTaskInstances of a day, failed ones', once: listed({ Status: 'Failure' }), counts: ofDay },
      { name: 'ListTaskInstances of a day, of an owner', once: listed({ Owner: '3' }), counts: ofDay },
      { name: 'ListInstances of a node, all days', once: () => call(LEGACY, 'ListInstances', { ProjectId, ProjectEnv: 'PROD', NodeId: 10_000_003 }) },
      { name: 'ListInstances, failed ones of all days', once: () => call(LEGACY, 'ListInstances', { ProjectId, ProjectEnv: 'PROD', Status: 'FAILURE' }), counts: 'tells how many there are' },
      { name: 'GetInstanceStatusStatistic of a day', once: () => call(LEGACY, 'GetInstanceStatusStatistic', { ProjectId, ProjectEnv: 'PROD', BizDate }), counts: 'counts the day' },
    ],
  };
}
