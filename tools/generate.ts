/**
 * Writes the files that follow from data: types and the client's tables from the contract, the page of limits from their table.
 *
 *     node tools/generate.ts           writes what is stale
 *     node tools/generate.ts --check   fails when something is stale, writes nothing
 */

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contracts, events, payloadSchemas } from '../contract/index.ts';
import { limits } from '../server/kernel/limits.ts';
import { clientContract, clientIndex } from './generate/client.ts';
import { eventTypes } from './generate/event-types.ts';
import { limitsPage } from './generate/limits.ts';
import { contractTypes, indexTypes } from './generate/types.ts';

/** Folders that hold nothing else. */
const TYPES = 'contract/generated';
const CLIENT = 'packages/client/src/generated';

/** Path below the root to content, for all files of the generated folders. */
function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  const list = [...contracts.values()];
  for (const contract of list) {
    files.set(`${TYPES}/${contract.product}-${contract.version}.ts`, contractTypes(contract));
    files.set(`${CLIENT}/${contract.product}-${contract.version}.ts`, clientContract(contract));
  }
  for (const folder of [TYPES, CLIENT]) files.set(`${folder}/events.ts`, eventTypes(events, payloadSchemas));
  files.set(`${TYPES}/index.ts`, indexTypes(list));
  files.set(`${CLIENT}/index.ts`, clientIndex(list));
  return files;
}

/** Path below the root to content, for single files that stand among written ones. */
function generatedPages(): Map<string, string> {
  return new Map([['docs/limits.md', limitsPage(limits)]]);
}

function currentContent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const root = join(import.meta.dirname, '..');
for (const folder of [TYPES, CLIENT]) mkdirSync(join(root, folder), { recursive: true });
const files = generatedFiles();
const contents = new Map([...files, ...generatedPages()]);
const stale = [...contents].filter(([path, content]) => currentContent(join(root, path)) !== content);
const orphans = [TYPES, CLIENT].flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)).filter((path) => !files.has(path));

if (process.argv.includes('--check')) {
  if (stale.length + orphans.length > 0) {
    const names = [...stale.map(([path]) => path), ...orphans];
    console.error(`Stale generated files: ${names.join(', ')}. Run "npm run generate" and commit the result.`);
    process.exitCode = 1;
  }
} else {
  for (const [path, content] of stale) writeFileSync(join(root, path), content);
  for (const path of orphans) rmSync(join(root, path));
  const done = [...stale.map(([path]) => `wrote ${path}`), ...orphans.map((path) => `removed ${path}`)];
  console.log(done.length === 0 ? 'Generated files are up to date.' : done.join('\n'));
}
