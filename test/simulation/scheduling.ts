import { manualClock } from '../../server/kernel/clock.ts';
import { claimRuns, nextQueue, renewLeases, runOf, takeLostRuns, type LostRow } from '../../server/platform/execution/store.ts';
import { schedulingPlace, SHELL, USER, WORKSPACE, ZERO_LOAD } from '../../server/platform/scheduling/scheduling.fixture.ts';
import { type Random } from '../integration/malformed/values.ts';
import { choicesOf, newTally, scriptOf, type Action } from './choices.ts';
import { coverage, crashPoints, doomOf, mortal, newFate, type CrashPoints, type Fate } from './mortal.ts';
import { auditSchedule } from './scheduling-audit.ts';
import { createEndings, type Kind } from './scheduling-endings.ts';
import type { Report, SimulatedWorld } from './seeds.ts';

/**
 * Random histories of a workflow, on a real database: two schedulers that look side by side and are killed at any statement, and workers that claim at the same
 * moment, die at any statement of a claim, an end or a take-over, hear no answer to their commit, commit late, sleep until others have taken their runs over,
 * and come back, each with a clock that may be wrong. A seed repeats the choices; how statements of two processes at one moment interleave is PostgreSQL's.
 */

export interface Worker {
  name: string;
  /** Runs it believes to hold. */
  held: HeldRun[];
  /** Takes part again at this moment of the clock. */
  asleepUntil: number;
  /** How far its clock is ahead. */
  skewMs: number;
}

export interface HeldRun {
  readonly id: number;
  readonly instance_id: number;
  readonly tenant_id: number;
  readonly workspace_id: number;
  readonly environment: 'DEV' | 'PROD';
  readonly attempt: number;
  readonly lease_token: number;
}

export const LEASE_MS = 15_000;
const STEPS = 28;
/** Histories between two clearings of the tables. */
const CLEARING = 20;
const MACHINE = 'simulated machine';
const BEGIN = new Date('2026-03-22T06:30:00Z');
const FARTHEST_JUMP_MS = 600_000;
const TABLES = ['task_log', 'task_run', 'schedule_check', 'instance_edge', 'task_instance', 'dag_run', 'task_dependency', 'task_output', 'task_version', 'task', 'schedule_day', 'event', 'audit'];

export type Place = Awaited<ReturnType<typeof schedulingPlace>>;

interface Scheduler {
  readonly fate: Fate;
  readonly drain: () => Promise<void>;
}

interface Stage {
  readonly place: Place;
  readonly clock: ReturnType<typeof manualClock>;
  readonly schedulers: readonly Scheduler[];
  readonly points: CrashPoints;
}

/** A place for many histories, one after the other. */
export async function schedulingWorld(): Promise<SimulatedWorld> {
  const clock = manualClock(BEGIN);
  const place = await schedulingPlace({ schedule: false, clock });
  const points = crashPoints();
  const schedulers = [1, 2].map((): Scheduler => {
    const fate = newFate();
    return { fate, drain: place.server({}, clock, mortal(place.database, fate, points)).scheduler.drain };
  });
  let count = 0;
  return {
    async simulate(seed) {
      if (count % CLEARING === 0) await place.database.run(TABLES.map((table) => `delete from ${table}`).join(';'));
      count += 1;
      clock.set(BEGIN);
      return simulate(seed, `s${count}_${seed}`, { place, clock, schedulers, points });
    },
    crashPoints: () => coverage(points, 100),
    close: place.close,
  };
}

