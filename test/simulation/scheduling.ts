import { manualClock } from '../../server/kernel/clock.ts';
import type { EndedRun, RunOutcome } from '../../server/platform/execution/interface.ts';
import { claimRuns, finishRuns, nextQueue, renewLeases, runOf, takeLostRuns, type ClaimedRow, type LostRow } from '../../server/platform/execution/store.ts';
import { schedulingPlace, SHELL, WORKSPACE, ZERO_LOAD } from '../../server/platform/scheduling/scheduling.fixture.ts';
import { seededRandom, type Random } from '../integration/malformed/values.ts';

/**
 * Random histories of a workflow, on a real database: two schedulers that look side by side, and workers that claim at the same moment, die with or without
 * having written the end down, sleep until others have taken their runs over, and come back. A seed repeats the choices; how statements of two
 * processes at one moment interleave is PostgreSQL's.
 */
export interface SchedulingReport {
  readonly seed: number;
  readonly instances: number;
  readonly runs: number;
  readonly deaths: number;
  readonly lost: number;
  /** Ends that came after the lease was lost and were refused. */
  readonly fenced: number;
  readonly faults: readonly string[];
}

export interface SchedulingWorld {
  simulate(seed: number): Promise<SchedulingReport>;
  close(): Promise<void>;
}

type Kind = 'zero' | 'shell' | 'fails' | 'recovers';

interface Worker {
  name: string;
  /** Runs it believes to hold. */
  held: ClaimedRow[];
  /** Takes part again at this moment of the clock. */
  asleepUntil: number;
}

const LEASE_MS = 15_000;
const STEPS = 70;
const MACHINE = 'simulated machine';

/** The change ends as if the process had been killed just before the commit. */
class Killed extends Error {}

/** A place for many histories, one after the other. */
export async function schedulingWorld(): Promise<SchedulingWorld> {
  const clock = manualClock(new Date('2026-03-22T06:30:00Z'));
  const place = await schedulingPlace({ schedule: false, clock });
  const other = place.server();
  let count = 0;
  return {
    simulate(seed) {
      count += 1;
      return simulate(seed, `s${count}_${seed}`, { place, other, clock });
    },
    close: place.close,
  };
}

interface Stage {
  readonly place: Awaited<ReturnType<typeof schedulingPlace>>;
  readonly other: ReturnType<Awaited<ReturnType<typeof schedulingPlace>>['server']>;
  readonly clock: ReturnType<typeof manualClock>;
}

