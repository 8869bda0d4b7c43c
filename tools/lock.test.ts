import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const lockModule = pathToFileURL(join(import.meta.dirname, 'launch', 'lock.mjs')).href;

/** Takes the lock, notes that it has it, keeps it a moment and notes that it gives it back. */
const holder = (path: string, notes: string) => `
  import { appendFileSync } from 'node:fs';
  import { setTimeout } from 'node:timers/promises';
  const { withLock } = await import(${JSON.stringify(lockModule)});
  await withLock(${JSON.stringify(path)}, 'tests', async () => {
    appendFileSync(${JSON.stringify(notes)}, 'in ');
    await setTimeout(150);
    appendFileSync(${JSON.stringify(notes)}, 'out ');
  });
`;

test('one process at a time has the lock, whatever command it was started with', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const [path, notes] = [join(folder, 'lock'), join(folder, 'notes')];
  const ends = [1, 2, 3].map(
    () =>
      new Promise<number | null>((resolve) => {
        spawn(process.execPath, ['--input-type=module', '--eval', holder(path, notes)], { stdio: 'ignore' }).once('close', resolve);
      }),
  );
  assert.deepEqual(await Promise.all(ends), [0, 0, 0]);
  assert.equal(readFileSync(notes, 'utf8'), 'in out in out in out ');
});

test('the lock of a process that has died, or whose number is another now, is taken over', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const [path, notes] = [join(folder, 'lock'), join(folder, 'notes')];
  const dead = spawnSync(process.execPath, ['--version']).pid;
  const owners = process.platform === 'linux' ? [`${dead} 1`, `${process.pid} 1`] : [`${dead} `];
  for (const owner of owners) {
    mkdirSync(path);
    writeFileSync(join(path, 'pid'), owner);
    assert.equal(spawnSync(process.execPath, ['--input-type=module', '--eval', holder(path, notes)], { timeout: 30_000 }).status, 0);
  }
  assert.equal(readFileSync(notes, 'utf8'), 'in out '.repeat(owners.length));
});
