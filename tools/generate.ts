/**
 * Writes the files that follow from data: types from the contract, the page of limits from their table.
 *
 *     node tools/generate.ts           writes what is stale
 *     node tools/generate.ts --check   fails when something is stale, writes nothing
 */

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contracts, events, payloadSchemas } from '../contract/index.ts';
import { limits } from '../server/kernel/limits.ts';
import { eventTypes } from './generate/event-types.ts';
import { limitsPage } from './generate/limits.ts';
import { contractTypes, indexTypes } from './generate/types.ts';

const folder = join(import.meta.dirname, '..', 'contract', 'generated');

/** File name to content, for all generated files. */
function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const contract of contracts.values()) {
    files.set(`${contract.product}-${contract.version}.ts`, contractTypes(contract));
  }
  files.set('events.ts', eventTypes(events, payloadSchemas));
  files.set('index.ts', indexTypes([...contracts.values()]));
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
mkdirSync(folder, { recursive: true });
const files = generatedFiles();
const contents = new Map([...[...files].map(([name, content]): [string, string] => [`contract/generated/${name}`, content]), ...generatedPages()]);
const stale = [...contents].filter(([path, content]) => currentContent(join(root, path)) !== content);
const orphans = readdirSync(folder)
  .filter((name) => !files.has(name))
  .map((name) => `contract/generated/${name}`);

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
