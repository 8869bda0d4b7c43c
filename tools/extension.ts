/**
 * Tries an extension out on recorded operations before anything waits for it.
 *
 *     npm run extension -- dev --url http://127.0.0.1:9000/check --project 501 [--point commit-file ...] [--form HTTP | FUNCTION]
 *                              [--server http://127.0.0.1:8080] [--last 20] [--code dev] [--keep]
 *
 * The AccessKey stands in MILLRACE_ACCESS_KEY_ID and MILLRACE_ACCESS_KEY_SECRET; its user writes the Open Platform and administers the workspace.
 */
import { parseArgs } from 'node:util';
import { dev } from './extension/dev.ts';

const usage = 'usage: npm run extension -- dev --url <address of the program> --project <workspace id> [--point <event code>]... [--form HTTP|FUNCTION] [--server <url>] [--last <count>] [--code <code>] [--keep]';

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      args: process.argv.slice(2).filter((argument) => argument !== '--'),
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        project: { type: 'string' },
        point: { type: 'string', multiple: true },
        form: { type: 'string', default: 'HTTP' },
        server: { type: 'string', default: process.env['MILLRACE_URL'] ?? 'http://127.0.0.1:8080' },
        last: { type: 'string', default: '20' },
        code: { type: 'string', default: 'dev' },
        keep: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return fail(`${(error as Error).message}\n${usage}`);
  }
}

const { values, positionals } = readArguments();
const accessKeyId = process.env['MILLRACE_ACCESS_KEY_ID'];
const accessKeySecret = process.env['MILLRACE_ACCESS_KEY_SECRET'];
if (positionals[0] !== 'dev' || values.url === undefined || !/^\d+$/.test(values.project ?? '') || !/^\d+$/.test(values.last)) fail(usage);
if (values.form !== 'HTTP' && values.form !== 'FUNCTION') fail(usage);
if (!accessKeyId || !accessKeySecret) fail('MILLRACE_ACCESS_KEY_ID and MILLRACE_ACCESS_KEY_SECRET are not set.');

try {
  await dev({
    url: values.url,
    server: values.server,
    accessKeyId,
    accessKeySecret,
    projectId: Number(values.project),
    points: values.point ?? ['commit-file', 'deploy-file'],
    form: values.form,
    code: values.code,
    last: Number(values.last),
    keep: values.keep,
    say: (line) => void process.stdout.write(`${line}\n`),
  });
} catch (error) {
  fail((error as Error).message);
}
