import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { schedulingPlace, SHELL, WORKSPACE, ZERO_LOAD } from './scheduling.fixture.ts';

// 2026-03-20 12:00 in Shanghai. Nothing works here: shell tasks stay in the queue until a test starts and ends them.
const clock = manualClock(new Date('2026-03-20T04:00:00Z'));
const place = await schedulingPlace({ schedule: false, clock });
const { call, publish, database } = place;
after(place.close);

const daily = (cron: string) => ({ trigger: { type: 'Scheduler', cron, timezone: 'Asia/Shanghai' } });

async function at(moment: string): Promise<void> {
  clock.set(new Date(moment));
  await place.scheduler.drain();
}

const QUEUED = `select r.id, r.attempt, r.instance_id from task_run r join task_instance i on i.id = r.instance_id where i.task_id = $1 and r.state = 'Queued'`;

/** The queued run of a node, started or ended as a worker would. */
async function move(taskId: number, outcome?: 'Success' | 'Failure'): Promise<void> {
  await place.changes.change(place.actor, async (change) => {
    const run = await change.row<{ id: number; attempt: number; instance_id: number }>(QUEUED, [taskId]);
    assert.ok(run);
    const of = { id: run.id, tenantId: 1, workspaceId: WORKSPACE, environment: 'PROD', instanceId: run.instance_id, attempt: run.attempt } as const;
    if (outcome === undefined) return place.follower.onStarted(change, [of]);
    await change.run(`update task_run set state = 'Finished', outcome = $2, finished_at = $3 where id = $1`, [run.id, outcome, change.now]);
    await place.follower.onFinished(change, [{ run: of, outcome: { kind: outcome, reason: `The task has ended with ${outcome}.`, exitCode: outcome === 'Success' ? 0 : 1 } }]);
  });
  await place.scheduler.drain();
}

test('two days in numbers: instances a day, successes by the hour, the longest, the most often failed, and nodes by type', async () => {
  const quick = await publish(ZERO_LOAD, '', { name: 'quick', spec: daily('00 00 01 * * ?') });
  const slow = await publish(SHELL, '', { name: 'slow', ownerId: 9, spec: daily('00 00 03 * * ?') });
  await publish(SHELL, '', { name: 'by hand', spec: { trigger: { type: 'Manual' } } });
  await publish(SHELL, '', { name: 'in development', environment: 'DEV', spec: daily('00 00 03 * * ?') });
  // What was published first counts from the next day.
  await at('2026-03-20T12:00:00Z');
  await at('2026-03-20T15:31:00Z');
  await at('2026-03-20T17:00:00Z');
  await at('2026-03-20T19:00:00Z');
  await move(slow);
  await at('2026-03-20T21:30:00Z');
  await move(slow, 'Success');
  await at('2026-03-21T15:31:00Z');
  await at('2026-03-21T17:00:00Z');
  await at('2026-03-21T19:00:00Z');
  await move(slow);
  await at('2026-03-21T20:00:00Z');
  await move(slow, 'Failure');
  await at('2026-03-21T22:00:00Z');

  const ofWorkspace = { ProjectId: WORKSPACE };
  const { InstanceCounts } = await call('GetInstanceCountTrend', { ...ofWorkspace, BeginDate: '2026-03-19', EndDate: '2026-03-21' });
  assert.deepEqual(InstanceCounts, [{ Date: Date.parse('2026-03-19T16:00:00Z'), Count: 2 }, { Date: Date.parse('2026-03-20T16:00:00Z'), Count: 2 }]);
  await assert.rejects(call('GetInstanceCountTrend', { ...ofWorkspace, BeginDate: '2026-03-21', EndDate: '2026-03-20' }), /EndDate/);

  const { InstanceStatusTrend } = await call('GetSuccessInstanceTrend', ofWorkspace);
  const hours = (points: readonly { TimePoint?: string | undefined; Count?: number | undefined }[] = []) => points.map((point) => point.Count);
  const upTo = (...steps: [hour: number, count: number][]) => Array.from({ length: 24 }, (_, hour) => steps.findLast(([from]) => from <= hour)?.[1] ?? 0);
  assert.deepEqual(InstanceStatusTrend?.TodayTrend?.map((point) => point.TimePoint).slice(0, 2), ['00:00', '01:00']);
  assert.deepEqual(hours(InstanceStatusTrend?.TodayTrend), upTo([1, 1]));
  assert.deepEqual(hours(InstanceStatusTrend?.YesterdayTrend), upTo([1, 1], [5, 2]));
  assert.deepEqual(hours(InstanceStatusTrend?.AvgTrend), upTo([1, 1], [5, 2]));

  const { InstanceConsumeTimeRank } = await call('GetInstanceConsumeTimeRank', { ...ofWorkspace, Bizdate: '2026-03-20' });
  const [instance] = await database.rows<{ id: number }>('select id from task_instance where task_id = $1 order by id', [slow]);
  assert.deepEqual(InstanceConsumeTimeRank?.ConsumeTimeRank?.[0], { InstanceId: instance?.id, NodeId: slow, NodeName: 'slow', Owner: '9', PrgType: 6, Bizdate: Date.parse('2026-03-19T16:00:00Z'), Consumed: 9_000 });
  assert.deepEqual(InstanceConsumeTimeRank?.ConsumeTimeRank?.map((one) => one.NodeId), [slow, quick]);
  const next = await call('GetInstanceConsumeTimeRank', { ...ofWorkspace, Bizdate: '2026-03-21' });
  assert.deepEqual(next.InstanceConsumeTimeRank?.ConsumeTimeRank?.map((one) => [one.NodeId, one.Consumed]), [[slow, 3_600], [quick, 0]]);

  const { InstanceErrorRank } = await call('GetInstanceErrorRank', ofWorkspace);
  assert.deepEqual(InstanceErrorRank, { UpdateTime: clock.now().getTime(), ErrorRank: [{ NodeId: slow, NodeName: 'slow', Owner: '9', PrgType: 6, ProjectId: WORKSPACE, Count: 1 }] });

  const types = async (ProjectEnv: string) => (await call('ListProgramTypeCount', { ...ofWorkspace, ProjectEnv })).ProgramTypeAndCounts;
  assert.deepEqual(await types('PROD'), [{ ProgramType: '6', Count: 2 }, { ProgramType: '99', Count: 1 }]);
  assert.deepEqual(await types('DEV'), [{ ProgramType: '6', Count: 1 }]);
});
