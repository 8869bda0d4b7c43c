import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as fc from 'fast-check';
import { schedulingPlace, SHELL, WORKSPACE, ZERO_LOAD } from './scheduling.fixture.ts';

// Two schedulers on one database look at the same time; a worker of the test ends runs in any order.
const place = await schedulingPlace({ schedule: false });
const second = place.server();
const { database } = place;
after(place.close);

interface Shape {
  /** For each node the earlier ones it waits for, as numbers that are reduced to their places. */
  readonly waits: readonly (readonly number[])[];
  readonly kinds: readonly ('zero' | 'shell' | 'fails' | 'recovers')[];
  readonly picks: readonly number[];
}

const shape: fc.Arbitrary<Shape> = fc.integer({ min: 1, max: 14 }).chain((size) =>
  fc.record({
    waits: fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: size, maxLength: size }),
    kinds: fc.array(fc.constantFrom('zero', 'shell', 'shell', 'fails', 'recovers'), { minLength: size, maxLength: size }) as fc.Arbitrary<Shape['kinds']>,
    picks: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
  }),
);

const drain = () => Promise.all([place.scheduler.drain(), second.scheduler.drain()]);

let runs = 0;

/** Ends some of the queued runs, all at once as several workers would. */
async function endSome(dagId: number, kindOf: ReadonlyMap<number, string>, pick: number): Promise<boolean> {
  const queued = await database.rows<{ id: number; instance_id: number; attempt: number }>(
    `select r.id, r.instance_id, r.attempt from task_run r join task_instance i on i.id = r.instance_id where i.dag_id = $1 and r.state = 'Queued' order by r.id`,
    [dagId],
  );
  if (queued.length === 0) return false;
  const chosen = queued.filter((_, index) => index === pick % queued.length || ((pick >> (index % 20)) & 1) === 1);
  await Promise.all(
    chosen.map((run) =>
      place.changes.change(place.actor, async (change) => {
        const of = { id: run.id, tenantId: 1, workspaceId: WORKSPACE, environment: 'PROD', instanceId: run.instance_id, attempt: run.attempt } as const;
        const kind = kindOf.get(run.instance_id);
        const fails = kind === 'fails' || (kind === 'recovers' && run.attempt === 1);
        await change.run(`update task_run set state = 'Finished', outcome = $2, finished_at = now() where id = $1`, [run.id, fails ? 'Failure' : 'Success']);
        await place.follower.onStarted(change, [of]);
        await place.follower.onFinished(change, [{ run: of, outcome: { kind: fails ? 'Failure' : 'Success', reason: 'It has ended.', exitCode: fails ? 1 : 0 } }]);
      }),
    ),
  );
  return true;
}

test('every instance runs after all its upstreams have succeeded and never else, and ends once', async () => {
  await fc.assert(
    fc.asyncProperty(shape, async ({ waits, kinds, picks }) => {
      runs += 1;
      const name = (index: number) => `p${runs}_${index}`;
      const upstreams = waits.map((list, index) => (index === 0 ? [] : [...new Set(list.map((one) => one % index))]));
      const taskIds: number[] = [];
      for (const [index, kind] of kinds.entries()) {
        const spec = {
          rerunTimes: kind === 'recovers' ? 1 : 0,
          rerunInterval: 0,
          outputs: { nodeOutputs: [{ data: name(index) }] },
          inputs: { nodeOutputs: (upstreams[index] ?? []).map((one) => ({ data: name(one) })) },
        };
        taskIds.push(await place.publish(kind === 'zero' ? ZERO_LOAD : SHELL, '', { name: name(index), spec }));
      }
      const tasks = await place.tasksOf(1, taskIds);
      const { dagId, instances } = await place.changes.change(place.actor, (change) => place.dags.make(change, { name: 'p', type: 'SupplementData', workspaceId: WORKSPACE, environment: 'PROD', bizdate: new Date('2026-03-10T00:00:00Z'), tasks }));
      const idOf = taskIds.map((taskId) => instances.get(taskId)?.[0] ?? 0);
      const kindOf = new Map(idOf.map((id, index) => [id, kinds[index] ?? 'zero']));
      await drain();
      for (let round = 0; round < 200; round += 1) {
        if (!(await endSome(dagId, kindOf, picks[round % picks.length] ?? 0))) break;
        await drain();
      }
      await drain();

      // What should have happened: a node runs when all its upstreams succeed.
      const succeeds: boolean[] = [];
      for (const [index, kind] of kinds.entries()) succeeds.push(kind !== 'fails' && (upstreams[index] ?? []).every((one) => succeeds[one] === true));
      const states = new Map((await database.rows<{ id: number; status: string; attempts: number }>('select id, status, attempts from task_instance where dag_id = $1', [dagId])).map((row) => [row.id, row]));
      for (const [index, kind] of kinds.entries()) {
        const ready = (upstreams[index] ?? []).every((one) => succeeds[one] === true);
        const expected = !ready ? ['NotRun', 0] : kind === 'fails' ? ['Failure', 1] : ['Success', kind === 'recovers' ? 2 : 1];
        const row = states.get(idOf[index] ?? 0);
        assert.deepEqual([row?.status, row?.attempts], expected, `${name(index)} ${kind}`);
      }
      assert.equal((await database.row<{ status: string }>('select status from dag_run where id = $1', [dagId]))?.status, succeeds.every(Boolean) ? 'Success' : 'Failure');

      // In the log, each began only after the last success of all it waits for, and none ended twice.
      const told = await database.rows<{ instance: number; status: number }>(
        `select (data ->> 'taskId')::bigint as instance, (data ->> 'status')::integer as status from event where code = 'instance-status-changes' and (data ->> 'dagId')::bigint = $1 order by position, id`,
        [dagId],
      );
      const succeeded = new Set<number>();
      const ended = new Map<number, number>();
      for (const { instance, status } of told) {
        const index = idOf.indexOf(instance);
        if (status === 3 || status === 4) for (const one of upstreams[index] ?? []) assert.ok(succeeded.has(idOf[one] ?? 0), `${name(index)} began before ${name(one)} had succeeded`);
        if (status === 6) succeeded.add(instance);
        if (status === 5 || status === 6) ended.set(instance, (ended.get(instance) ?? 0) + 1);
      }
      for (const [instance, times] of ended) assert.equal(times, 1, `instance ${instance} ended ${times} times`);
      assert.deepEqual(await database.rows('select from schedule_check'), []);
    }),
    { numRuns: 40 },
  );
});
