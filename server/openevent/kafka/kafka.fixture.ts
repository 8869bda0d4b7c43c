import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { createChanges, platformActor } from '../../kernel/change.ts';
import { systemClock } from '../../kernel/clock.ts';
import { openDatabase } from '../../kernel/database.ts';
import { randomIds } from '../../kernel/ids.ts';
import { limits } from '../../kernel/limits.ts';
import { silentLog, type Log } from '../../kernel/log.ts';
import { secretBox } from '../../kernel/secrets.ts';
import { createEnvelopes } from '../envelope.ts';
import { createEventLog } from '../log.ts';
import { createKafkaListener, type KafkaListener, type KafkaSettings } from './listener.ts';
import { deriveVerifiers } from './sasl.ts';
import { insertUser, nextUserId, passwordPurpose, USER_PREFIX, verifierPurpose } from './user-store.ts';

export interface PlaceUser {
  readonly id: number;
  readonly login: string;
  readonly password: string;
}

/** A log with listeners on loopback, on the database at `url`. Workspaces 11 to 19 are those of tenant 1, 21 to 29 those of tenant 2. */
export async function kafkaPlace(url: string, options: { readonly log?: Log; readonly validatePayloads?: boolean } = {}) {
  const { log = silentLog, validatePayloads = true } = options;
  const database = openDatabase({ connection: url, connections: 12 });
  const relaxed = openDatabase({ connection: `${url}${url.includes('?') ? '&' : '?'}options=${encodeURIComponent('-c synchronous_commit=off')}`, connections: 3 });
  const clock = systemClock;
  const secrets = secretBox(randomBytes(32));
  const events = createEventLog({ database, validatePayloads });
  const changes = createChanges({ database, clock, ids: randomIds, events });
  const exists = (tenantId: number, id: number | string) => typeof id === 'number' && Math.floor(id / 10) === tenantId && id % 10 > 0;
  const directory: WorkspaceDirectory = {
    find: async (tenantId, id) => (exists(tenantId, id) ? { id: Number(id), tenantId, name: `w${id}`, region: 'cn-test', standardMode: true, status: 'Available' } : undefined),
    byId: async () => undefined,
    rolesOf: async () => [],
  };
  const wrap = createEnvelopes({ directory, defaultRegion: 'cn-test', publishAddress: '127.0.0.1' });
  const listeners = new Set<KafkaListener>();
  let count = 0;

  async function listen(settings: Partial<KafkaSettings> = {}): Promise<KafkaListener & { readonly broker: string }> {
    count += 1;
    const listener = createKafkaListener({
      settings: { host: '127.0.0.1', port: 0, advertised: undefined, tls: undefined, groups: limits.kafkaGroupsPerTenant.value, ...settings },
      database,
      relaxed,
      events,
      clock,
      ids: randomIds,
      secrets,
      log,
      directory,
      wrap,
      owner: `listener-${count}`,
    });
    await listener.start();
    listeners.add(listener);
    const address = listener.address();
    return Object.assign(listener, { broker: `${address?.host}:${address?.port}` });
  }

  async function user(view: { readonly tenantId?: number; readonly workspaces?: readonly number[]; readonly tenantEvents?: boolean; readonly types?: readonly string[] } = {}): Promise<PlaceUser> {
    const tenantId = view.tenantId ?? 1;
    const password = randomIds.text(32);
    return changes.change(platformActor('test', tenantId), async (change) => {
      const id = await nextUserId(change);
      const login = `user${id}@${tenantId}`;
      await insertUser(
        change,
        {
          id,
          tenant_id: tenantId,
          name: `user${id}`,
          login,
          workspaces: view.workspaces === undefined ? null : [...view.workspaces],
          tenant_events: view.tenantEvents ?? true,
          types: [...(view.types ?? [])],
          password: secrets.seal(password, passwordPurpose(id)),
          verifiers: secrets.seal(JSON.stringify(deriveVerifiers(password)), verifierPurpose(id)),
          created_by: 1,
        },
        change.now,
      );
      return { id, login, password };
    });
  }

  async function removeUser(id: number): Promise<void> {
    await changes.change(platformActor('test', 1), async (change) => {
      await change.run('delete from kafka_user where id = $1', [id]);
      change.notify('millrace_cache', `${USER_PREFIX}${id}`);
    });
  }

  /** Raises one event of an object; its number goes into the payload. Answers the event's id. */
  function raise(object: string, number: number, place: { readonly tenantId?: number; readonly workspaceId?: number | undefined; readonly code?: string } = {}): Promise<string> {
    const workspaceId = 'workspaceId' in place ? place.workspaceId : 11;
    return changes.change(platformActor('test', place.tenantId ?? 1), async (change) =>
      change.raise({ code: place.code ?? 'commit-file', workspaceId, objectKey: object, data: { projectId: workspaceId ?? 0, operator: `${object}#${number}` } }),
    );
  }

  async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await condition())) {
      if (Date.now() > deadline) throw new Error(`it did not come to this: ${what}`);
      await pause(10);
    }
  }

  return {
    database,
    relaxed,
    changes,
    events,
    secrets,
    directory,
    wrap,
    listen,
    user,
    removeUser,
    raise,
    until,
    async close() {
      for (const listener of listeners) await listener.stop();
      await relaxed.close();
      await database.close();
    },
  };
}
