/**
 * Holds the installed packages against the lock files and the licences we take, without the network: those of the project, and the peers of the benchmarks.
 *
 *     npm run audit            what is wrong, and a count
 *     npm run audit -- --list  every package with version and licence
 *
 * Known vulnerabilities come from a registry's own list: `npm audit` asks for them.
 */
import { join } from 'node:path';
import { auditPackages } from './audit/packages.ts';
import { root } from './steps.ts';

const audits = [
  { lock: 'package-lock.json', ...auditPackages(root) },
  { lock: 'bench/peers/package-lock.json', ...auditPackages(join(root, 'bench', 'peers'), { tools: true }) },
];
for (const { lock, packages } of audits) {
  if (process.argv.includes('--list')) for (const { name, version, licence, ships } of packages) process.stdout.write(`${name} ${version}  ${licence}${ships ? '' : '  (development)'}\n`);
  const licences = new Map<string, number>();
  for (const { licence } of packages) licences.set(licence, (licences.get(licence) ?? 0) + 1);
  process.stdout.write(`${lock}: ${packages.length} packages, ${packages.filter((one) => one.ships).length} of them ship; ${packages.filter((one) => one.installed).length} are installed here.\n`);
  process.stdout.write(`Licences: ${[...licences].toSorted((a, b) => b[1] - a[1]).map(([licence, count]) => `${licence} ${count}`).join(', ')}.\n`);
}
const faults = audits.flatMap((audit) => audit.faults);
for (const fault of faults) process.stderr.write(`${fault}\n`);
if (faults.length > 0) process.exitCode = 1;
else process.stdout.write('Each is pinned by its hash, is installed as it was locked, and has a licence that we take.\n');
