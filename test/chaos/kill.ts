/**
 * Rounds of kill -9 under write load on the real server:
 *
 *     node tools/launch.mjs chaos -- --rounds 200 [--seed N]
 */
import { parseArgs } from 'node:util';
import { killRounds } from './rounds.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string', default: String(Date.now() % 2 ** 32) } },
});
const say = (line: string) => void process.stdout.write(`${line}\n`);
const seed = Number(values.seed);
say(`seed ${seed} (it sets the moments and the choices; the machine adds its own)`);
const began = performance.now();
const summary = await killRounds(Number(values.rounds), { seed, say });
const at = (share: number) => (summary.restarts[Math.min(summary.restarts.length - 1, Math.floor(summary.restarts.length * share))] ?? 0).toFixed(0);
say(`${summary.rounds} rounds in ${((performance.now() - began) / 1_000).toFixed(0)} s: ${summary.acknowledged} acknowledged changes, ${summary.uncertain} without an answer, ${summary.events} events, ${summary.instances} instances`);
say(`refused for their content: ${JSON.stringify(summary.refused)}`);
say(`restart to ready: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms (limit 5000 ms)`);
for (const fault of summary.faults) say(`FAULT: ${fault}`);
say(summary.faults.length === 0 ? 'nothing was lost, nothing is there twice, nothing is stuck' : `${summary.faults.length} faults`);
if (summary.faults.length > 0 || (summary.restarts.at(-1) ?? 0) > 5_000) process.exitCode = 1;
