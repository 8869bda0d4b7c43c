/**
 * Rounds in which one thing after the other is killed by kill -9, stopped for a while, filled or flooded while everything works, in an order that the seed sets:
 *
 *     npm run chaos -- --rounds 100 [--seed N] [--only server,worker,postgres,kafka,consumer,receiver,pause,disk,connections] [--load 3]
 *
 * `--load`: the longest time in seconds that all works undisturbed before the next thing is broken. There are two servers on one PostgreSQL, of which the first owns it, a process that only takes runs of tasks, an Apache Kafka that the relay writes to (Java
 * 17 and Maven), a consumer group of two on the built-in listener, a receiver of pushes that decides about held commits too, and writers. The full disk is a
 * file system of its own for the data folder: a tmpfs where one can be mounted, or the folder that MILLRACE_CHAOS_DISK names. What cannot be done is said and
 * skipped. At the end everything that was acknowledged is held against what is there.
 */
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';
import { kindNames, memoryWords, type KindName } from './kinds.ts';

/** In the middle, a restart of a server takes no longer. */
const MOST_READY_MS = 5_000;

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string', default: String(Date.now() % 2 ** 32) }, only: { type: 'string', default: kindNames.join(',') }, load: { type: 'string', default: '3' } },
});
const say = (line: string) => void process.stdout.write(`${line}\n`);
const seed = Number(values.seed);
const rounds = Number(values.rounds);
const isKind = (name: string): name is KindName => (kindNames as readonly string[]).includes(name);
const only = values.only.split(',').filter(isKind);
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seed) || !(Number(values.load) > 0) || only.length !== values.only.split(',').length) {
  process.stderr.write(`usage: npm run chaos -- [--rounds <number>] [--seed <number>] [--only ${kindNames.join(',')}] [--load <seconds>]\n`);
  process.exit(2);
}
say(`seed ${seed} (it sets the order, the moments and the choices; the machine adds its own)`);
const began = performance.now();
const { rounds: counted, findings, kept, faults } = await runChaos({ rounds, seed, only, say, loadMs: Number(values.load) * 1_000 });
say(`${Object.values(counted).reduce((sum, count) => sum + count, 0)} rounds in ${((performance.now() - began) / 1_000).toFixed(0)} s: ${Object.entries(counted).map(([name, count]) => `${name} ${count}`).join(', ')}`);
for (const { promise, count, faults: broken } of kept) say(`${broken.length === 0 ? 'kept  ' : 'BROKEN'}  ${promise}: ${count}`);
const { disk, storm } = findings;
if (disk.rounds > 0) say(`        full disk, ${disk.rounds} times: ${disk.refused} writes refused (${[...disk.said].join('; ')}), ${disk.done} found room, ${disk.reads} reads answered, ${disk.readsRefused} not; PostgreSQL ended in ${disk.databaseEnded}`);
if (storm.rounds > 0) {
  say(`        storms of connections, ${storm.rounds * 2}: up to ${storm.mostOpen} open at once, ${storm.calls - storm.callsRefused} of ${storm.calls} calls answered, the slowest after ${storm.slowestMs.toFixed(0)} ms, ${storm.kafkaClients} new Kafka clients let in; memory of both servers: ${storm.memoryMb.map(memoryWords).join('; ')}`);
}
const judged = [...faults];
for (const [what, list] of findings.restarts) {
  const sorted = list.toSorted((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  say(`        restart of ${what}, ${sorted.length}: p50 ${at(0.5).toFixed(0)} ms, p95 ${at(0.95).toFixed(0)} ms, max ${at(1).toFixed(0)} ms`);
  if ((what === 'server' || what === 'worker') && at(0.5) > MOST_READY_MS) judged.push(`restarts of ${what} took ${at(0.5).toFixed(0)} ms in the middle, at most ${MOST_READY_MS} ms may pass`);
}
for (const fault of judged) say(`FAULT: ${fault}`);
say(judged.length === 0 ? 'every promise was kept' : `${judged.length} faults`);
if (judged.length > 0) process.exitCode = 1;
process.exit();
