/**
 * Computes the share of operations that a test shows at work, from the contract, the handlers and the text of the tests, by module.
 *
 *     node tools/coverage-of-operations.ts             prints the table
 *     node tools/coverage-of-operations.ts --missing   also names what is built without a test of its own
 *     node tools/coverage-of-operations.ts --files     also names the test files of every operation
 *     node tools/coverage-of-operations.ts --write     writes docs/operations.md
 *
 * The sweeps over all operations (access, malformed requests, dry runs, tokens) do not count: they ask whether a call is refused or repeated, not what it does.
 */

import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildHouse } from '../server/house.ts';
import { systemClock } from '../server/kernel/clock.ts';
import { openDatabase } from '../server/kernel/database.ts';
import { randomIds } from '../server/kernel/ids.ts';
import { silentLog } from '../server/kernel/log.ts';
import { secretBox } from '../server/kernel/secrets.ts';
import type { Registry } from '../server/openapi/registry.ts';
import { mentionsIn } from './coverage/mentions.ts';

const root = join(import.meta.dirname, '..');
const FOLDERS = ['server', 'test', 'packages', 'examples'];
const SWEEPS = /(^|\/)test\/conformance\/(access\.test|every-write|made-up|[\w-]+-objects)\.ts$|(^|\/)test\/integration\/malformed|\/generated\//;
const PAGE = 'docs/operations.md';

/** The registry as a server has it. Nothing is connected: a pool makes no connection before its first statement. */
function registryOfHouse(): Registry {
  const database = openDatabase({ connection: 'postgres://nowhere.invalid/none', connections: 1 });
  return buildHouse({
    database,
    relaxed: database,
    clock: systemClock,
    ids: randomIds,
    log: silentLog,
    secrets: secretBox(randomBytes(32)),
    regions: [],
    timeZone: 'UTC',
    dataFolder: join(root, '.cache', 'none'),
    searchPath: '',
    allowLoopback: false,
    allowedTargets: [],
    publishAddress: '127.0.0.1',
    validatePayloads: false,
  }).registry;
}

function testFiles(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((path) => `${folder}/${path}`)
      .filter((path) => (/\.(test|fixture)\.ts$/.test(path) || /^test\/.*\.ts$/.test(path)) && !/(^|\/)(node_modules|dist)\//.test(path) && !SWEEPS.test(path)),
  ).toSorted();
}

/** The fixtures of the file's folder as one text. */
function fixturesBeside(file: string): string {
  const folder = join(root, dirname(file));
  return readdirSync(folder)
    .filter((name) => name.endsWith('.fixture.ts') && !file.endsWith(`/${name}`))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
}

interface Row {
  readonly product: string;
  readonly version: string;
  readonly module: string;
  contract: number;
  built: number;
  tested: number;
}

const registry = registryOfHouse();
const versionsOf = new Map<string, string[]>();
for (const { operation } of registry.entries) versionsOf.set(operation.name, [...(versionsOf.get(operation.name) ?? []), operation.version]);

const calledIn = new Map<string, Set<string>>();
let untold = 0;
for (const file of testFiles()) {
  for (const { action, version } of mentionsIn(readFileSync(join(root, file), 'utf8'), fixturesBeside(file), (name) => versionsOf.get(name) ?? [])) {
    if (version === undefined) untold += 1;
    else calledIn.set(`${version} ${action}`, (calledIn.get(`${version} ${action}`) ?? new Set()).add(file));
  }
}

const rows = new Map<string, Row>();
const missing: string[] = [];
for (const { operation, declaration } of registry.entries) {
  const { product, version, module, name } = operation;
  const key = `${version} ${module}`;
  const row = rows.get(key) ?? { product, version, module, contract: 0, built: 0, tested: 0 };
  rows.set(key, row);
  row.contract += 1;
  if (declaration === undefined) continue;
  row.built += 1;
  if (calledIn.has(`${version} ${name}`)) row.tested += 1;
  else missing.push(`${version} ${module} ${name}`);
}

const share = (part: number, whole: number) => (whole === 0 ? '–' : `${Math.floor((100 * part) / whole)} %`);
const line = (title: string, { contract, built, tested }: Pick<Row, 'contract' | 'built' | 'tested'>) => `| ${title} | ${contract} | ${built} | ${share(built, contract)} | ${tested} | ${share(tested, built)} |`;
const sum = (list: readonly Row[]) => list.reduce((total, row) => ({ contract: total.contract + row.contract, built: total.built + row.built, tested: total.tested + row.tested }), { contract: 0, built: 0, tested: 0 });

const HEAD = '| Module | In the contract | Built | Share | With an effect test | Share of the built |\n| --- | ---: | ---: | ---: | ---: | ---: |';
const versions = [...new Set([...rows.values()].map(({ version }) => version))];
const sections = versions.map((version) => {
  const list = [...rows.values()].filter((row) => row.version === version).toSorted((a, b) => (a.module < b.module ? -1 : 1));
  return [`## ${list[0]?.product ?? ''} ${version}`, '', HEAD, ...list.map((row) => line(row.module, row)), line('**All**', sum(list))].join('\n');
});
const text = `# Operations: built and tested

Written by \`node tools/coverage-of-operations.ts --write\`. An operation counts as tested when a test calls it, outside the sweeps over all operations, where it is not expected to be refused.
What is not built answers 501.

${HEAD}
${versions.map((version) => line(version, sum([...rows.values()].filter((row) => row.version === version)))).join('\n')}
${line('**All**', sum([...rows.values()]))}

${sections.join('\n\n')}
`;

if (process.argv.includes('--write')) {
  writeFileSync(join(root, PAGE), text);
  console.log(`wrote ${PAGE}`);
} else {
  console.log(text);
}
if (untold > 0) console.error(`${untold} calls name an action that several versions have, and their text does not tell which; they are not counted.`);
if (process.argv.includes('--files')) for (const [operation, files] of [...calledIn].toSorted()) console.log(`${operation}: ${[...files].join(', ')}`);
if (process.argv.includes('--missing')) console.log(`Built without a test of their own (${missing.length}):\n${missing.join('\n')}`);
