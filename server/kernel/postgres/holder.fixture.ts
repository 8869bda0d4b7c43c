// Starts PostgreSQL on the folder of its argument, tells the process id and holds it until it is killed.
import { startEmbeddedPostgres } from './supervisor.ts';

const postgres = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? '', log: () => {}, settings: { fsync: 'off' }, initdbOptions: ['--no-sync'] });
process.send?.({ pid: postgres.pid });
setInterval(() => {}, 60_000);
