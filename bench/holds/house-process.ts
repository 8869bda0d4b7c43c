/** Millrace in a process of its own, on the database of BENCH_CONNECTION. Tells its address and key to the parent, and ends with it. */
import { openDatabase } from '../../server/kernel/database.ts';
import { limits } from '../../server/kernel/limits.ts';
import { prepareDatabase } from '../../server/modules.ts';
import { relaxedAddress } from '../delivery/peers.ts';
import { startHouse } from './house.ts';

const connection = process.env['BENCH_CONNECTION'] ?? '';
const database = openDatabase({ connection, connections: limits.databaseConnections.value });
const relaxed = openDatabase({ connection: relaxedAddress(connection), connections: 3 });
await prepareDatabase(database, new Date());
const { url, first } = await startHouse({ database, relaxed, dataFolder: process.env['BENCH_FOLDER'] ?? '' });
process.send?.({ url, key: { accessKeyId: first.accessKeyId, accessKeySecret: first.accessKeySecret } });
process.on('disconnect', () => process.exit(0));
