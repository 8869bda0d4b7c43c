/**
 * Writes the files that follow from the contract data.
 *
 *     node tools/generate.ts           writes what is stale
 *     node tools/generate.ts --check   fails when something is stale, writes nothing
 */

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contracts, events, payloadSchemas } from '../contract/index.ts';
import { eventTypes } from './generate/event-types.ts';
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

function currentContent(name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch {
    return undefined;
  }
}

mkdirSync(folder, { recursive: true });
const files = generatedFiles();
const stale = [...files.keys()].filter((name) => currentContent(name) !== files.get(name));
const orphans = readdirSync(folder).filter((name) => !files.has(name));

if (process.argv.includes('--check')) {
  if (stale.length + orphans.length > 0) {
    const names = [...stale, ...orphans].map((name) => `contract/generated/${name}`);
    console.error(`Stale generated files: ${names.join(', ')}. Run "npm run generate" and commit the result.`);
    process.exitCode = 1;
  }
} else {
  for (const name of stale) writeFileSync(join(folder, name), files.get(name) ?? '');
  for (const name of orphans) rmSync(join(folder, name));
  const done = [...stale.map((name) => `wrote ${name}`), ...orphans.map((name) => `removed ${name}`)];
  console.log(done.length === 0 ? 'Generated files are up to date.' : done.join('\n'));
}
