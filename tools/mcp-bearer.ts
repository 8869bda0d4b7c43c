/**
 * Makes the bearer with which a client of the Model Context Protocol speaks to /mcp.
 *
 *     MILLRACE_ACCESS_KEY_ID=... MILLRACE_ACCESS_KEY_SECRET=... node tools/mcp-bearer.ts [days]
 *
 * The key comes from the environment, so that its secret stands in no command line. 30 days when none are named.
 */

import { mcpBearer } from '../packages/client/src/mcp.ts';

const { MILLRACE_ACCESS_KEY_ID: accessKeyId = '', MILLRACE_ACCESS_KEY_SECRET: accessKeySecret = '' } = process.env;
const days = Number(process.argv[2] ?? 30);
if (accessKeyId === '' || accessKeySecret === '' || !(days > 0 && days <= 90)) {
  process.stderr.write('usage: MILLRACE_ACCESS_KEY_ID=... MILLRACE_ACCESS_KEY_SECRET=... node tools/mcp-bearer.ts [days, at most 90]\n');
  process.exitCode = 1;
} else {
  process.stdout.write(`${mcpBearer({ accessKeyId, accessKeySecret }, new Date(Date.now() + days * 86_400_000))}\n`);
}
