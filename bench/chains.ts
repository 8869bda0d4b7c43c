/**
 * Chains and fan-outs of durable steps, side by side with DBOS in one process on one PostgreSQL that flushes to disk, in interleaved rounds.
 *
 *   zero     a chain of 40 and a fan-out of 1,000 that do nothing: what the engine itself costs
 *   worked   a chain of 40 and a fan-out of 200 that each run a shell in a process of its own, 8 at once. DBOS runs it as it is; Millrace as a task, in a
 *            folder and a process group of its own, under another account where it can, with its output kept and a lease that another process can take over
 *
 * What a step is. Millrace: an instance with its own row, times, attempts and permissions, four states on its way and an event of each that subscribers get;
 * it waits for others by edges in the database, and any process may take it. Zero loads need no worker, so the scheduler moves on as many as it can in one
 * transaction: a chain of them is not a commit each. With a shell it is more than one commit each: handed over, claimed, ended with its log, and told.
 * DBOS: a step of a workflow is a row with its result, committed before the next begins, and run where the workflow runs; a workflow of its own is a row
 * that is written twice, and three times when it comes off a queue, with a row of its parent's for its start and one for its result. Nothing is told to
 * others. So DBOS is measured in each of these ways; its queue is looked at every 10 ms (by default it is each second).
 *
 * Run: `npm run bench -- chains [--part zero|worked] [--rounds 3]`. DATABASE_URL names an empty database; without it an embedded PostgreSQL is started.
 * DBOS is installed under bench/peers the first time.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '../server/kernel/database.ts';
import { limits } from '../server/kernel/limits.ts';
import { connectionUrl } from '../server/kernel/postgres/connection.ts';
import { startEmbeddedPostgres } from '../server/kernel/postgres/supervisor.ts';
import { prepareDatabase } from '../server/modules.ts';
import { createDbos, type Dbos, type DbosPackage } from './chains/dbos.ts';
import { runShell, SHELL_CONTENT } from './chains/shell.ts';
import { median } from './delivery/measure.ts';
import { preparePeers } from './peers/peers.ts';
import { createStage } from './schedule/stage.ts';

const CHAIN = 40;
const WIDE = 1_000;
const WIDE_WORKED = 200;

/** One shape, as each engine plays it; the first is ours. Answers milliseconds. */
interface Shape {
  readonly name: string;
  readonly own: () => Promise<number>;
  readonly peers: readonly { readonly name: string; readonly play: (dbos: Dbos) => Promise<number> }[];
}

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: { part: { type: 'string', multiple: true }, rounds: { type: 'string', default: '3' } },
});
const rounds = Number(values.rounds);
const wants = (part: string) => values.part === undefined || values.part.includes(part);

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
// Started by root, tasks run under another account, which must get to their folders.
await chmod(folder, 0o755);
const given = process.env['DATABASE_URL'];
const postgres = given === undefined ? await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), log: () => {} }) : undefined;
const connection = given ?? (postgres === undefined ? '' : connectionUrl(postgres.connection));
const connections = limits.databaseConnections.value;
const database = openDatabase({ connection, connections });

