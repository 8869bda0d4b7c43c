import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { contracts } from '../../contract/index.ts';

/** Nothing that the console does is impossible by API: each of its requests is an operation of a contract. */

const source = join(import.meta.dirname, '..', '..', 'console', 'src');
const names: Readonly<Record<string, string>> = { own: 'open-platform/2026-12-01', current: 'dataworks-public/2024-05-18', legacy: 'dataworks-public/2020-05-18' };
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(source, name), 'utf8') }));

function calls(): { file: string; contract: string; action: string }[] {
  const pattern = /\b(?:call|useRead|useWrite)\(\s*(?:(own|current|legacy)|'([^']+)'),\s*'(\w+)'/g;
  return files.flatMap(({ name, text }) => [...text.matchAll(pattern)].map(([, alias = '', address, action = '']) => ({ file: name, contract: address ?? names[alias] ?? '', action })));
}

test('each call of the console is in the contract', () => {
  const found = calls();
  assert.ok(found.length > 80, `only ${found.length} calls were found`);
  for (const { file, contract, action } of found) {
    const operations = [...contracts.values()].find((one) => `${one.product}/${one.version}` === contract)?.operations;
    assert.ok(operations?.has(action), `${file} calls ${contract} ${action}, which is in no contract`);
  }
});

test('every call goes through the one client', () => {
  const allowed = new Map([
    ['api/client.ts', /fetch\(`\/api\/\$\{contract\}\/\$\{action\}`/g],
    ['api/document.ts', /fetch\('\/openapi\.json'/g],
    ['pages/administration/health.tsx', /fetch\('\/(?:readyz|metrics)'/g],
    // The signed door, as any program uses it.
    ['pages/openapi/operation-form.tsx', /fetch\(request\.url/g],
  ]);
  for (const { name, text } of files) {
    const fetches = text.match(/(?<![\w.])fetch\(|new WebSocket|new EventSource|XMLHttpRequest|sendBeacon/g)?.length ?? 0;
    const known = text.match(allowed.get(name.replaceAll('\\', '/')) ?? /$^/g)?.length ?? 0;
    assert.equal(fetches, known, `${name} asks the server past the client`);
  }
});

test('a change of anything that the console takes in from outside its folder builds it anew', async () => {
  const root = join(source, '..', '..');
  const { outsideSources } = (await import(pathToFileURL(join(root, 'tools', 'launch', 'console.mjs')).href)) as { outsideSources: readonly string[] };
  const taken = files.flatMap(({ name, text }) =>
    [...text.matchAll(/^import (?!type )[^;]*? from '(\.[^']+)'/gm)]
      .map(([, path = '']) => relative(root, resolve(source, name, '..', path)).replaceAll('\\', '/'))
      .filter((path) => !path.startsWith('console/')),
  );
  assert.deepEqual([...new Set(taken)].filter((path) => !outsideSources.includes(path)), []);
  assert.ok(taken.length > 0);
});
