import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPath } from './names.ts';

test('a folder may have the name of a member that every object has', () => {
  assert.deepEqual(readPath('FolderPath', 'constructor/toString'), ['constructor', 'toString']);
});

test('other spellings of the roots are read as the roots', () => {
  assert.deepEqual(readPath('FolderPath', '/Business Flow//shop/'), ['业务流程', 'shop']);
});