try {
  await prepareDatabase(database, new Date());
  const stage = createStage(database, folder);
  const shell = { fileType: 6, command: 'DIDE_SHELL', content: SHELL_CONTENT };
  const line = (place: number) => (place === 0 ? [] : [place - 1]);
  const shapes: Shape[] = [];
  if (wants('zero')) {
    const chain = await stage.publish(CHAIN, line);
    const wide = await stage.publish(WIDE, () => []);
    shapes.push(
      {
        name: `chain of ${CHAIN} that do nothing`,
        own: () => stage.play(chain),
        peers: [
          { name: 'steps of one workflow', play: (dbos) => dbos.chainOfSteps(CHAIN) },
          { name: 'workflows of one process', play: (dbos) => dbos.chainOfWorkflows(CHAIN) },
        ],
      },
      {
        name: `${WIDE} independent ones that do nothing`,
        own: () => stage.play(wide),
        peers: [
          { name: 'steps of one workflow', play: (dbos) => dbos.wideOfSteps(WIDE) },
          { name: 'workflows on a queue', play: (dbos) => dbos.wideOnQueue(WIDE) },
          { name: 'workflows on a queue, without a parent', play: (dbos) => dbos.wideWithoutParent(WIDE) },
        ],
      },
    );
  }
  if (wants('worked')) {
    const chain = await stage.publish(CHAIN, line, shell);
    const wide = await stage.publish(WIDE_WORKED, () => [], shell);
    shapes.push(
      { name: `chain of ${CHAIN} shells`, own: () => stage.play(chain), peers: [{ name: 'steps of one workflow', play: (dbos) => dbos.chainOfShells(CHAIN) }] },
      { name: `${WIDE_WORKED} independent shells, ${limits.taskSlots.value} at once`, own: () => stage.play(wide), peers: [{ name: 'workflows on a queue', play: (dbos) => dbos.wideOfShells(WIDE_WORKED) }] },
    );
  }
  const dbos = await openDbos();
  await compare(shapes, stage, dbos);
} finally {
  await database.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}

async function openDbos(): Promise<Dbos | undefined> {
  try {
    const load = await preparePeers();
    return createDbos(load<DbosPackage>('@dbos-inc/dbos-sdk'), { connection, connections, slots: limits.taskSlots.value, shell: runShell });
  } catch (error) {
    console.log(`DBOS is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** Each engine runs alone, and each round begins with the other one, so that a drift of the machine falls on both. The first round is not counted: it pays for compiling. */
async function compare(shapes: readonly Shape[], stage: ReturnType<typeof createStage>, dbos: Dbos | undefined): Promise<void> {
  const own = new Map<string, number[]>(shapes.map(({ name }) => [name, []]));
  const peers = new Map<string, number[]>(shapes.flatMap((shape) => shape.peers.map((peer) => [`${shape.name}: ${peer.name}`, []])));
  const turns = [
    async () => {
      await stage.scheduler.start();
      await stage.worker?.start();
      for (const { name, own: play } of shapes) own.get(name)?.push(await play());
      await stage.worker?.stop();
      await stage.scheduler.stop();
    },
    async () => {
      if (dbos === undefined) return;
      await dbos.start();
      for (const shape of shapes) for (const { name, play } of shape.peers) peers.get(`${shape.name}: ${name}`)?.push(await play(dbos));
      await dbos.stop();
    },
  ];
  for (let round = 0; round <= rounds; round += 1) {
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) {
      await database.run('vacuum analyze');
      await turn();
    }
    if (round === 0) for (const times of [...own.values(), ...peers.values()]) times.pop();
    else {
      const told = (name: string, times: readonly number[]) => (times.length === 0 ? [] : [`${name} ${times.at(-1)?.toFixed(0)} ms`]);
      for (const shape of shapes) {
        const theirs = shape.peers.flatMap(({ name }) => told(`DBOS, ${name}`, peers.get(`${shape.name}: ${name}`) ?? []));
        console.log(`${shape.name}, round ${round}: ${[...told('Millrace', own.get(shape.name) ?? []), ...theirs].join('; ')}`);
      }
    }
  }
  for (const shape of shapes) {
    const mine = own.get(shape.name) ?? [];
    console.log(`  ${shape.name}: Millrace ${median(mine).toFixed(0)} ms`);
    if (dbos === undefined) continue;
    for (const { name } of shape.peers) {
      const theirs = peers.get(`${shape.name}: ${name}`) ?? [];
      console.log(`    DBOS, ${name}: ${median(theirs).toFixed(0)} ms, ratio ${median(theirs.map((time, round) => time / (mine[round] ?? Number.NaN))).toFixed(2)}`);
    }
  }
}
