import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOperation } from '../../contract/index.ts';
import { trimFor } from './trim.ts';

test('an answer keeps what its version of the contract has, at any depth, and maps as they are', () => {
  const operation = findOperation('dataworks-public', '2020-05-18', 'ListInstances');
  assert.ok(operation);
  const trimmed = trimFor(operation.response)({ Success: true, Extra: 1, Data: { PageNumber: 1, Instances: [{ InstanceId: 5, Unknown: 'x' }, { InstanceId: 6 }], More: {} } });
  assert.deepEqual(trimmed, { Success: true, Data: { PageNumber: 1, Instances: [{ InstanceId: 5 }, { InstanceId: 6 }] } });
  const batch = findOperation('dataworks-public', '2024-05-18', 'RerunTaskInstances');
  assert.ok(batch);
  assert.deepEqual(trimFor(batch.response)({ SuccessInfo: { '5': { Success: true, Message: '' } } }), { SuccessInfo: { '5': { Success: true, Message: '' } } });
});
