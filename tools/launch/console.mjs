// Builds the web console when its sources have changed since the last build.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { step } from './step.mjs';

/** What the console takes in from outside its folder. Another version of a library gives another console, so the lock file counts. */
export const outsideSources = ['package-lock.json', 'contract/file-types.json', 'server/identity/roles.ts', 'server/openapi/plans.ts'];

/** Builds `console/dist` if it is missing or older than the sources. A checkout without a console has nothing to build. */
export async function buildConsole(root, node, env) {
  const folder = join(root, 'console');
  if (!existsSync(join(folder, 'index.html'))) return;
  const hash = hashSources(root, folder);
  const stamp = join(folder, 'dist', '.sources');
  const isBuilt = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
  if (isBuilt()) return;
  await withLock(join(root, '.cache', 'console.lock'), 'builds the console', async () => {
    if (isBuilt()) return;
    const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
    await step('Building the console', node, [vite, 'build', 'console'], { cwd: root, env });
    writeFileSync(stamp, hash);
  });
}

function hashSources(root, folder) {
  const hash = createHash('sha256');
  for (const file of outsideSources) hash.update(readFileSync(join(root, file)));
  for (const entry of listFiles(folder, '')) hash.update(`\0${entry}\0`).update(readFileSync(join(folder, entry)));
  return hash.digest('hex');
}

function listFiles(folder, prefix) {
  const files = readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isFile()) return [path];
    return entry.isDirectory() && path !== 'dist' && entry.name !== 'node_modules' ? listFiles(folder, path) : [];
  });
  return files.toSorted();
}
