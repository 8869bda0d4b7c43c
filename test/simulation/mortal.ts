import { sqlState, type Database, type Executor } from '../../server/kernel/database.ts';
import type { Random } from '../integration/malformed/values.ts';
import { hash } from './choices.ts';

/** The process was killed: nothing that it had begun goes on, and nothing that it had in memory is left. */
export class Killed extends Error {}

/** The connection broke while the answer to a commit was on its way. The commit counts, and nobody here knows it. */
export class AnswerLost extends Error {}

/** When a process dies. `kind`: only statements of this kind count, so that those that come seldom are met as surely as the others. */
export interface Doom {
  left: number;
  readonly when: 'before' | 'after';
  readonly kind?: number;
}

/** Kinds into which statements fall by their text. */
const KINDS = 24;

/** An end at one of the next `most` statements, or at the next of one kind. */
export function doomOf(random: Random, most: number): Doom {
  const when = random.pick(['before', 'after'] as const);
  return random.chance(0.5) ? { left: random.below(most), when } : { left: 0, when, kind: random.below(KINDS) };
}

/** What lies before one process: when it dies, what of it is slow, what it will not hear. */
export interface Fate {
  dead: boolean;
  /** It dies right before or right after a statement or commit, when so many were passed. Undefined: it lives. */
  doom: Doom | undefined;
  /** Round trips that a commit is kept waiting for, while others go on; and commits before that one. */
  slow: number;
  slowIn: number;
  /** Commits until one whose answer is lost while the process lives; undefined: none is. So many after it are lost too. */
  loses: number | undefined;
  losesMore: number;
  /** Writes by a statement alone until one that the database refuses, and nothing of it is done. */
  refuses: number | undefined;
  /** Transactions under way. */
  open: number;
  /** Deadlocks that PostgreSQL ended. */
  circles: number;
  /** Commits that came late, and answers that did not come. */
  slowed: number;
  lost: number;
  onDeath: () => void;
}

export function newFate(): Fate {
  return { dead: false, doom: undefined, slow: 0, slowIn: 0, loses: undefined, losesMore: 0, refuses: undefined, open: 0, circles: 0, slowed: 0, lost: 0, onDeath: () => {} };
}

/** Which statements were met, and how often a process died right before or right after each. Commits stand among them as `commit`. */
export interface CrashPoints {
  readonly met: Map<string, number>;
  readonly before: Map<string, number>;
  readonly after: Map<string, number>;
}

export function crashPoints(): CrashPoints {
  return { met: new Map(), before: new Map(), after: new Map() };
}

const COMMIT = 'commit';
const more = (counts: Map<string, number>, key: string) => void counts.set(key, (counts.get(key) ?? 0) + 1);
const names = new Map<string, string>();

/** A statement's beginning, on one line. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = text.replaceAll(/\s+/g, ' ').trim().slice(0, 160);
    names.set(text, name);
  }
  return name;
}

const counts = ({ kind }: Doom, name: string) => kind === undefined || hash(name) % KINDS === kind;

function checkAlive(fate: Fate): void {
  if (fate.dead) throw new Killed('the process was killed');
}

function die(fate: Fate, counts: Map<string, number>, name: string): never {
  fate.dead = true;
  fate.doom = undefined;
  more(counts, name);
  fate.onDeath();
  throw new Killed('the process was killed');
}

function before(fate: Fate, points: CrashPoints, name: string): void {
  checkAlive(fate);
  more(points.met, name);
  if (fate.doom?.when === 'before' && fate.doom.left <= 0 && counts(fate.doom, name)) die(fate, points.before, name);
}

function after(fate: Fate, points: CrashPoints, name: string): void {
  checkAlive(fate);
  if (fate.doom === undefined || !counts(fate.doom, name)) return;
  if (fate.doom.left <= 0) die(fate, points.after, name);
  fate.doom.left -= 1;
}

function mortalExecutor(executor: Executor, fate: Fate, points: CrashPoints): Executor {
  /** Waiting in a circle ends with an error that the services survive; here it must not happen at all. */
  async function step<Answer>(text: string, run: () => Promise<Answer>): Promise<Answer> {
    const name = nameOf(text);
    before(fate, points, name);
    const answer = await run().catch((error: unknown) => {
      if (sqlState(error) === '40P01') fate.circles += 1;
      throw error;
    });
    after(fate, points, name);
    return answer;
  }
  return {
    rows: (text, values) => step(text, () => executor.rows<never>(text, values)),
    row: (text, values) => step(text, () => executor.row<never>(text, values)),
    run: (text, values) => step(text, () => executor.run(text, values)),
  };
}

