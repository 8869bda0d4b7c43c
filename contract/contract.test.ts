import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contracts, fileTypeByCommand, fileTypeByNumber, fileTypes, findOperation } from './index.ts';
import type { Node } from './index.ts';

function* nodesWithin(node: Node, path: string): Generator<[string, Node]> {
  yield [path, node];
  if (node.type === 'array') yield* nodesWithin(node.items, `${path}[]`);
  if (node.type === 'map') yield* nodesWithin(node.values, `${path}{}`);
  if (node.type === 'object') {
    for (const [name, child] of Object.entries(node.properties)) yield* nodesWithin(child, `${path}.${name}`);
  }
}

test('the contracts have all operations', () => {
  // The vendor's versions have a known number of operations; our own product grows.
  assert.equal(contracts.get('dataworks-public/2020-05-18')?.operations.size, 315);
  assert.equal(contracts.get('dataworks-public/2024-05-18')?.operations.size, 358);
  assert.deepEqual([...contracts.keys()], ['dataworks-public/2020-05-18', 'dataworks-public/2024-05-18', 'open-platform/2026-12-01', 'OpenPlatform/2019-12-19']);
});

test('every node has a known type and what its type needs', () => {
  const types = new Set(['string', 'boolean', 'int32', 'int64', 'float', 'double', 'array', 'object', 'map', 'any']);
  for (const contract of contracts.values()) {
    for (const operation of contract.operations.values()) {
      for (const root of [...operation.parameters, operation.response]) {
        for (const [path, node] of nodesWithin(root, operation.name)) assert.ok(types.has(node.type), path);
      }
    }
  }
});

test('every operation answers RequestId, has access, and parameters of one name only once', () => {
  for (const contract of contracts.values()) {
    for (const operation of contract.operations.values()) {
      assert.ok(operation.response.properties['RequestId'], operation.name);
      assert.ok(['read', 'write'].includes(operation.access), operation.name);
      assert.equal(new Set(operation.parameters.map((parameter) => parameter.name)).size, operation.parameters.length);
    }
  }
});

test('structured parameters have an encoding, scalars have none', () => {
  for (const contract of contracts.values()) {
    for (const operation of contract.operations.values()) {
      for (const parameter of operation.parameters) {
        const structured = ['array', 'object', 'map'].includes(parameter.type);
        assert.equal(parameter.encoding !== 'none', structured, `${operation.name}.${parameter.name}`);
      }
    }
  }
});

test('replacements and paging fields exist', () => {
  for (const contract of contracts.values()) {
    for (const operation of contract.operations.values()) {
      if (operation.replacedBy !== undefined) {
        const [action, version] = operation.replacedBy.split('/').toReversed();
        assert.ok(findOperation(contract.product, version ?? contract.version, action ?? ''), operation.replacedBy);
      }
      for (const path of operation.pagination.responseFields) {
        const fields = [...nodesWithin(operation.response, '')].map(([field]) => field.replaceAll('[]', ''));
        assert.ok(fields.includes(`.${path}`), `${operation.name} ${path}`);
      }
    }
  }
});

test('operations are sorted by name in every file', () => {
  for (const contract of contracts.values()) {
    const names = [...contract.operations.keys()];
    assert.deepEqual(names, names.toSorted());
  }
});

test('a former action leads to the present one, an unknown one nowhere', () => {
  assert.equal(findOperation('dataworks-public', '2024-05-18', 'CreateDeployment')?.name, 'CreatePipelineRun');
  assert.equal(findOperation('dataworks-public', '2020-05-18', 'GetDeployment')?.name, 'GetDeployment');
  assert.equal(findOperation('dataworks-public', '2020-05-18', 'constructor'), undefined);
  assert.equal(findOperation('dataworks-public', '2020-05-18', 'getfile'), undefined);
  assert.equal(findOperation('dataworks-public', '1999-01-01', 'GetFile'), undefined);
});

test('access follows the name, save where the name misleads', () => {
  const access = (action: string): string | undefined => findOperation('dataworks-public', '2020-05-18', action)?.access;
  assert.equal(access('ListFiles'), 'read');
  assert.equal(access('CreateFile'), 'write');
  assert.equal(access('TopTenErrorTimesInstance'), 'read');
  assert.equal(access('CheckFileDeployment'), 'write');
});

test('our own operations all have a summary', () => {
  for (const operation of contracts.get('open-platform/2026-12-01')?.operations.values() ?? []) {
    assert.ok((operation.summary ?? '').length > 10, operation.name);
  }
});

test('no parameter of ours has the name of one that a V1 signature brings along', () => {
  // A V1 call that deletes the key `AccessKeyId` would delete the caller's own.
  const taken = new Set(['AccessKeyId', 'Action', 'Version', 'Format', 'Timestamp', 'Signature', 'SignatureMethod', 'SignatureVersion', 'SignatureNonce', 'SignatureType', 'SecurityToken', 'RegionId']);
  for (const operation of contracts.get('open-platform/2026-12-01')?.operations.values() ?? []) {
    for (const parameter of operation.parameters) assert.ok(!taken.has(parameter.name), `${operation.name}.${parameter.name}`);
  }
});

test('file types are found by number, command and other spelling', () => {
  const numbers = fileTypes.flatMap((type) => type.number ?? []);
  assert.equal(new Set(numbers).size, numbers.length);
  const runnerOf = Object.fromEntries(fileTypes.flatMap((type) => (type.runnable === undefined ? [] : [[type.command, type.runnable]])));
  const some = ['DIDE_SHELL', 'ODPS_SQL', 'VIRTUAL', 'PYODPS3', 'POSTGRESQL', 'MYSQL', 'HTTP', 'EMR_HIVE'].map((command) => runnerOf[command]);
  assert.deepEqual(some, ['shell', 'duckdb', 'none', 'python', 'postgresql', 'mysql', 'http', undefined]);
  assert.equal(fileTypeByNumber.get(10)?.command, 'ODPS_SQL');
  assert.equal(fileTypeByCommand.get('PYODPS')?.number, 221);
  assert.equal(fileTypeByCommand.get('HOLOGRES_DEVELOP')?.number, 1091);
});
