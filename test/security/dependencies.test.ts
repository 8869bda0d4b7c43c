import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { auditPackages } from '../../tools/audit/packages.ts';
import { root } from '../../tools/steps.ts';

test('every package is pinned, installed as it was locked, and has a licence that we take', () => {
  const { packages, faults } = auditPackages(root);
  assert.ok(packages.length > 100);
  assert.deepEqual(faults, []);
});

test('the same holds for the peers of the benchmarks, of which nothing ships', () => {
  const { packages, faults } = auditPackages(join(root, 'bench', 'peers'), { tools: true });
  assert.ok(packages.some(({ name }) => name === 'bullmq'));
  assert.ok(packages.every(({ ships }) => !ships));
  assert.deepEqual(faults, []);
});

test('the audit tells a package without a hash, from elsewhere, of another version, with another licence, and a loose version', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-audit-'));
  try {
    mkdirSync(join(folder, 'node_modules', 'a'), { recursive: true });
    writeFileSync(join(folder, 'node_modules', 'a', 'package.json'), '{"version":"1.0.1"}');
    writeFileSync(join(folder, 'package.json'), '{"dependencies":{"a":"^1.0.0"}}');
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0', license: 'GPL-3.0', resolved: 'https://elsewhere.example/a.tgz' } } }));
    const { faults } = auditPackages(folder);
    for (const part of ['no hash', 'elsewhere.example', 'installed as 1.0.1', 'GPL-3.0', 'not one exact version']) assert.ok(faults.some((fault) => fault.includes(part)), part);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
