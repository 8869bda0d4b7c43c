// Keeps node_modules equal to package-lock.json. The hash of the lock file is stored inside node_modules after a complete
// installation: the folder is emptied before one begins, so an interrupted one leaves no stamp and is repeated.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join, sep } from 'node:path';
import { withLock } from './lock.mjs';
import { step } from './step.mjs';

const stampName = '.millrace-lock';

/** Installs the packages of the lock file under `root` if they are missing, outdated or incomplete. */
export async function installPackages(root) {
  const lockText = readFileSync(join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lockText).digest('hex');
  if (isStamped(root, hash)) return;
  await withLock(join(root, '.cache', 'install.lock'), 'installs packages', async () => {
    if (isStamped(root, hash)) return;
    // A developer's own `npm install` is as good as ours.
    const lock = JSON.parse(lockText.toString('utf8'));
    if (!isComplete(root, lock)) await runNpm(root, lock);
    writeFileSync(join(root, 'node_modules', stampName), hash);
  });
}

function isStamped(root, hash) {
  try {
    return readFileSync(join(root, 'node_modules', stampName), 'utf8') === hash;
  } catch {
    return false;
  }
}

/** Compares npm's own record of what it installed with the lock file, package by package. */
function isComplete(root, lock) {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
  } catch {
    return false;
  }
  const ownOptional = new Set(Object.keys(lock.packages['']?.optionalDependencies ?? {}).map((name) => `node_modules/${name}`));
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (path === '' || !fitsPlatform(wanted)) continue;
    const found = installed[path];
    // What only a package for another platform needs is optional to npm and left out with it; our own optional packages are all wanted.
    if (found === undefined && wanted.optional === true && !ownOptional.has(path)) continue;
    if (found === undefined || found.integrity !== wanted.integrity || !existsSync(join(root, path, 'package.json'))) return false;
  }
  return true;
}

function fitsPlatform({ os, cpu, libc }) {
  // Which C library runs here is not worth finding out: a package bound to one may be absent.
  return accepts(os, process.platform) && accepts(cpu, process.arch) && libc === undefined;
}

function accepts(allowed, value) {
  const list = [allowed ?? []].flat();
  if (list.includes(`!${value}`)) return false;
  const positive = list.filter((entry) => !entry.startsWith('!'));
  return positive.length === 0 || positive.includes(value);
}

async function runNpm(root, lock) {
  requireSync(root, lock);
  const { program, args } = findNpm(root);
  // As `npm ci` does, begin with nothing: npm takes a half-unpacked package for a complete one. `npm ci` itself insists on an
  // entry for every platform's variant of a package, and fails where a registry does not offer them all.
  rmSync(join(root, 'node_modules'), { recursive: true, force: true });
  // NODE_ENV=production or an npmrc must not leave out the optional packages: the database and Node itself are among them.
  const install = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--include=optional', '--include=dev'];
  await step('Installing packages (about 450 MB, once)', program, [...args, ...install], { cwd: root, env: npmEnvironment() });
}

/** Refuses a lock file that is older than package.json: npm would choose versions by itself. */
function requireSync(root, lock) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (listWanted(manifest) === listWanted(lock.packages[''])) return;
  throw new Error('package-lock.json does not fit package.json. Run "npm install --ignore-scripts" and commit the lock file.');
}

/** All wanted packages in one list: an optional one may stand among the others too. */
function listWanted({ dependencies, devDependencies, optionalDependencies }) {
  return JSON.stringify(Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).toSorted());
}

/** npm sets variables for the script it runs; the npm started here must read its settings afresh, or it takes them over. */
function npmEnvironment() {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^npm_(lifecycle_.*|package_.*|command|config_(omit|include|only|production|dry_run|global|workspaces?))$/i.test(name)) delete env[name];
  }
  return env;
}

function findNpm(root) {
  const running = process.env.npm_execpath;
  // Under another package manager the variable names that one.
  if (running !== undefined && basename(running) === 'npm-cli.js' && existsSync(running)) {
    return { program: nodeOutsideModules(root), args: [running] };
  }
  const node = nodeOutsideModules(root);
  const beside = join(dirname(realpathSync(node)), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  if (existsSync(beside)) return { program: node, args: [beside] };
  return { program: 'npm', args: [] };
}

/** The carried Node lies in the folder that is emptied, so npm is run by another: the one that ran it before, or one in the search path. */
function nodeOutsideModules(root) {
  const inside = (file) => realpathSync(file).startsWith(join(realpathSync(root), 'node_modules') + sep);
  const named = process.platform === 'win32' ? 'node.exe' : 'node';
  const candidates = [process.env.npm_node_execpath, process.execPath, ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, named))];
  const found = candidates.find((file) => file !== undefined && existsSync(file) && !inside(file));
  if (found === undefined) throw new Error('The only Node here lies in node_modules, which must be installed anew. Run npm with the Node of the machine.');
  return found;
}
