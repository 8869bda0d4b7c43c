import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import type { Change } from '../../kernel/change.ts';
import { manualClock } from '../../kernel/clock.ts';
import { schedulingPlace, SHELL, WORKSPACE } from './scheduling.fixture.ts';

// Nothing works here: tests do what a worker would do, at the moment they choose.
const clock = manualClock(new Date('2026-03-21T04:00:00Z'));
const place = await schedulingPlace({ schedule: false, clock });
const { database, publish, scheduler, changes, actor } = place;
after(place.close);

/** Does `second` while the change of `first` is open and keeps what it has locked; `first` goes on once `second` waits for it. */
async function during(first: (change: Change) => Promise<unknown>, second: () => Promise<unknown>): Promise<PromiseSettledResult<unknown>> {
  let other: Promise<PromiseSettledResult<unknown>[]> | undefined;
  await changes.change(actor, async (change) => {
    await first(change);
    other = Promise.allSettled([second()]);
    await eventually('the second one waits for the first', async () => (await database.row<{ count: number }>(`select count(*) as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`))?.count === 1);
  });
  const [ended] = (await other) ?? [];
  assert.ok(ended);
  return ended;
}

const runsOf = (id: number) => database.rows<{ state: string }>(`select state from task_run where instance_id = $1 and state <> 'Finished'`, [id]);

async function waiting(): Promise<number> {
  const id = await place.run(await publish(SHELL, '', { spec: { rerunTimes: 2 } }));
  await scheduler.drain();
  assert.equal(await place.status(id), 'WaitResource');
  return id;
}

/** A worker's run fails, so that the instance waits for its next attempt. */
async function fail(change: Change, instanceId: number): Promise<void> {
  const run = await change.row<{ id: number; attempt: number }>(`select id, attempt from task_run where instance_id = $1 and state = 'Queued' for update`, [instanceId]);
  assert.ok(run);
  const of = { id: run.id, tenantId: 1, workspaceId: WORKSPACE, environment: 'PROD', instanceId, attempt: run.attempt } as const;
  await place.follower.onStarted(change, [of]);
  await change.run(`update task_run set state = 'Finished', outcome = 'Failure', finished_at = now() where id = $1`, [run.id]);
  await place.follower.onFinished(change, [{ run: of, outcome: { kind: 'Failure', reason: 'It failed.', exitCode: 1 } }]);
}

for (const action of ['StopInstance', 'SuspendInstance'] as const) {
  test(`${action} while an attempt fails and the next one is handed over leaves no run that nobody expects`, async () => {
    const id = await waiting();
    const act = () => place.call(action, { InstanceId: id, ProjectEnv: 'PROD' });
    const ended = await during((change) => fail(change, id), act);
    if (ended.status === 'rejected') assert.equal((ended.reason as { entry?: string }).entry, 'WrongState');
    const runs = await runsOf(id);
    assert.equal(runs.length, (await place.status(id)) === 'WaitResource' ? 1 : 0);
    assert.equal((await database.row<{ frozen: boolean }>('select frozen from task_instance where id = $1', [id]))?.frozen, action === 'SuspendInstance' && ended.status === 'fulfilled');
    // Asked again, it is done.
    if (ended.status === 'rejected') await act();
    assert.deepEqual(await runsOf(id), []);
  });
}

test('a workspace that is deleted while a next attempt is handed over leaves no run once it is emptied again', async () => {
  const id = await waiting();
  const empty = () => changes.change(actor, (change) => place.scheduling.removeWorkspace(change, WORKSPACE));
  const ended = await during((change) => fail(change, id), empty);
  assert.equal(ended.status, 'fulfilled');
  assert.equal((await runsOf(id)).length, 1);
  // Not in one change: it would hold the instances, for which a worker waits that holds the run.
  await empty();
  assert.deepEqual(await database.rows('select from task_instance where id = $1', [id]), []);
  assert.deepEqual(await runsOf(id), []);
});

test('the end of a run whose instance is gone is taken, and that of another beside it too', async () => {
  const [gone, other] = [await waiting(), await waiting()];
  await database.run('delete from instance_edge where downstream_id = $1', [gone]);
  await database.run('delete from task_instance where id = $1', [gone]);
  const run = (instanceId: number) => ({ id: 1, tenantId: 1, workspaceId: WORKSPACE, environment: 'PROD', instanceId, attempt: 1 }) as const;
  await changes.change(actor, (change) => place.follower.onStarted(change, [run(gone), run(other)]));
  for (const outcome of [{ kind: 'Success', reason: 'It succeeded.', exitCode: 0 }, { kind: 'Failure', reason: 'It failed.', exitCode: 1 }] as const) {
    await changes.change(actor, (change) => place.follower.onFinished(change, [{ run: run(gone), outcome }]));
  }
  await changes.change(actor, (change) => place.follower.onFinished(change, [gone, other].map((id) => ({ run: run(id), outcome: { kind: 'Success', reason: 'It succeeded.', exitCode: 0 } as const }))));
  assert.equal(await place.status(other), 'Success');
});