async function simulate(seed: number, name: string, { place, clock, schedulers, points }: Stage): Promise<Report> {
  const choices = choicesOf(seed);
  const { database } = place;
  const tally = newTally();
  const faults: string[] = [];
  const fault = (text: string) => void faults.push(`seed ${seed}: ${text}`);

  const shape = choices.of('shape');
  const { kinds, upstreams } = randomShape(shape);
  const taskIds = await place.changes.change(place.actor, async (change) => {
    const ids: number[] = [];
    for (const [index, kind] of kinds.entries()) {
      const spec = { rerunTimes: kind === 'recovers' ? 1 : 0, rerunInterval: 0, outputs: { nodeOutputs: [{ data: `${name}.${index}` }] }, inputs: { nodeOutputs: (upstreams[index] ?? []).map((one) => ({ data: `${name}.${one}` })) } };
      const taskId = await place.scheduling.reserveTaskId(change);
      await place.scheduling.publish(change, { workspaceId: WORKSPACE, environment: 'PROD', fileId: 1, fileVersion: 1, name: `${name}.${index}`, ownerId: USER, spec, ...(kind === 'zero' ? ZERO_LOAD : SHELL), content: '', taskId });
      ids.push(taskId);
    }
    return ids;
  });
  const tasks = await place.tasksOf(1, taskIds);
  const { dagId, instances } = await place.changes.change(place.actor, (change) => place.dags.make(change, { name, type: 'SupplementData', workspaceId: WORKSPACE, environment: 'PROD', bizdate: new Date('2026-03-10T00:00:00Z'), tasks }));
  const idOf = taskIds.map((taskId) => instances.get(taskId)?.[0] ?? 0);
  // Some have to wait for their time, too.
  const timed = idOf.filter(() => shape.chance(0.25));
  if (timed.length > 0) await database.run('update task_instance set trigger_time = $2 where id = any($1)', [timed, new Date(clock.now().getTime() + 1_000 + shape.below(60_000))]);

  let born = 0;
  const newWorker = (): Worker => ({ name: `${name} worker ${(born += 1)}`, held: [], asleepUntil: 0, skewMs: 0 });
  const workers = [newWorker(), newWorker(), newWorker()];
  const abandoned: LostRow[] = [];
  const nowOf = (worker: Worker) => new Date(clock.now().getTime() + worker.skewMs);
  const leaseEnd = (worker: Worker) => new Date(nowOf(worker).getTime() + LEASE_MS);
  const awake = () => workers.filter((worker) => worker.asleepUntil <= clock.now().getTime());
  const holders = () => awake().filter((worker) => worker.held.length > 0);
  /** Workers that hold something, `many` if there is enough to hold: what happens at an end is to happen often. */
  async function holding(many: number): Promise<Worker[]> {
    if (holders().length < many) await drain();
    for (const worker of awake()) if (holders().length < many && worker.held.length === 0) await claim(worker, 1);
    return holders();
  }
  const endings = createEndings({ place, points, clock, tally, fault, kindOf: new Map(idOf.map((id, index) => [id, kinds[index] ?? 'zero'])) });
  const { hand, survived } = endings;

  /** Both schedulers, or one. One that dies has nothing in memory between two looks, so it begins anew as it is. */
  async function drain(which: readonly Scheduler[] = schedulers): Promise<void> {
    const look = async ({ fate, drain: drainOne }: Scheduler) => {
      const before = { slowed: fate.slowed, lost: fate.lost };
      // A scheduler that goes on elsewhere after an error may tell of several at its end.
      await drainOne().catch((error: unknown) => {
        if (!fate.dead && fate.lost === before.lost) throw error;
      });
      tally.count('lost answers of schedulers', fate.lost - before.lost);
      if (fate.dead) tally.count('deaths of schedulers');
      fate.dead = false;
      tally.count('slow commits', fate.slowed - before.slowed);
    };
    if (which.length > 1 && (await database.row('select from schedule_check limit 1')) !== undefined) tally.count('schedulers at the same work');
    await Promise.all(which.map(look));
  }

  async function claim(worker: Worker, most: number, fate = newFate()): Promise<void> {
    const { changes } = hand(fate);
    const queue = await nextQueue(database, nowOf(worker), []);
    if (queue === undefined) return;
    const rows = await survived(() =>
      changes.change(place.actor, async (inner) => {
        const claimed = await claimRuns(inner, queue, nowOf(worker), leaseEnd(worker), worker.name, MACHINE, most);
        if (claimed.length > 0) await place.follower.onStarted(inner, claimed.map(runOf));
        return claimed;
      }),
    );
    if (rows === undefined) return endings.learn(worker.name);
    for (const row of rows) {
      endings.claimed(row);
      worker.held.push(row);
    }
  }

  /** Takes over what has no living worker; a taker may die before it has written down that the run is lost. */
  async function takeOver(worker: Worker, fate = newFate()): Promise<void> {
    const { database: seen } = hand(fate);
    const rows = await survived(() => takeLostRuns(seen, nowOf(worker), leaseEnd(worker), worker.name, [], 50));
    if (rows === undefined) return endings.learn(worker.name);
    for (const row of rows) endings.taken(row.id, row.lease_token);
    for (const row of rows) if (fate.dead) abandoned.push(row);
      else await endings.recordLost(row, fate);
  }

  async function renew(some: readonly Worker[]): Promise<void> {
    for (const worker of some) {
      const kept = new Set((await renewLeases(database, worker.held.map((run) => ({ id: run.id, token: run.lease_token })), leaseEnd(worker))).map((row) => row.id));
      for (const run of worker.held) if (kept.has(run.id) && !endings.holds(run)) fault(`a lost lease of run ${run.id} was renewed`);
      worker.held = worker.held.filter((run) => kept.has(run.id));
    }
  }

  function replace(worker: Worker): void {
    workers[workers.indexOf(worker)] = newWorker();
    tally.count('deaths of workers');
  }

  /** A fate with an end at one of the next statements. */
  const doomed = (random: Random, most: number): Fate => ({ ...newFate(), doom: { left: random.below(most), when: random.pick(['before', 'after'] as const) } });
  const slow = (random: Random): Fate => ({ ...newFate(), slow: 2 + random.below(8) });
  const unheard = (): Fate => ({ ...newFate(), loses: 0 });
  const some = <Value>(random: Random, values: readonly Value[]): Value[] => values.filter(() => random.chance(0.6));

  const actions: readonly Action[] = [
    {
      name: 'claim',
      weight: 3,
      run: async (random) => {
        for (const worker of some(random, awake())) await claim(worker, 1 + random.below(3));
      },
    },
    {
      name: 'claim at the same moment',
      weight: 2,
      run: async () => {
        await drain();
        if ((await nextQueue(database, clock.now(), [])) !== undefined && awake().length > 1) tally.count('workers at the same queue');
        await Promise.all(awake().map((worker) => claim(worker, 2)));
      },
    },
    {
      name: 'claim and die',
      weight: 2,
      run: async (random) => {
        const worker = random.pick(workers);
        const fate = doomed(random, 12);
        await claim(worker, 3, fate);
        if (fate.dead) replace(worker);
      },
    },
    { name: 'claim unheard', weight: 1, run: (random) => claim(random.pick(workers), 2, unheard()) },
    {
      name: 'end',
      weight: 3,
      run: async (random) => {
        for (const worker of holders()) await endings.finish(worker, some(random, worker.held), random);
      },
    },
    {
      name: 'end and die',
      weight: 3,
      run: async (random) => {
        for (const worker of await holding(1)) {
          const fate = doomed(random, 14);
          await endings.finish(worker, some(random, worker.held), random, fate);
          if (fate.dead) replace(worker);
        }
      },
    },
    {
      name: 'end slowly',
      weight: 2,
      run: async (random) => {
        const [worker] = await holding(1);
        if (worker !== undefined) await Promise.all([endings.finish(worker, [...worker.held], random, slow(random)), drain()]);
      },
    },
    // What began to end first is committed last.
    {
      name: 'end in reverse order',
      weight: 2,
      run: async (random) => {
        const [one, two] = await holding(2);
        if (one === undefined || two === undefined) return;
        tally.count('reordered commits');
        await Promise.all([endings.finish(one, [...one.held], random, slow(random)), endings.finish(two, [...two.held], random)]);
      },
    },
    {
      name: 'end unheard, and once more',
      weight: 1,
      run: async (random) => {
        const [worker] = await holding(1);
        if (worker !== undefined) await endings.finish(worker, [...worker.held], random, unheard());
      },
    },
    { name: 'die', weight: 1, run: async (random) => replace(random.pick(workers)) },
    {
      name: 'sleep',
      weight: 2,
      run: async (random) => {
        random.pick(workers).asleepUntil = clock.now().getTime() + random.below(4 * LEASE_MS);
        tally.count('clogged workers');
      },
    },
    // A worker that looks right after its sleep, before anybody told it that its runs are others'.
    {
      name: 'sleep and end',
      weight: 2,
      run: async (random) => {
        const [sleeper] = await holding(1);
        if (sleeper === undefined) return;
        clock.advance(LEASE_MS + Math.max(0, sleeper.skewMs) + random.below(LEASE_MS));
        await takeOver(newWorker(), random.chance(0.5) ? doomed(random, 12) : newFate());
        await endings.finish(sleeper, [...sleeper.held], random);
      },
    },
    // One that slept renews what was taken from it, while whoever took it has died.
    {
      name: 'sleep and renew',
      weight: 2,
      run: async () => {
        const [sleeper] = await holding(1);
        if (sleeper === undefined) return;
        clock.advance(LEASE_MS + Math.max(0, sleeper.skewMs) + 1_000);
        await takeOver(newWorker(), { ...newFate(), doom: { left: 0, when: 'after' } });
        await renew([sleeper]);
      },
    },
    // What is looked at is locked until late, and what stands before it ends meanwhile.
    {
      name: 'end while somebody looks slowly',
      weight: 2,
      run: async (random) => {
        const [one, two] = await holding(2);
        const [slowly, other] = schedulers;
        if (one === undefined || two === undefined || slowly === undefined || other === undefined) return;
        await endings.finish(one, [...one.held], random);
        slowly.fate.slow = 25;
        await Promise.all([drain([slowly]), endings.finish(two, [...two.held], random).then(() => drain([other]))]);
      },
    },
    { name: 'renew', weight: 1, run: () => renew(awake()) },
    { name: 'take over', weight: 2, run: (random) => takeOver(random.pick(workers)) },
    { name: 'take over and die', weight: 2, run: (random) => takeOver(newWorker(), doomed(random, 14)) },
    {
      name: 'take over at the same moment',
      weight: 2,
      run: async () => {
        if ((await holding(1)).length > 0) clock.advance(2 * LEASE_MS);
        if ((await database.row(`select from task_run where state = 'Running' and lease_until < $1 limit 1`, [clock.now()])) !== undefined) tally.count('takers at the same runs');
        await Promise.all([takeOver(newWorker()), takeOver(newWorker())]);
      },
    },
    {
      name: 'write down a loss late',
      weight: 1,
      run: async (random) => {
        const row = abandoned.shift();
        if (row !== undefined) await endings.recordLost(row, random.chance(0.3) ? unheard() : newFate());
      },
    },
    { name: 'look', weight: 3, run: () => drain() },
    { name: 'look alone', weight: 1, run: (random) => drain([random.pick(schedulers)]) },
    {
      name: 'look and die',
      weight: 6,
      run: async (random) => {
        random.pick(schedulers).fate.doom = doomOf(random, 30);
        await drain();
      },
    },
    {
      name: 'look slowly',
      weight: 1,
      run: async (random) => {
        random.pick(schedulers).fate.slow = 2 + random.below(8);
        await drain();
      },
    },
    {
      name: 'look unheard',
      weight: 2,
      run: async (random) => {
        for (const { fate } of schedulers) fate.loses = random.below(2);
        await drain();
      },
    },
    { name: 'time passes', weight: 3, run: async (random) => clock.advance(random.below(20_000)) },
    {
      name: 'clock jumps forwards',
      weight: 1,
      run: async (random) => {
        tally.count('jumps forwards');
        clock.advance(random.below(FARTHEST_JUMP_MS));
      },
    },
    {
      name: 'clock jumps backwards',
      weight: 1,
      run: async (random) => {
        tally.count('jumps backwards');
        clock.set(new Date(clock.now().getTime() - random.below(FARTHEST_JUMP_MS)));
      },
    },
    {
      name: "a worker's clock is wrong",
      weight: 1,
      run: async (random) => {
        tally.count('wrong clocks');
        random.pick(workers).skewMs = random.below(4 * LEASE_MS) - 2 * LEASE_MS;
      },
    },
  ];

  async function checkNow(): Promise<void> {
    const twice = await database.rows<{ instance_id: number }>(`select instance_id from task_run where instance_id = any($1) and state in ('Queued', 'Running') group by 1 having count(*) > 1`, [idOf]);
    for (const row of twice) fault(`instance ${row.instance_id} has two runs at once`);
  }

  const script = scriptOf(choices, actions, STEPS);
  for (const [step, action] of script.entries()) {
    await action.run(choices.of(`step ${step}`));
    await checkNow();
  }

  // From here on no worker fails, and soon no scheduler: everything comes to its end.
  for (const { fate } of schedulers) Object.assign(fate, newFate());
  const healer = newWorker();
  const healing = choices.of('healing');
  for (let round = 0; round < 100; round += 1) {
    for (const { fate } of schedulers) fate.doom = round < 8 && healing.chance(0.5) ? doomOf(healing, 30) : undefined;
    await drain();
    await claim(healer, 50);
    if (healer.held.length > 0) await endings.finish(healer, [...healer.held], healing);
    await takeOver(healer);
    const left = await database.row<{ runs: number; looks: number; due: Date | null; status: string }>(
      `select (select count(*) from task_run where instance_id = any($1) and state in ('Queued', 'Running')) as runs, (select count(*) from schedule_check) as looks, (select status from dag_run where id = $2) as status,
         greatest((select max(greatest(lease_until, run_at)) from task_run where instance_id = any($1) and state in ('Queued', 'Running')), (select max(trigger_time) from task_instance where id = any($1))) as due`,
      [idOf, dagId],
    );
    // A scheduler that died in this round has left looks to the next one.
    if (left?.runs === 0 && left.looks === 0 && (left.status === 'Success' || left.status === 'Failure')) break;
    clock.set(new Date(Math.max(clock.now().getTime(), left?.due?.getTime() ?? 0) + 1_000));
  }

  await auditSchedule({ database, fault, dagId, idOf, kinds, upstreams, ends: endings.ends });
  tally.count('instances', idOf.length);
  tally.count('runs', endings.ends.size);
  return { seed, script: script.map((action) => action.name), counts: tally.all(), faults };
}

function randomShape(random: Random): { kinds: Kind[]; upstreams: number[][] } {
  const size = 3 + random.below(6);
  const kinds = Array.from({ length: size }, () => random.pick<Kind>(['zero', 'shell', 'shell', 'shell', 'shell', 'shell', 'fails', 'recovers']));
  const upstreams = kinds.map((_, index) => (index === 0 ? [] : [...new Set(Array.from({ length: random.below(4) }, () => random.below(index)))]));
  return { kinds, upstreams };
}
