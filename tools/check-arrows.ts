/**
 * Checks that imports only go down: main -> platform -> {openapi, openevent, extensions} -> identity -> kernel. Test
 * files are free; they may stand across.
 *
 *     node tools/check-arrows.ts [root]
 */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';

/** An import that goes against the arrows. */
export interface Breach {
  /** Path from the root, with slashes. */
  file: string;
  line: number;
  rule: string;
}

/** The part of the house a file is in, such as "kernel", "platform/studio" or "contract". */
type Part = string;

interface Import {
  file: string;
  line: number;
  target: string;
}

/** The words in which an operation is declared. They stand apart so that modules below the gateway can use them. */
const declaration = 'openapi/declare';

/** What a file of each part may import besides its own part. `platform` stands for every domain. */
const allowed: Readonly<Record<string, readonly Part[]>> = {
  contract: [],
  kernel: [],
  [declaration]: ['kernel', 'contract'],
  identity: ['kernel', 'contract', declaration],
  openevent: ['identity', 'kernel', 'contract', declaration],
  openapi: ['identity', 'kernel', 'contract', declaration],
  extensions: ['openevent', 'identity', 'kernel', 'contract', declaration],
  'platform-common': ['kernel', 'contract'],
  platform: ['platform-common', 'openapi', 'openevent', 'extensions', 'identity', 'kernel', 'contract', declaration],
};

/** Files directly in platform/: what all domains' dialects have in common, such as envelopes and pages. */
const common = 'platform-common';

/** Files directly in server/ put the modules together and may import all of them. */
const composition = 'composition';

/** Finds all breaches below `root`, sorted by file and line, and cycles between parts after them. */
export function findBreaches(root: string): Breach[] {
  const imports = ['server', 'contract'].flatMap((folder) => listSources(root, folder)).flatMap((file) => readImports(root, file));
  const breaches = imports.flatMap((entry) => {
    const rule = brokenRule(entry);
    return rule === null ? [] : [{ file: entry.file, line: entry.line, rule }];
  });
  return [...breaches, ...findCycles(imports)];
}

function listSources(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.endsWith('.fixture.ts'))
    .toSorted();
}

// Statements begin a line, which keeps text in comments and strings out; dynamic imports and import types stand anywhere.
const statement = /^[ \t]*(?:import|export)\b[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]|^[ \t]*import\s*['"]([^'"]+)['"]|^(?![ \t]*(?:\/\/|\*|\/\*)).*?\bimport\(\s*['"]([^'"]+)['"]/gm;

function readImports(root: string, file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found: Import[] = [];
  for (const match of text.matchAll(statement)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    if (!specifier.startsWith('.')) continue;
    const end = match.index + match[0].length;
    found.push({ file, line: text.slice(0, end).split('\n').length, target: posix.join(posix.dirname(file), specifier) });
  }
  return found;
}

function partOf(path: string): Part {
  const [top = '', first = '', second] = path.split('/');
  if (top !== 'server') return top;
  if (second === undefined) return composition;
  if (first === 'platform') return second.endsWith('.ts') ? common : `platform/${second}`;
  if (path === `server/${declaration}.ts`) return declaration;
  return first;
}

function brokenRule({ file, target }: Import): string | null {
  const from = partOf(file);
  const to = partOf(target);
  if (from === to) return null;
  if (target.endsWith('.test.ts')) return `imports the test ${target}: what ships does not need tests`;
  if (from === composition) return to in allowed || isDomain(to) ? null : `imports ${to}, which is not part of the server`;
  const mayImport = allowed[isDomain(from) ? 'platform' : from];
  if (mayImport === undefined) return `${from} has no place in the order of modules: give it one in tools/check-arrows.ts`;
  if (isDomain(from) && isDomain(to)) {
    return target === `server/${to}/index.ts` || target === `server/${to}/interface.ts` ? null : `${from} imports the inside of ${to}: domains meet only through its index.ts or interface.ts`;
  }
  if (from === declaration && to === 'openapi') return `${declaration} may import only kernel and contract`;
  // The declaration is the gateway's own file.
  if (mayImport.includes(to) || (from === 'openapi' && to === declaration)) return null;
  return `${from} may not import ${to}; it may import ${mayImport.join(', ') || 'nothing but itself'}`;
}

function isDomain(part: Part): boolean {
  return part.startsWith('platform/');
}

/** Each cycle is reported once, at one of the imports that close it. Arrows that are forbidden anyway are left out. */
function findCycles(imports: readonly Import[]): Breach[] {
  const arrows = new Map<Part, Map<Part, Import>>();
  for (const entry of imports) {
    const from = partOf(entry.file);
    const to = partOf(entry.target);
    if (from === to || from === composition || brokenRule(entry) !== null) continue;
    const targets = arrows.get(from) ?? new Map<Part, Import>();
    if (!targets.has(to)) targets.set(to, entry);
    arrows.set(from, targets);
  }
  const breaches: Breach[] = [];
  const finished = new Set<Part>();
  const visit = (part: Part, path: readonly Part[]): void => {
    for (const [to, entry] of arrows.get(part) ?? []) {
      const start = path.indexOf(to);
      if (start >= 0) breaches.push({ file: entry.file, line: entry.line, rule: `closes a cycle: ${[...path.slice(start), to].join(' -> ')}` });
      else if (!finished.has(to)) visit(to, [...path, to]);
    }
    finished.add(part);
  };
  for (const part of arrows.keys()) if (!finished.has(part)) visit(part, [part]);
  return breaches;
}

if (process.argv[1] === import.meta.filename) {
  const root = process.argv[2] ?? dirname(import.meta.dirname);
  const breaches = findBreaches(root);
  for (const { file, line, rule } of breaches) process.stdout.write(`${relative(process.cwd(), join(root, file))}:${line}: ${rule}\n`);
  if (breaches.length > 0) process.exitCode = 1;
}
