import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mentionsIn } from './mentions.ts';

const known: Readonly<Record<string, readonly string[]>> = { GetFile: ['2020-05-18', '2024-05-18'], DeployFile: ['2020-05-18', '2024-05-18'], GetHold: ['2026-12-01'] };
const found = (text: string, fixtures = '') => mentionsIn(text, fixtures, (action) => known[action] ?? []).map(({ action, version }) => `${version ?? '?'} ${action}`);

test('a call names its version itself, by a constant, by its helper, or by the only one there is', () => {
  assert.deepEqual(found(`await call('2024-05-18', 'GetFile', {})`), ['2024-05-18 GetFile']);
  assert.deepEqual(found(`await gateway.call(admin, old, 'GetFile', { Id: f(1) })`), ['2020-05-18 GetFile']);
  assert.deepEqual(found(`const mine = '2024-05-18';\nawait call(mine, 'GetFile')`), ['2024-05-18 GetFile']);
  assert.deepEqual(found(`const ask = (action: string) => call(legacy, action);\nconst other = current;\nawait ask('GetFile')`), ['2020-05-18 GetFile']);
  assert.deepEqual(found(`const other = current, one = legacy;\nawait ask('GetFile')`, `  ask: (action: string) => gateway.call(admin, '2024-05-18', action),`), ['2024-05-18 GetFile']);
  assert.deepEqual(found(`const call = (action: string, request = {}, version = current) => send(version, action);\nawait call('GetFile', { Version: current }, legacy)`), ['2020-05-18 GetFile']);
  assert.deepEqual(found(`await say('DeployFile', {}, developer, '2024-05-18')`), ['2024-05-18 DeployFile']);
  assert.deepEqual(found(`await call('GetHold', {})`), ['2026-12-01 GetHold']);
  assert.deepEqual(found(`const api = connect(dataworks20200518, options);\nawait api.GetFile({})`), ['2020-05-18 GetFile']);
});

test('refusals do not count, words that are no calls neither, and what is not told is not guessed', () => {
  assert.deepEqual(found(`await assert.rejects(call(legacy, 'GetFile', {}))`), []);
  assert.deepEqual(found(`const facts = { action: 'GetHold' };`), []);
  assert.deepEqual(found(`for (const action of ['GetHold']) await call(action);`), ['2026-12-01 GetHold']);
  assert.deepEqual(found(`const versions = [legacy, current];\nawait call(pick(), 'GetFile')`), ['? GetFile']);
});
