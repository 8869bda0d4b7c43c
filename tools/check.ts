/**
 * The checks that need no database: types, lint, architecture, generated files.
 *
 *     npm run check
 */

import { runChecks } from './steps.ts';

const failed = await runChecks();
if (failed.length > 0) process.exitCode = 1;
