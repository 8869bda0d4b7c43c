/**
 * Runs everything: the checks, then all test files on one PostgreSQL.
 *
 *     npm test                   everything
 *     npm test -- <file> ...     only these test files
 *
 * MILLRACE_TEST_HELD_FLOOR_MS=300 keeps the event log readable only up to 0.3 s ago, as a busy machine does now and then: it shows tests that do not wait.
 * MILLRACE_TEST_DATABASE_URL names another PostgreSQL (15 or newer, a role that may create databases) to run on.
 */

import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { serverVariable, templateVariable } from '../test/support/database.ts';
import { root, runChecks, timed } from './steps.ts';
import { holdFloor, startTestServer, type TestServer } from './test-server.ts';

const testedFolders = ['server', 'test', 'tools', 'contract', 'console', 'examples', 'packages'];

/** Test files at once. They share two cores with PostgreSQL. */
const concurrency = 2;
/** No test file takes this long; one that hangs must not hang the whole run. */
const longestMs = 15 * 60_000;

const given = process.argv.slice(2);
const files = given.length > 0 ? given.map((path) => relative(root, resolve(path))) : findTestFiles();
const missing = files.filter((path) => !existsSync(join(root, path)));
if (missing.length > 0) {
  process.stderr.write(`no such test file: ${missing.join(', ')}\n`);
  process.exit(1);
}

const failed = given.length > 0 ? [] : await runChecks();

let server: TestServer | undefined;
const started = await timed('PostgreSQL for the tests', async () => {
  try {
    server = await startTestServer();
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
});
if (started && server !== undefined) {
  const heldMs = Number(process.env['MILLRACE_TEST_HELD_FLOOR_MS'] ?? 0);
  const release = heldMs > 0 ? await holdFloor(server.url, heldMs) : undefined;
  const passed = await runTests(server);
  await release?.();
  await server.end();
  if (!passed) process.exitCode = 1;
} else {
  failed.push('PostgreSQL for the tests');
}
if (failed.length > 0) {
  process.stderr.write(`Failed before the tests: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}

function findTestFiles(): string[] {
  return testedFolders.flatMap((folder) => {
    if (!existsSync(join(root, folder))) return [];
    return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.test.ts') && !/(^|\/)(node_modules|dist)\//.test(path))
      .map((path) => join(folder, path))
      .toSorted();
  });
}

/** Runs the test files with node's own runner, whose closing lines are the last of the output. */
async function runTests(testServer: TestServer): Promise<boolean> {
  process.stdout.write(`Tests: ${files.length} files\n`);
  const options = ['--test', `--test-concurrency=${concurrency}`, `--test-timeout=${longestMs}`, '--test-reporter=spec'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...options, ...files], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, [serverVariable]: testServer.url, [templateVariable]: testServer.template },
  });
  // The database must be stopped whatever ends the run, so a signal ends the tests and the rest follows.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return await new Promise((done) => {
    child.once('error', () => done(false));
    child.once('close', (code) => done(code === 0));
  });
}
