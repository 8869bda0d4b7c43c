import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { buildHouse } from '../../server/house.ts';
import { bootstrapTenant } from '../../server/identity/index.ts';
import { systemClock } from '../../server/kernel/clock.ts';
import type { Database } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { silentLog } from '../../server/kernel/log.ts';
import { secretBox } from '../../server/kernel/secrets.ts';
import { createHttpServer } from '../../server/openapi/http.ts';
import type { Key } from '../gateway/signed-request.ts';

/** A whole server on a prepared, empty database, on a free port of loopback. `first` is the key of the owner of its tenant. */
export async function startHouse(options: { database: Database; relaxed: Database; dataFolder: string }): Promise<{ url: string; first: Key; stop(): Promise<void> }> {
  const { database, relaxed, dataFolder } = options;
  const secrets = secretBox(randomBytes(32));
  const house = buildHouse({
    database,
    relaxed,
    clock: systemClock,
    ids: randomIds,
    log: silentLog,
    secrets,
    regions: [],
    timeZone: 'Asia/Shanghai',
    dataFolder,
    searchPath: process.env['PATH'] ?? '/usr/bin:/bin',
    allowLoopback: true,
    allowedTargets: [],
    publishAddress: '127.0.0.1',
    validatePayloads: false,
  });
  const first = await bootstrapTenant({ database, changes: house.changes, secrets, ids: randomIds, userName: 'owner' });
  if (first === undefined) throw new Error('the database is not empty');
  await house.start();
  const app = createHttpServer({ gateway: house.gateway, registry: house.registry, log: silentLog, ready: async () => true });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    first,
    async stop() {
      await app.close();
      await house.stop();
    },
  };
}
