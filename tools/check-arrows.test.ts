import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { findBreaches } from './check-arrows.ts';

function tree(context: TestContext, files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-arrows-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function places(root: string): string[] {
  return findBreaches(root).map(({ file, line }) => `${file}:${line}`);
}

test('a house whose arrows go down has no breach', (context) => {
  const root = tree(context, {
    'contract/index.ts': `import { a } from './load.ts'`,
    'server/main.ts': `import './modules.ts'\nimport { x } from './platform/studio/store.ts'`,
    'server/modules.ts': `import { y } from './kernel/a.ts'\nimport { z } from './platform/studio/index.ts'`,
    'server/kernel/a.ts': `import { b } from './deep/b.ts'\nimport { Client } from 'pg'\nimport { join } from 'node:path'`,
    'server/identity/a.ts': `import type { Operation } from '../openapi/declare.ts'\nimport { b } from '../kernel/a.ts'`,
    'server/openapi/declare.ts': `import type { b } from '../kernel/a.ts'`,
    'server/openapi/gateway.ts': `import { a } from '../identity/a.ts'\nimport { d } from './declare.ts'`,
    'server/openevent/log.ts': `import { a } from '../identity/a.ts'`,
    'server/extensions/hold.ts': `import { l } from '../openevent/log.ts'\nimport type { O } from '../openapi/declare.ts'`,
    'server/platform/studio/index.ts': `import { g } from '../../openapi/gateway.ts'\nimport { c } from '../../../contract/index.ts'`,
    'server/platform/studio/operations/files.ts': `import { s } from '../store.ts'`,
    'server/platform/deployment/index.ts': `import { s } from '../studio/index.ts'`,
    'server/kernel/a.test.ts': `import { t } from '../../test/support/database.ts'\nimport { p } from '../platform/studio/store.ts'`,
  });
  assert.deepEqual(findBreaches(root), []);
});

const forbidden: readonly [name: string, file: string, specifier: string][] = [
  ['kernel to identity', 'server/kernel/a.ts', '../identity/a.ts'],
  ['kernel to contract', 'server/kernel/a.ts', '../../contract/index.ts'],
  ['identity to the gateway', 'server/identity/a.ts', '../openapi/gateway.ts'],
  ['gateway to events', 'server/openapi/a.ts', '../openevent/log.ts'],
  ['gateway to extensions', 'server/openapi/a.ts', '../extensions/hold.ts'],
  ['gateway to a domain', 'server/openapi/a.ts', '../platform/studio/index.ts'],
  ['events to extensions', 'server/openevent/a.ts', '../extensions/hold.ts'],
  ['extensions to the gateway', 'server/extensions/a.ts', '../openapi/gateway.ts'],
  ['extensions to a domain', 'server/extensions/a.ts', '../platform/studio/index.ts'],
  ['the declaration to the gateway', 'server/openapi/declare.ts', './gateway.ts'],
  ['the declaration to identity', 'server/openapi/declare.ts', '../identity/a.ts'],
  ['a domain to the inside of another', 'server/platform/deployment/a.ts', '../studio/store.ts'],
  ['a domain to the composition', 'server/platform/studio/a.ts', '../../modules.ts'],
  ['the kernel to the composition', 'server/kernel/a.ts', '../main.ts'],
  ['the server to a test aid', 'server/kernel/a.ts', '../../test/support/database.ts'],
  ['the composition to a tool', 'server/main.ts', '../tools/test.ts'],
  ['the contract to the server', 'contract/index.ts', '../server/kernel/a.ts'],
  ['an unknown folder', 'server/helpers/a.ts', '../kernel/a.ts'],
  ['what the domains have in common to a door', 'server/platform/dialect.ts', '../openevent/log.ts'],
];
for (const [name, file, specifier] of forbidden) {
  test(`forbidden: ${name}`, (context) => {
    assert.deepEqual(places(tree(context, { [file]: `\nimport { a } from '${specifier}'\n` })), [`${file}:2`]);
  });
}

test('every form of import is seen, and text in comments is not', (context) => {
  const root = tree(context, {
    'server/kernel/a.ts': [
      `import '../identity/a.ts'`,
      `import type {`,
      `  A,`,
      `} from '../identity/a.ts'`,
      `export * from '../identity/a.ts'`,
      `export { a } from "../identity/a.ts"`,
      `const b = await import('../identity/a.ts')`,
      `let c: import('../identity/a.ts').C`,
      `// import { a } from '../identity/a.ts'`,
      `/**`,
      ` * import { a } from '../identity/a.ts' or import('../identity/a.ts')`,
      ` */`,
    ].join('\n'),
  });
  assert.deepEqual(
    findBreaches(root).map(({ line }) => line),
    [1, 4, 5, 6, 7, 8],
  );
});

test('a cycle of domains is named', (context) => {
  const root = tree(context, {
    'server/platform/a/index.ts': `import { b } from '../b/index.ts'`,
    'server/platform/b/index.ts': `import { c } from '../c/index.ts'`,
    'server/platform/c/index.ts': `import { a } from '../a/index.ts'`,
  });
  assert.deepEqual(findBreaches(root), [
    { file: 'server/platform/c/index.ts', line: 1, rule: 'closes a cycle: platform/a -> platform/b -> platform/c -> platform/a' },
  ]);
});

test('the command prints file, line and rule and fails', (context) => {
  const root = tree(context, { 'server/kernel/a.ts': `import '../identity/a.ts'` });
  const command = (folder: string) => execFileSync(process.execPath, [join(import.meta.dirname, 'check-arrows.ts'), folder], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  assert.throws(() => command(root), {
    status: 1,
    stdout: 'server/kernel/a.ts:1: kernel may not import identity; it may import nothing but itself\n',
  });
  assert.equal(command(tree(context, {})), '');
});
