import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

const folder = import.meta.dirname;
const lockFile = join(folder, 'package-lock.json');
/** Written after a whole installation, with the hash of the lock file; `npm ci` empties the folder first, so an interrupted one has none. */
const stampFile = join(folder, 'node_modules', '.millrace-lock');

/**
 * Installs the peers of the benchmarks when they are missing or of another lock file, and answers a function that loads one of them. They have a package
 * of their own because they are many and heavy, and nothing that runs or tests the product needs them. Fails with npm's words when npm does, such as
 * where no registry is within reach.
 */
export async function preparePeers(): Promise<<Module>(name: string) => Module> {
  const hash = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== hash) {
    console.log('installing the peers of the benchmarks under bench/peers (about 220 MB, once)');
    await runNpm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--include=optional', `--prefix=${folder}`]);
    writeFileSync(stampFile, hash);
  }
  const load = createRequire(join(folder, 'package.json'));
  return <Module>(name: string) => load(name) as Module;
}

/** The peers that are locked, with their versions. */
export function lockedPeers(): readonly { readonly name: string; readonly version: string }[] {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as { packages: Record<string, { version?: string; dependencies?: Record<string, string> }> };
  return Object.keys(packages['']?.dependencies ?? {}).map((name) => ({ name, version: packages[`node_modules/${name}`]?.version ?? 'none' }));
}

async function runNpm(args: readonly string[]): Promise<void> {
  const running = process.env['npm_execpath'];
  // Under another package manager the variable names that one.
  const [program, first] = running !== undefined && basename(running) === 'npm-cli.js' ? [process.execPath, [running]] : ['npm', []];
  const child = spawn(program, [...first, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`npm ended with ${code}: ${said.trim()}`))));
  });
}
