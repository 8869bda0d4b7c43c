import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../../server/kernel/database.ts';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from '../../server/kernel/postgres/supervisor.ts';
import { seededRandom } from '../integration/malformed/values.ts';
import { eventually } from '../support/eventually.ts';
import { auditInvariants, auditLedger } from './audit.ts';
import { freePort, startServer } from './server.ts';
import { emptyLedger, prepareFiles, sender, write } from './writers.ts';

export interface Summary {
  readonly rounds: number;
  readonly acknowledged: number;
  readonly uncertain: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly events: number;
  readonly instances: number;
  /** From the start of the process to ready, in milliseconds, in order of size. */
  readonly restarts: readonly number[];
  readonly faults: readonly string[];
}

const WRITERS = 6;
const WRITE_MS = 1_200;
/** Share of restarts that are killed as well. */
const KILLED_START = 0.15;
const KILLED_START_MS = 700;
/** Time that an instance may need whose worker was killed: its lease, some more kills, and the run. */
const STUCK_MS = 120_000;
const SETTLE_MS = 90_000;

/** Kills the server in the middle of writes, again and again, and looks after each restart whether everything that must hold does. */
export async function killRounds(rounds: number, options: { readonly seed: number; readonly say: (line: string) => void }): Promise<Summary> {
  const { say } = options;
  const random = seededRandom(options.seed);
  const dataFolder = await mkdtemp(join(tmpdir(), 'millrace-chaos-'));
  const settings = { dataFolder, port: await freePort(), key: { accessKeyId: 'LTAI5tOfTheChaosRounds01', accessKeySecret: 'chaosSecret0123456789abcdefgh' } };
  const send = sender(settings.port, settings.key);
  const ledger = emptyLedger();
  const restarts: number[] = [];
  const faults: string[] = [];
  let server = startServer(settings);
  try {
    say(`first start: ${(await server.ready()).toFixed(0)} ms`);
    const postgres = await startEmbeddedPostgres({ dataDir: dataFolder, log: () => {}, use: 'shared' });
    await postgres.leave();
    const database = openDatabase({ connection: postgres.connection, connections: 2 });
    try {
      const files = await Promise.all(Array.from({ length: WRITERS }, (_, at) => prepareFiles(send, `chaos${at}`, ledger)));
      for (let round = 1; round <= rounds && faults.length === 0; round += 1) {
        const before = ledger.requestIds.length;
        let stopped = false;
        const writers = files.map((own) => write(send, random, own, ledger, () => stopped));
        // A writer that fails does so at once, not only when it is waited for.
        const written = Promise.allSettled(writers);
        await pause(100 + random.below(WRITE_MS));
        await server.kill();
        stopped = true;
        for (const result of await written) if (result.status === 'rejected') faults.push(String(result.reason));
        if (random.chance(KILLED_START)) {
          const interrupted = startServer(settings);
          await pause(random.below(KILLED_START_MS));
          await interrupted.kill();
        }
        server = startServer(settings);
        const readyMs = await server.ready();
        restarts.push(readyMs);
        faults.push(...(await auditLedger(database, ledger)), ...(await auditInvariants(database, STUCK_MS)));
        say(`round ${round}: ${ledger.requestIds.length - before} acknowledged, ready after ${readyMs.toFixed(0)} ms${faults.length === 0 ? '' : `, ${faults.length} faults`}`);
        for (const fault of faults) say(`  ${fault}`);
      }
      // In the end everything comes to rest.
      const open = () => database.row<{ count: number }>(`select count(*) as count from task_instance where status not in ('Failure', 'Success')`);
      await eventually('all instances have ended', async () => (await open())?.count === 0, SETTLE_MS).catch((error: Error) => faults.push(error.message));
      faults.push(...(await auditLedger(database, ledger)), ...(await auditInvariants(database, 0)));
      const events = await database.row<{ count: number }>('select count(*) as count from event');
      const instances = await database.row<{ count: number }>('select count(*) as count from task_instance');
      return {
        rounds: restarts.length,
        acknowledged: ledger.requestIds.length,
        uncertain: ledger.uncertain,
        refused: Object.fromEntries(ledger.refused),
        events: events?.count ?? 0,
        instances: instances?.count ?? 0,
        restarts: restarts.toSorted((left, right) => left - right),
        faults,
      };
    } finally {
      await database.close();
    }
  } finally {
    await server.stop();
    await removeEmbeddedPostgres(dataFolder);
    await rm(dataFolder, { recursive: true, force: true });
  }
}