/**
 * The database as a process sees it that may be killed at any statement, and right before or after any commit. What was not committed by then is rolled
 * back, as PostgreSQL does when a connection ends. In a transaction that may die, or is slow, what else would go with the commit goes statement by statement.
 */
export function mortal(database: Database, fate: Fate, points: CrashPoints): Database {
  function loseAnswer(): void {
    if (fate.loses === undefined || fate.loses-- > 0) return;
    fate.loses = fate.losesMore > 0 ? 0 : undefined;
    fate.losesMore -= 1;
    fate.lost += 1;
    throw new AnswerLost('the connection broke before the answer to the commit');
  }

  /** How long the present commit is kept waiting. */
  function takeSlow(): number {
    const { slow } = fate;
    if (slow === 0 || fate.slowIn-- > 0) return 0;
    fate.slow = 0;
    return slow;
  }

  async function keepWaiting(trips: number): Promise<void> {
    for (let trip = 0; trip < trips; trip += 1) await database.run('select 1');
  }

  /** A statement by itself is a commit too; one that only reads has none that could be slow or unheard. */
  async function alone<Answer>(text: string, run: (executor: Executor) => Promise<Answer>): Promise<Answer> {
    if (/^\s*select/i.test(text)) return run(database);
    if (fate.refuses !== undefined && fate.refuses-- <= 0) {
      fate.refuses = undefined;
      throw new Error('the database is away for a moment');
    }
    const slow = takeSlow();
    if (slow === 0) return run(database);
    fate.slowed += 1;
    return database.transaction(async (tx) => {
      const answer = await run(tx);
      await keepWaiting(slow);
      return answer;
    });
  }
  const heard = <Answer>(text: string, answer: Answer): Answer => {
    if (!/^\s*select/i.test(text)) loseAnswer();
    return answer;
  };
  const direct: Executor = {
    rows: (text, values) => alone(text, (executor) => executor.rows<never>(text, values)),
    row: (text, values) => alone(text, (executor) => executor.row<never>(text, values)),
    run: (text, values) => alone(text, (executor) => executor.run(text, values)),
  };
  const dying = mortalExecutor(direct, fate, points);

  return {
    ...database,
    rows: async (text, values) => heard(text, await dying.rows<never>(text, values)),
    row: async (text, values) => heard(text, await dying.row<never>(text, values)),
    run: async (text, values) => heard(text, await dying.run(text, values)),
    async transaction(work, last) {
      checkAlive(fate);
      const slow = takeSlow();
      fate.open += 1;
      let apart = false;
      const result = await database
        .transaction(
          async (tx) => {
            const mine = mortalExecutor(tx, fate, points);
            const done = await work(mine);
            apart = fate.doom !== undefined || slow > 0;
            if (apart && last !== undefined) for (const { text, values } of await last(done)) await mine.run(text, values);
            await keepWaiting(slow);
            before(fate, points, COMMIT);
            return done;
          },
          async (done) => (apart || last === undefined ? [] : last(done)),
        )
        .finally(() => (fate.open -= 1));
      if (slow > 0) fate.slowed += 1;
      // Committed, but the process does not live to hear of it.
      after(fate, points, COMMIT);
      loseAnswer();
      return result;
    },
  };
}

/** How many of the statements that were met were crash points too; the names of the others. */
export function coverage(points: CrashPoints, least: number): { readonly met: number; readonly spared: string[] } {
  const often = [...points.met].filter(([, times]) => times >= least).map(([name]) => name);
  return { met: often.length, spared: often.filter((name) => !points.before.has(name) && !points.after.has(name)) };
}

/** Deaths right before or after a statement, and right before or after a commit. */
export function deaths(points: CrashPoints): { readonly beforeStatement: number; readonly afterStatement: number; readonly beforeCommit: number; readonly afterCommit: number } {
  const sum = (counts: ReadonlyMap<string, number>) => [...counts].reduce((total, [name, times]) => total + (name === COMMIT ? 0 : times), 0);
  return { beforeStatement: sum(points.before), afterStatement: sum(points.after), beforeCommit: points.before.get(COMMIT) ?? 0, afterCommit: points.after.get(COMMIT) ?? 0 };
}
