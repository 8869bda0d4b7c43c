/**
 * Rounds of kill -9 of the server, of an Apache Kafka broker, and of both, under a stream of events; at the end the topics are held against the log:
 *
 *     npm run chaos-kafka -- --rounds 100 [--seed N]
 */
import { parseArgs } from 'node:util';
import { killClusterRounds } from './kafka-cluster-rounds.ts';

/** Of all records, those that may be there twice. */
const MOST_DUPLICATES = 0.001;

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: { rounds: { type: 'string', default: '10' }, seed: { type: 'string', default: String(Date.now() % 2 ** 32) } },
});
const say = (line: string) => void process.stdout.write(`${line}\n`);
const seed = Number(values.seed);
say(`seed ${seed} (it sets the moments and the choices; the machine adds its own)`);
const began = performance.now();
const summary = await killClusterRounds(Number(values.rounds), { seed, say });
const at = (share: number) => (summary.recoveries[Math.min(summary.recoveries.length - 1, Math.floor(summary.recoveries.length * share))] ?? 0).toFixed(0);
const share = summary.records === 0 ? 0 : summary.duplicates / summary.records;
say(`${summary.rounds} rounds in ${((performance.now() - began) / 1_000).toFixed(0)} s, kill -9 of ${JSON.stringify(summary.kills)}: ${summary.events} events, ${summary.records} records in the cluster, ${summary.duplicates} duplicates (${(share * 100).toFixed(4)} %, limit ${MOST_DUPLICATES * 100} %)`);
say(`from restart to caught up: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`);
for (const fault of summary.faults) say(`FAULT: ${fault}`);
say(summary.faults.length === 0 ? 'no gap, no disorder' : `${summary.faults.length} faults`);
if (summary.faults.length > 0 || share >= MOST_DUPLICATES) process.exitCode = 1;
