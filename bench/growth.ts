/**
 * How each cost grows with the rows that are there, from 1,000 to millions: tables are filled by SQL, spread over the days for which they are kept, and each cost
 * is measured through the code that has it in service (a signed call through the gateway, or the function that the delivery, the scheduler or the Kafka listener uses).
 *
 *     npm run bench -- growth                          up to five million rows; some ten minutes, and 10 GB of disk
 *     npm run bench -- growth --up-to 1000000          up to a million; some three minutes
 *     npm run bench -- growth --only log,instances     some subjects: log, deliveries, calls, instances, holds, nodes
 *
 * Told are medians in milliseconds; the exponent over all sizes and over the last step (0: it does not depend on the rows, 1: it grows as they do); and which costs grow
 * more than the logarithm of the rows. Some must: a list that tells how many there are counts them. They are marked, and may not grow more than the rows. A graph is
 * written to bench/results/growth.svg. DATABASE_URL names an empty database; without it an embedded PostgreSQL is started.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawPanels, slope, type Panel } from '../test/soak/graph.ts';
import { callsSubject } from './growth/calls.ts';
import { deliveriesSubject } from './growth/deliveries.ts';
import { openGround, type Cost, type Ground, type Subject } from './growth/ground.ts';
import { holdsSubject } from './growth/holds.ts';
import { instancesSubject } from './growth/instances.ts';
import { logSubject } from './growth/log.ts';
import { nodesSubject } from './growth/nodes.ts';

const SIZES = [1_000, 10_000, 100_000, 1_000_000, 5_000_000];
/** Measured so often, or until the time is over, but at least thrice. The first rounds are not counted: plans are made and pages read in them. */
const ROUNDS = 25;
const WARM_ROUNDS = 10;
const MOST_MS = 3_000;
/** A cost may grow by so many times the growth of the rows' logarithm, and by a millisecond that nobody notices. */
const SPARE = 2;
const UNNOTICED_MS = 1;
const MOST_EXPONENT = 1.2;
const LINES_OF_PANEL = 3;

const subjects: Readonly<Record<string, (ground: Ground) => Promise<Subject>>> = {
  log: logSubject,
  deliveries: deliveriesSubject,
  calls: callsSubject,
  instances: instancesSubject,
  holds: holdsSubject,
  nodes: nodesSubject,
};

const { values } = parseArgs({ options: { 'up-to': { type: 'string', default: '5000000' }, only: { type: 'string' } } });
const upTo = Number(values['up-to']);
if (!Number.isInteger(upTo) || upTo < 1_000) throw new Error('--up-to must be a number of rows from 1,000');
const wanted = values.only?.split(',') ?? Object.keys(subjects);
for (const name of wanted) if (!Object.hasOwn(subjects, name)) throw new Error(`there is no subject ${name}; there are ${Object.keys(subjects).join(', ')}`);

const ground = await openGround();
const panels: Panel[] = [];
let faults = 0;
try {
  for (const name of wanted) {
    const subject = await subjects[name]?.(ground);
    if (subject !== undefined) await measureSubject(subject);
  }
} finally {
  await ground.stop();
}
const sizes = SIZES.filter((size) => size <= upTo);
const first = sizes[0] ?? 1;
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
writeFileSync(
  join(results, 'growth.svg'),
  drawPanels('Cost by number of rows, which stands on a logarithmic axis', sizes.map((size) => Math.log10(size / first)), panels, sizes.map((size) => ({ at: Math.log10(size / first), label: size.toLocaleString('en') }))),
);
console.log('\nThe graph is in bench/results/growth.svg');
console.log(faults === 0 ? 'no cost grows more than it may' : `${faults} costs grow more than they may`);
if (faults > 0) process.exitCode = 1;

async function measureSubject(subject: Subject): Promise<void> {
  const rows = SIZES.filter((size) => size <= Math.min(upTo, subject.most ?? Infinity));
  const medians = new Map<Cost, number[]>(subject.costs.map((cost) => [cost, []]));
  for (const size of rows) {
    const began = performance.now();
    await subject.clear();
    await subject.fill(size);
    for (const table of subject.tables) await ground.database.run(`vacuum (analyze) ${table}`);
    await ground.database.run('checkpoint');
    const filled = performance.now();
    for (const cost of subject.costs) medians.get(cost)?.push(await measure(cost));
    console.error(`${subject.name}: ${size.toLocaleString('en')} rows filled in ${((filled - began) / 1_000).toFixed(1)} s, measured in ${((performance.now() - filled) / 1_000).toFixed(1)} s`);
  }
  await subject.clear();

  console.log(`\n${subject.name}: milliseconds by rows`.padEnd(69) + rows.map((size) => size.toLocaleString('en').padStart(11)).join('') + '   exponent   last step');
  for (const [cost, list] of medians) {
    const logs = (numbers: readonly number[]) => numbers.map((number) => Math.log10(number));
    const [all, last] = [exponent(logs(rows), logs(list)), exponent(logs(rows.slice(-2)), logs(list.slice(-2)))];
    const fault = judge(cost, rows, list, last);
    if (fault !== undefined) faults += 1;
    console.log(`  ${cost.name}`.padEnd(68) + list.map((value) => value.toFixed(2).padStart(11)).join('') + all.toFixed(2).padStart(11) + last.toFixed(2).padStart(12) + `   ${fault ?? cost.counts ?? ''}`);
  }
  const lines = subject.costs.map((cost) => ({ name: cost.name, values: medians.get(cost) ?? [] }));
  // Like costs share a scale.
  const sorted = lines.toSorted((one, other) => Math.max(...other.values) - Math.max(...one.values));
  for (let at = 0; at < sorted.length; at += LINES_OF_PANEL) panels.push({ title: subject.name, unit: 'ms', lines: sorted.slice(at, at + LINES_OF_PANEL) });
}

/** The median of a cost in milliseconds. */
async function measure(cost: Cost): Promise<number> {
  const took: number[] = [];
  const began = performance.now();
  let number = 0;
  for (; number < WARM_ROUNDS && (number < 1 || performance.now() - began < MOST_MS); number += 1) await cost.once(number);
  const until = performance.now() + MOST_MS;
  while (took.length < 3 || (took.length < ROUNDS && performance.now() < until)) {
    const started = performance.now();
    await cost.once((number += 1));
    took.push(performance.now() - started);
  }
  return took.toSorted((one, other) => one - other)[Math.floor(took.length / 2)] ?? Number.NaN;
}

/** The slope of the line through points of two logarithmic scales. */
function exponent(rows: readonly number[], milliseconds: readonly number[]): number {
  return slope(rows, milliseconds, 0);
}

/** Why a cost grows more than it may, or undefined. */
function judge(cost: Cost, rows: readonly number[], list: readonly number[], last: number): string | undefined {
  const [least = 1, most = 1] = [rows[0], rows.at(-1)];
  const [before = 0, after = 0] = [list[0], list.at(-1)];
  if (cost.counts !== undefined) return last > MOST_EXPONENT ? `GROWS MORE THAN THE ROWS (${cost.counts})` : undefined;
  const allowed = (before * SPARE * Math.log(most)) / Math.log(least) + UNNOTICED_MS;
  return after > allowed ? 'GROWS MORE THAN LOGARITHMICALLY' : undefined;
}
