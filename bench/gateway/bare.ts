/** The peer: one Fastify route that reads the row of a workspace through the same pool and query, and nothing else. */
import fastify from 'fastify';
import { openDatabase } from '../../server/kernel/database.ts';
import { limits } from '../../server/kernel/limits.ts';
import { workspaceById } from '../../server/platform/workspaces/store.ts';

const database = openDatabase({ connection: process.env['DATABASE_URL'] ?? '', connections: limits.databaseConnections.value });
const app = fastify();
app.get<{ Querystring: { Id: string } }>('/', async (request) => ({ Project: await workspaceById(database, Number(request.query.Id)) }));
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
// Through process.exit, so that a profiler writes its file.
process.once('SIGTERM', () => process.exit(0));
