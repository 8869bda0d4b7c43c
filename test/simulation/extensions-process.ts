import { createExtensions } from '../../server/extensions/index.ts';
import type { PointDeclaration } from '../../server/extensions/declare.ts';
import { createChanges, type EventWriter } from '../../server/kernel/change.ts';
import type { ManualClock } from '../../server/kernel/clock.ts';
import { sqlState, type Database, type Executor } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { createJobRunner } from '../../server/kernel/jobs.ts';
import { secretBox } from '../../server/kernel/secrets.ts';
import { silentLog } from '../../server/kernel/log.ts';
import type { Outbound } from '../../server/kernel/outbound.ts';
import type { WorkspaceDirectory } from '../../server/identity/directory.ts';
import type { EventLog } from '../../server/openevent/index.ts';
import { testGateway } from '../support/call.ts';

/** The process was killed: nothing that it had begun goes on, and nothing that it had in memory is left. */
export class Killed extends Error {}

/** When a process dies: at a statement, right before a commit, or right after one. */
export interface Fate {
  dead: boolean;
  /** Statements and commits left; undefined: it lives. */
  left: number | undefined;
  /** Transactions under way. */
  open: number;
  /** Deadlocks that PostgreSQL ended. */
  circles: number;
}

function step(fate: Fate): void {
  if (fate.left !== undefined && fate.left-- <= 0) fate.dead = true;
  if (fate.dead) throw new Killed('the process was killed');
}

function mortalExecutor(executor: Executor, fate: Fate): Executor {
  /** Waiting in a circle ends with an error that the services survive; here it must not happen at all. */
  const noteCircle = (error: unknown): never => {
    if (sqlState(error) === '40P01') fate.circles += 1;
    throw error;
  };
  return {
    async rows(text, values) {
      step(fate);
      return executor.rows<never>(text, values).catch(noteCircle);
    },
    async row(text, values) {
      step(fate);
      return executor.row<never>(text, values).catch(noteCircle);
    },
    async run(text, values) {
      step(fate);
      return executor.run(text, values).catch(noteCircle);
    },
  };
}

/** The database as a process sees it that may be killed at any statement. What was not committed by then is rolled back, as PostgreSQL does. */
function mortal(database: Database, fate: Fate): Database {
  return {
    ...database,
    ...mortalExecutor(database, fate),
    async transaction(work, last) {
      step(fate);
      fate.open += 1;
      const result = await database
        .transaction(
          async (tx) => {
            const done = await work(mortalExecutor(tx, fate));
            step(fate);
            return done;
          },
          // What is sent together with the commit: it comes whole or not at all.
          last,
        )
        .finally(() => (fate.open -= 1));
      // Committed, but the process does not live to hear of it.
      step(fate);
      return result;
    },
  };
}

export interface World {
  readonly database: Database;
  readonly clock: ManualClock;
  readonly directory: WorkspaceDirectory;
  readonly events: EventWriter;
  readonly points: readonly PointDeclaration[];
  readonly transport: Pick<Outbound, 'request' | 'checkTarget'>;
}

/** One server process with the third door, on the world's database. */
/** `withoutDeadlines`: it never looks at them, to show that the simulation sees that. */
export function startProcess(world: World, options: { readonly withoutDeadlines?: boolean }) {
  const fate: Fate = { dead: false, left: undefined, open: 0, circles: 0 };
  const database = mortal(world.database, fate);
  const { clock } = world;
  const changes = createChanges({ database, clock, ids: randomIds, events: world.events });
  const history: Pick<EventLog, 'read'> = {
    async read() {
      throw new Error('the simulation previews nothing');
    },
  };
  const { module, holds, asking, deadlines } = createExtensions({
    database,
    changes,
    clock,
    ids: randomIds,
    log: silentLog,
    secrets: secretBox(Buffer.alloc(32, 7)),
    directory: world.directory,
    users: { find: async () => ({}) },
    outbound: world.transport,
    history,
    points: () => world.points,
  });
  const jobs = createJobRunner({ database, changes, clock, log: silentLog, jobs: module.jobs ?? [] });
  const gateway = testGateway({ database, clock, directory: world.directory, events: world.events, operations: module.operations ?? [] });
  const sweep = () => (options.withoutDeadlines === true ? Promise.resolve() : deadlines.sweep());
  void asking.start();
  return {
    fate,
    changes,
    holds,
    call: gateway.call,
    sweep,
    /** What the process does by itself as time passes. */
    async turn() {
      await sweep();
      await asking.drain();
      await jobs.drain();
      if (fate.dead) throw new Killed('the process was killed');
    },
    async bury() {
      fate.dead = true;
      await asking.stop();
    },
  };
}

export type Process = ReturnType<typeof startProcess>;
