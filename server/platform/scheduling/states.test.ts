import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ApiError } from '../../kernel/errors.ts';
import { insertDag } from './dag-store.ts';
import { insertInstances, lockInstance } from './instance-store.ts';
import { schedulingPlace, TENANT, USER, WORKSPACE } from './scheduling.fixture.ts';
import { instanceStates, mayBecome, stateNames, type InstanceState } from './states.ts';
import { transition } from './transition.ts';

// Nobody moves instances but the tests.
const place = await schedulingPlace({ schedule: false });
after(place.close);

async function makeInstance(state: InstanceState): Promise<number> {
  return place.changes.change(place.actor, async (change) => {
    const common = { environment: 'PROD', bizdate: change.now } as const;
    const dagId = await insertDag(change, { ...common, tenantId: TENANT, workspaceId: WORKSPACE, name: 'walk', type: 'SmokeTest', createdBy: USER }, change.now);
    const [id] = await insertInstances(
      change,
      [{
        ...common,
        tenant_id: TENANT,
        workspace_id: WORKSPACE,
        dag_id: dagId,
        dag_type: 'SmokeTest',
        flow_id: 1,
        period_number: 1,
        blocked_by: '',
        context_inputs: [],
        resource_group: null,
        datasource: null,
        ignore_branch_skip: false,
        task_id: 5,
        task_version: 1,
        file_id: 1,
        name: 'walk',
        file_type: 99,
        command: 'VIRTUAL',
        owner_id: USER,
        task_type: 'NORMAL',
        trigger_time: change.now,
        parameters: [],
        priority: 1,
        rerun_mode: 'Allowed',
        rerun_times: 0,
        rerun_interval_ms: 0,
        timeout_seconds: 10,
        created_by: USER,
      }],
      change.now,
    );
    assert.ok(id);
    await change.run('update task_instance set status = $2 where id = $1', [id, state]);
    return id;
  });
}

async function move(id: number, to: InstanceState): Promise<void> {
  await place.changes.change(place.actor, async (change) => {
    const instance = await lockInstance(change, id);
    assert.ok(instance);
    await transition(change, instance, to);
  });
}

test('every edge of the table can be walked, with one event; no other edge can, and leaves no trace', async () => {
  for (const from of stateNames) {
    for (const to of stateNames) {
      const id = await makeInstance(from);
      if (mayBecome(from, to)) {
        await move(id, to);
        assert.equal(await place.status(id), to);
        assert.deepEqual(place.told(id), [instanceStates[to].code]);
      } else {
        await assert.rejects(move(id, to), /cannot go from/);
        assert.equal(await place.status(id), from);
        assert.deepEqual(place.told(id), []);
      }
    }
  }
});

test('an instance that has moved meanwhile is not moved, and nothing is told', async () => {
  const id = await makeInstance('WaitResource');
  const moves = await Promise.allSettled(
    Array.from({ length: 4 }, () =>
      place.changes.change(place.actor, async (change) => {
        // Read without a lock, as a careless caller would.
        const instance = { ...(await lockInstance(place.database, id)) } as NonNullable<Awaited<ReturnType<typeof lockInstance>>>;
        await transition(change, { ...instance, status: 'WaitResource' }, 'Running');
      }),
    ),
  );
  assert.equal(moves.filter((outcome) => outcome.status === 'fulfilled').length, 1);
  for (const outcome of moves) if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof ApiError && outcome.reason.entry === 'WrongState');
  assert.deepEqual(place.told(id), [4]);
});

test('the payload carries the times of the states that were reached', async () => {
  const id = await makeInstance('NotRun');
  for (const to of ['WaitTime', 'WaitResource', 'Running', 'Failure'] as const) await move(id, to);
  const data = place.events.filter((event) => event.objectKey === `instance:${id}`).map((event) => event.data);
  assert.deepEqual(data.map(({ beginWaitTimeTime, beginWaitResTime, beginRunningTime, finishTime }) => [beginWaitTimeTime, beginWaitResTime, beginRunningTime, finishTime].filter((time) => time !== undefined).length), [1, 2, 3, 4]);
  assert.deepEqual([data[3]?.['appId'], data[3]?.['dagType'], data[3]?.['taskType']], [WORKSPACE, 2, 0]);
  await move(id, 'NotRun');
  assert.equal(place.events.at(-1)?.data['finishTime'], undefined);
});
