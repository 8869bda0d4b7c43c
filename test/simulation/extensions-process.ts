import { createExtensions } from '../../server/extensions/index.ts';
import type { PointDeclaration } from '../../server/extensions/declare.ts';
import { createChanges, type EventWriter } from '../../server/kernel/change.ts';
import type { ManualClock } from '../../server/kernel/clock.ts';
import type { Database } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { createJobRunner } from '../../server/kernel/jobs.ts';
import { secretBox } from '../../server/kernel/secrets.ts';
import { silentLog } from '../../server/kernel/log.ts';
import type { Outbound } from '../../server/kernel/outbound.ts';
import type { WorkspaceDirectory } from '../../server/identity/directory.ts';
import type { EventLog } from '../../server/openevent/index.ts';
import { testGateway } from '../support/call.ts';
import { Killed, mortal, newFate, type CrashPoints } from './mortal.ts';

export interface World {
  readonly database: Database;
  readonly clock: ManualClock;
  readonly directory: WorkspaceDirectory;
  readonly events: EventWriter;
  readonly points: readonly PointDeclaration[];
  readonly transport: Pick<Outbound, 'request' | 'checkTarget'>;
  readonly crashPoints: CrashPoints;
}

/** One server process with the third door, on the world's database. `withoutDeadlines`: it never looks at them, to show that the simulation sees that. */
export function startProcess(world: World, options: { readonly withoutDeadlines?: boolean }) {
  const fate = newFate();
  const database = mortal(world.database, fate, world.crashPoints);
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
    carryOut: () => jobs.drain(),
    /** Resolves when what it asks by itself has been asked. */
    idle: () => asking.drain(),
    async bury() {
      fate.dead = true;
      await asking.stop();
    },
  };
}

export type Process = ReturnType<typeof startProcess>;
