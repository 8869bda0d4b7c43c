import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { fill, type Catalogue } from '../../console/src/text/catalogue.ts';
import { eventModules, eventNames, eventTriggers } from '../../console/src/text/event-types.ts';
import { roleDescriptions, roleNames } from '../../console/src/text/roles.ts';
import { tenantRoles, workspaceRoles } from '../../server/identity/roles.ts';
import { eventTypes } from '../../server/openevent/catalogue.ts';

const source = join(import.meta.dirname, '..', '..', 'console', 'src');

async function catalogues(): Promise<{ name: string; catalogue: Catalogue }[]> {
  const found: { name: string; catalogue: Catalogue }[] = [];
  for (const file of readdirSync(join(source, 'text')).filter((name) => name.endsWith('.ts') && name !== 'catalogue.ts')) {
    const module = (await import(pathToFileURL(join(source, 'text', file)).href)) as Record<string, Catalogue>;
    for (const [name, catalogue] of Object.entries(module)) found.push({ name, catalogue });
  }
  return found;
}

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).toSorted();

test('every text of the console is there in English and Chinese, with the same values in it', async () => {
  const all = await catalogues();
  assert.ok(all.length >= 8);
  for (const { name, catalogue } of all) {
    for (const [key, [en, zh]] of Object.entries(catalogue)) {
      assert.ok(en.trim() !== '' && zh.trim() !== '', `${name} ${key}`);
      assert.deepEqual(placeholders(en), placeholders(zh), `${name} ${key}`);
      assert.ok(!/\p{Script=Han}/u.test(en) || key === 'to-other-language', `${name} ${key}: Chinese in the English text`);
    }
  }
});

test('every event of the catalogue and every built-in role has its names, the same ones that the server tells', () => {
  assert.deepEqual(eventNames, Object.fromEntries(eventTypes.map((type) => [type.eventCode, [type.name, type.nameZh]])));
  const english = (catalogue: Catalogue) => Object.fromEntries(Object.entries(catalogue).map(([key, [en]]) => [key, en]));
  assert.deepEqual(english(eventTriggers), Object.fromEntries(eventTypes.map((type) => [type.eventCode, type.trigger])));
  assert.deepEqual(english(eventModules), Object.fromEntries(eventTypes.map((type) => [type.module, type.module])));
  assert.deepEqual(english(roleNames), Object.fromEntries([...tenantRoles, ...workspaceRoles].map((role) => [role.code, role.name])));
  assert.deepEqual(english(roleDescriptions), Object.fromEntries(tenantRoles.map((role) => [role.code, role.description])));
});

test('a value that is not given leaves its place standing', () => {
  assert.equal(fill('{n} of {all}', { n: 3 }), '3 of {all}');
});

test('no view has a text of its own beside the catalogues', () => {
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tsx'))) {
    const text = readFileSync(join(source, file), 'utf8');
    // Words between tags, and in the attributes that people read.
    const words = [...text.matchAll(/>\s*([A-Z][a-z]+(?: [a-z]+)+)\s*</g), ...text.matchAll(/(?:title|aria-label|placeholder)="([A-Z][a-z]+ [a-z][^"]*)"/g)].map((match) => match[1]);
    assert.deepEqual(words, [], file);
    if (file !== 'text/language.tsx') assert.ok(!/\p{Script=Han}/u.test(text.replaceAll('业务流程', '')), `${file} has Chinese outside the catalogues`);
  }
});