async function simulate(seed: number, name: string, { place, other, clock }: Stage): Promise<SchedulingReport> {
  const random = seededRandom(seed);
  const { database } = place;
  const faults: string[] = [];
  const fault = (text: string) => void faults.push(`seed ${seed}: ${text}`);

  const { kinds, upstreams } = randomShape(random);
  const taskIds: number[] = [];
  for (const [index, kind] of kinds.entries()) {
    const spec = { rerunTimes: kind === 'recovers' ? 1 : 0, rerunInterval: 0, outputs: { nodeOutputs: [{ data: `${name}.${index}` }] }, inputs: { nodeOutputs: (upstreams[index] ?? []).map((one) => ({ data: `${name}.${one}` })) } };
    taskIds.push(await place.publish(kind === 'zero' ? ZERO_LOAD : SHELL, '', { name: `${name}.${index}`, spec }));
  }
  const tasks = await place.tasksOf(1, taskIds);
  const { dagId, instances } = await place.changes.change(place.actor, (change) => place.dags.make(change, { name, type: 'SupplementData', workspaceId: WORKSPACE, environment: 'PROD', bizdate: new Date('2026-03-10T00:00:00Z'), tasks }));
  const idOf = taskIds.map((taskId) => instances.get(taskId)?.[0] ?? 0);
  const kindOf = new Map(idOf.map((id, index) => [id, kinds[index] ?? 'zero']));

  let born = 0;
  const newWorker = (): Worker => ({ name: `${name} worker ${(born += 1)}`, held: [], asleepUntil: 0 });
  const workers = [newWorker(), newWorker(), newWorker()];
  /** The end that was committed, by run: there is one. */
  const ends = new Map<number, string>();
  /** The token under which a run may end, as the simulation knows it. */
  const tokens = new Map<number, number>();
  const abandoned: LostRow[] = [];
  let deaths = 0;
  let lost = 0;
  let fenced = 0;

  const leaseEnd = () => new Date(clock.now().getTime() + LEASE_MS);
  const awake = () => workers.filter((worker) => worker.asleepUntil <= clock.now().getTime());
  const drain = () => Promise.all([place.scheduler.drain(), other.scheduler.drain()]);

  /** A change that is killed before its commit, with this probability. Undefined then. */
  async function change<Result>(killed: boolean, work: (change: Parameters<Parameters<typeof place.changes.change>[1]>[0]) => Promise<Result>): Promise<Result | undefined> {
    try {
      return await place.changes.change(place.actor, async (inner) => {
        const result = await work(inner);
        if (killed) throw new Killed();
        return result;
      });
    } catch (error) {
      if (error instanceof Killed) return undefined;
      throw error;
    }
  }

  async function claim(worker: Worker, most: number, killed: boolean): Promise<void> {
    const queue = await nextQueue(database, clock.now(), []);
    if (queue === undefined) return;
    const rows = await change(killed, async (inner) => {
      const claimed = await claimRuns(inner, queue, clock.now(), leaseEnd(), worker.name, MACHINE, most);
      if (claimed.length > 0) await place.follower.onStarted(inner, claimed.map(runOf));
      return claimed;
    });
    for (const row of rows ?? []) {
      if (tokens.has(row.id)) fault(`run ${row.id} was claimed twice`);
      tokens.set(row.id, row.lease_token);
      worker.held.push(row);
    }
  }

  function outcomeOf(run: ClaimedRow): RunOutcome {
    const kind = kindOf.get(run.instance_id);
    const finishedBefore = [...ends].some(([id, outcome]) => outcome === 'Failure' && instanceOf.get(id) === run.instance_id);
    const fails = kind === 'fails' || (kind === 'recovers' && !finishedBefore);
    if (random.chance(0.05)) return { kind: 'PutBack', reason: 'Its worker was told to end.', exitCode: undefined };
    return { kind: fails ? 'Failure' : 'Success', reason: 'It has ended.', exitCode: fails ? 1 : 0 };
  }
  const instanceOf = new Map<number, number>();

  async function finish(worker: Worker, runs: readonly ClaimedRow[], killed: boolean): Promise<void> {
    worker.held = worker.held.filter((run) => !runs.includes(run));
    const sorted = runs.toSorted((a, b) => a.id - b.id).map((run) => ({ run, outcome: outcomeOf(run) }));
    const done = await change(killed, async (inner) => {
      const finished = await finishRuns(inner, sorted.map(({ run, outcome }) => ({ lease: { id: run.id, token: run.lease_token }, outcome })), clock.now());
      const told = sorted.filter(({ run }) => finished.has(run.id)).map(({ run, outcome }): EndedRun => ({ run: runOf(run), outcome }));
      if (told.length > 0) await place.follower.onFinished(inner, told);
      return finished;
    });
    for (const { run, outcome } of sorted) {
      const mayEnd = tokens.get(run.id) === run.lease_token;
      if (done === undefined) continue;
      if (!done.has(run.id)) {
        if (mayEnd && !ends.has(run.id)) fault(`the end of run ${run.id} was refused to the worker that holds it`);
        fenced += 1;
        continue;
      }
      if (!mayEnd) fault(`run ${run.id} was ended by a worker that had lost its lease`);
      note(run.id, run.instance_id, outcome.kind);
    }
  }

  function note(run: number, instance: number, outcome: string): void {
    if (ends.has(run)) fault(`run ${run} ended twice: ${ends.get(run)}, then ${outcome}`);
    ends.set(run, outcome);
    instanceOf.set(run, instance);
  }

  /** Takes over what has no living worker; a taker may be killed before it has written down that the run is lost. */
  async function takeOver(worker: Worker, killed: boolean): Promise<void> {
    const rows = await takeLostRuns(database, clock.now(), leaseEnd(), worker.name, [], 50);
    for (const row of rows) tokens.set(row.id, row.lease_token);
    if (killed) {
      abandoned.push(...rows);
      return;
    }
    for (const row of rows) await recordLost(row);
  }

  async function recordLost(row: LostRow): Promise<void> {
    const outcome: RunOutcome = { kind: 'Lost', reason: 'The worker that ran the task is gone.', exitCode: undefined };
    const counted = await change(false, async (inner) => {
      const finished = await finishRuns(inner, [{ lease: { id: row.id, token: row.lease_token }, outcome }], clock.now());
      if (finished.size === 1) await place.follower.onFinished(inner, [{ run: runOf(row), outcome }]);
      return finished.size === 1;
    });
    if (counted !== true) return;
    if (tokens.get(row.id) !== row.lease_token) fault(`run ${row.id} was told to be lost by a taker that had lost it itself`);
    note(row.id, row.instance_id, 'Lost');
    lost += 1;
  }

  const some = <Value>(values: readonly Value[]): Value[] => values.filter(() => random.chance(0.6));
  const actions: readonly (() => Promise<unknown>)[] = [
    async () => {
      for (const worker of some(awake())) await claim(worker, 1 + random.below(3), random.chance(0.1));
    },
    // All at the same moment.
    () => Promise.all(awake().map((worker) => claim(worker, 2, false))),
    async () => {
      for (const worker of awake()) if (worker.held.length > 0) await finish(worker, some(worker.held), random.chance(0.15));
    },
    async () => {
      for (const worker of awake()) if (worker.held.length > 0) await finish(worker, [...worker.held], false);
    },
    async () => {
      const worker = random.pick(workers);
      workers[workers.indexOf(worker)] = newWorker();
      deaths += 1;
    },
    async () => {
      random.pick(workers).asleepUntil = clock.now().getTime() + random.below(4 * LEASE_MS);
    },
    // A worker that looks right after its sleep, before anybody told it that its runs are others'.
    async () => {
      const sleeper = workers.find((worker) => worker.held.length > 0);
      if (sleeper === undefined) return;
      clock.advance(LEASE_MS + random.below(LEASE_MS));
      sleeper.asleepUntil = 0;
      await takeOver(newWorker(), random.chance(0.5));
      await finish(sleeper, [...sleeper.held], false);
    },
    async () => {
      for (const worker of awake()) {
        const kept = new Set((await renewLeases(database, worker.held.map((run) => ({ id: run.id, token: run.lease_token })), leaseEnd())).map((row) => row.id));
        for (const run of worker.held) if (kept.has(run.id) && tokens.get(run.id) !== run.lease_token) fault(`a lost lease of run ${run.id} was renewed`);
        worker.held = worker.held.filter((run) => kept.has(run.id));
      }
    },
    () => takeOver(random.pick(workers), random.chance(0.3)),
    () => Promise.all([takeOver(newWorker(), false), takeOver(newWorker(), false)]),
    async () => {
      const row = abandoned.shift();
      if (row !== undefined) await recordLost(row);
    },
    drain,
    () => place.scheduler.drain(),
    async () => clock.advance(random.below(20_000)),
  ];

  async function checkNow(): Promise<void> {
    const twice = await database.rows<{ instance_id: number }>(`select instance_id from task_run where instance_id = any($1) and state in ('Queued', 'Running') group by 1 having count(*) > 1`, [idOf]);
    for (const row of twice) fault(`instance ${row.instance_id} has two runs at once`);
  }

  await drain();
  for (let step = 0; step < STEPS; step += 1) {
    await random.pick(actions)();
    await checkNow();
  }

  // From here on nothing fails: everything comes to its end.
  const healer = newWorker();
  for (let round = 0; round < 400; round += 1) {
    await drain();
    clock.advance(LEASE_MS + 1_000);
    await takeOver(healer, false);
    await claim(healer, 50, false);
    if (healer.held.length > 0) await finish(healer, [...healer.held], false);
    await drain();
    const left = await database.row<{ count: number }>(`select count(*) as count from task_run where instance_id = any($1) and state in ('Queued', 'Running')`, [idOf]);
    const dag = await database.row<{ status: string }>('select status from dag_run where id = $1', [dagId]);
    if (left?.count === 0 && (dag?.status === 'Success' || dag?.status === 'Failure')) break;
  }

  await audit();
  return { seed, instances: idOf.length, runs: ends.size, deaths, lost, fenced, faults };

  async function audit(): Promise<void> {
    const runs = await database.rows<{ id: number; instance_id: number; attempt: number; state: string; outcome: string | null }>('select id, instance_id, attempt, state, outcome from task_run where instance_id = any($1) order by id', [idOf]);
    for (const run of runs) {
      if (run.state !== 'Finished') fault(`run ${run.id} is still ${run.state}`);
      if (run.outcome !== ends.get(run.id)) fault(`run ${run.id} ended ${ends.get(run.id)}, and is kept as ${run.outcome}`);
    }
    for (const id of ends.keys()) if (!runs.some((run) => run.id === id)) fault(`run ${id} is gone`);
    const rows = await database.rows<{ id: number; status: string }>('select id, status from task_instance where dag_id = $1', [dagId]);
    const status = new Map(rows.map((row) => [row.id, row.status]));
    for (const [index, id] of idOf.entries()) {
      const ready = (upstreams[index] ?? []).every((one) => status.get(idOf[one] ?? 0) === 'Success');
      const last = runs.findLast((run) => run.instance_id === id)?.outcome ?? undefined;
      const found = status.get(id);
      const fine = ready ? (found === 'Success' && (kinds[index] === 'zero' || last === 'Success')) || (found === 'Failure' && (last === 'Failure' || last === 'Lost')) : found === 'NotRun' && last === undefined;
      if (!fine) fault(`${kinds[index]} ${index} is ${found}, with ${ready ? 'all' : 'not all'} of what it waits for, and its last run ${last ?? 'never was'}`);
    }
    const told = await database.rows<{ instance: number; status: number }>(
      `select (data ->> 'taskId')::bigint as instance, (data ->> 'status')::integer as status from event where code = 'instance-status-changes' and (data ->> 'dagId')::bigint = $1 order by position, id`,
      [dagId],
    );
    const succeeded = new Set<number>();
    const endings = new Map<number, number>();
    for (const event of told) {
      const index = idOf.indexOf(event.instance);
      if (event.status === 3 || event.status === 4) for (const one of upstreams[index] ?? []) if (!succeeded.has(idOf[one] ?? 0)) fault(`${index} began before ${one} had succeeded`);
      if (event.status === 6) succeeded.add(event.instance);
      if (event.status === 5 || event.status === 6) endings.set(event.instance, (endings.get(event.instance) ?? 0) + 1);
    }
    for (const [instance, times] of endings) if (times !== 1) fault(`instance ${instance} was told to end ${times} times`);
    for (const id of idOf) if ((status.get(id) === 'Success' || status.get(id) === 'Failure') !== endings.has(id)) fault(`instance ${id} is ${status.get(id)}, and ${endings.has(id) ? 'its' : 'no'} end was told`);
    const checks = await database.row<{ count: number }>('select count(*) as count from schedule_check');
    if (checks?.count !== 0) fault(`${checks?.count} looks were never taken`);
  }
}

function randomShape(random: Random): { kinds: Kind[]; upstreams: number[][] } {
  const size = 2 + random.below(10);
  const kinds = Array.from({ length: size }, () => random.pick<Kind>(['zero', 'shell', 'shell', 'shell', 'fails', 'recovers']));
  const upstreams = kinds.map((_, index) => (index === 0 ? [] : [...new Set(Array.from({ length: random.below(4) }, () => random.below(index)))]));
  return { kinds, upstreams };
}
