/**
 * Holds the installed packages against the lock file and the licences we take, without the network.
 *
 *     npm run audit            what is wrong, and a count
 *     npm run audit -- --list  every package with version and licence
 *
 * Known vulnerabilities come from a registry's own list: `npm audit` asks for them.
 */
import { auditPackages } from './audit/packages.ts';
import { root } from './steps.ts';

const { packages, faults } = auditPackages(root);
if (process.argv.includes('--list')) for (const { name, version, licence, ships } of packages) process.stdout.write(`${name} ${version}  ${licence}${ships ? '' : '  (development)'}\n`);
const licences = new Map<string, number>();
for (const { licence } of packages) licences.set(licence, (licences.get(licence) ?? 0) + 1);
process.stdout.write(`${packages.length} packages in the lock file, ${packages.filter((one) => one.ships).length} of them ship; ${packages.filter((one) => one.installed).length} are installed here.\n`);
process.stdout.write(`Licences: ${[...licences].toSorted((a, b) => b[1] - a[1]).map(([licence, count]) => `${licence} ${count}`).join(', ')}.\n`);
for (const fault of faults) process.stderr.write(`${fault}\n`);
if (faults.length > 0) process.exitCode = 1;
else process.stdout.write('Each is pinned by its hash, is installed as it was locked, and has a licence that we take.\n');
