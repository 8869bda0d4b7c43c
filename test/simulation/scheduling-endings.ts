import type { Clock } from '../../server/kernel/clock.ts';
import type { EndedRun, RunOutcome } from '../../server/platform/execution/interface.ts';
import { finishRuns, runOf, type LostRow } from '../../server/platform/execution/store.ts';
import type { Random } from '../integration/malformed/values.ts';
import type { Tally } from './choices.ts';
import { AnswerLost, Killed, mortal, newFate, type CrashPoints, type Fate } from './mortal.ts';
import type { HeldRun, Place, Worker } from './scheduling.ts';

export type Kind = 'zero' | 'shell' | 'fails' | 'recovers';

/** The ends of runs as workers write them down, and beside them what may be true: who holds which run, and that each ends once. */
export function createEndings(options: { place: Place; points: CrashPoints; clock: Clock; tally: Tally; fault: (text: string) => void; kindOf: ReadonlyMap<number, Kind> }) {
  const { place, points, clock, tally, fault } = options;
  const { database } = place;
  /** The end that was committed, by run: there is one. */
  const ends = new Map<number, string>();
  /** The token under which a run may end. */
  const tokens = new Map<number, number>();
  const instanceOf = new Map<number, number>();

  /** What a worker works with for one task of its own. */
  function hand(fate: Fate) {
    const seen = mortal(database, fate, points);
    return { database: seen, changes: place.changesOn(seen) };
  }

  /** Undefined when whoever did it heard no answer: it died, or the answer was lost. */
  async function survived<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Killed) && !(error instanceof AnswerLost)) throw error;
      if (error instanceof AnswerLost) tally.count('lost answers of workers');
      return undefined;
    }
  }

  function taken(id: number, token: number): void {
    const before = tokens.get(id);
    if (before !== undefined && token <= before) fault(`run ${id} was taken twice under the token ${token}`);
    tokens.set(id, token);
  }

  /** What a worker holds without having heard of it. */
  async function learn(worker: string): Promise<void> {
    for (const row of await database.rows<{ id: number; lease_token: number }>(`select id, lease_token from task_run where worker = $1 and state = 'Running'`, [worker])) {
      if (tokens.get(row.id) !== row.lease_token) taken(row.id, row.lease_token);
    }
  }

  const holds = (run: Pick<HeldRun, 'id' | 'lease_token'>) => tokens.get(run.id) === run.lease_token;

  function note(run: Pick<HeldRun, 'id' | 'instance_id'>, outcome: string): void {
    const before = ends.get(run.id);
    if (before !== undefined) fault(`run ${run.id} ended twice: ${before}, then ${outcome}`);
    ends.set(run.id, outcome);
    instanceOf.set(run.id, run.instance_id);
  }

  /** Notes what was committed although nobody heard of it. */
  async function noteUnheard(runs: readonly Pick<HeldRun, 'id' | 'instance_id' | 'lease_token'>[]): Promise<void> {
    const rows = await database.rows<{ id: number; outcome: string }>(`select id, outcome from task_run where id = any($1) and state = 'Finished'`, [runs.map((run) => run.id)]);
    for (const { id, outcome } of rows) {
      const run = runs.find((one) => one.id === id);
      if (run === undefined || ends.has(id)) continue;
      if (!holds(run)) fault(`run ${id} was ended by a worker that had lost its lease`);
      note(run, outcome);
    }
  }

  function outcomeOf(run: HeldRun, random: Random): RunOutcome {
    const kind = options.kindOf.get(run.instance_id);
    const failedBefore = [...ends].some(([id, outcome]) => outcome === 'Failure' && instanceOf.get(id) === run.instance_id);
    const fails = kind === 'fails' || (kind === 'recovers' && !failedBefore);
    if (random.chance(0.05)) return { kind: 'PutBack', reason: 'Its worker was told to end.', exitCode: undefined };
    return { kind: fails ? 'Failure' : 'Success', reason: 'It has ended.', exitCode: fails ? 1 : 0 };
  }

  type Ending = { readonly run: HeldRun; readonly outcome: RunOutcome };

  function writeEnds(sorted: readonly Ending[], fate: Fate): Promise<Set<number> | undefined> {
    return survived(() =>
      hand(fate).changes.change(place.actor, async (inner) => {
        const finished = await finishRuns(inner, sorted.map(({ run, outcome }) => ({ lease: { id: run.id, token: run.lease_token }, outcome })), clock.now());
        const told = sorted.filter(({ run }) => finished.has(run.id)).map(({ run, outcome }): EndedRun => ({ run: runOf(run), outcome }));
        if (told.length > 0) await place.follower.onFinished(inner, told);
        return finished;
      }),
    );
  }

  function judge(sorted: readonly Ending[], finished: ReadonlySet<number>): void {
    for (const { run, outcome } of sorted) {
      if (!finished.has(run.id)) {
        if (holds(run) && !ends.has(run.id)) fault(`the end of run ${run.id} was refused to the worker that holds it`);
        tally.count(ends.has(run.id) ? 'ends told twice' : 'fenced ends');
        continue;
      }
      if (!holds(run)) fault(`run ${run.id} was ended by a worker that had lost its lease`);
      note(run, outcome.kind);
    }
  }

  /** Writes ends down. Whoever lives and hears no answer writes them down once more. */
  async function finish(worker: Worker, runs: readonly HeldRun[], random: Random, fate = newFate()): Promise<void> {
    worker.held = worker.held.filter((run) => !runs.includes(run));
    const sorted = runs.toSorted((a, b) => a.id - b.id).map((run) => ({ run, outcome: outcomeOf(run, random) }));
    const finished = await writeEnds(sorted, fate);
    tally.count('slow commits', fate.slowed);
    if (finished !== undefined) return judge(sorted, finished);
    await noteUnheard(runs);
    if (fate.dead) return;
    const again = await writeEnds(sorted, newFate());
    if (again !== undefined) judge(sorted, again);
  }

  async function recordLost(row: LostRow, fate = newFate()): Promise<void> {
    const outcome: RunOutcome = { kind: 'Lost', reason: 'The worker that ran the task is gone.', exitCode: undefined };
    const counted = await survived(() =>
      hand(fate).changes.change(place.actor, async (inner) => {
        const finished = await finishRuns(inner, [{ lease: { id: row.id, token: row.lease_token }, outcome }], clock.now());
        if (finished.size === 1) await place.follower.onFinished(inner, [{ run: runOf(row), outcome }]);
        return finished.size === 1;
      }),
    );
    if (fate.dead) tally.count('deaths of takers');
    if (counted === undefined) return noteUnheard([row]);
    if (!counted) return;
    if (!holds(row)) fault(`run ${row.id} was told to be lost by a taker that had lost it itself`);
    note(row, 'Lost');
    tally.count('lost runs');
  }

  return {
    ends,
    hand,
    survived,
    taken,
    learn,
    holds,
    finish,
    recordLost,
    claimed(run: HeldRun): void {
      if (tokens.has(run.id)) fault(`run ${run.id} was claimed twice`);
      tokens.set(run.id, run.lease_token);
    },
  };
}
