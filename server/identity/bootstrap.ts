import { platformActor, type Changes } from '../kernel/change.ts';
import type { Database } from '../kernel/database.ts';
import type { IdSource } from '../kernel/ids.ts';
import type { SecretBox } from '../kernel/secrets.ts';
import { secretPurpose } from './keys.ts';
import { newKeyPair } from './operations/access-keys.ts';
import { requireUserName } from './operations/users.ts';
import { hashPassword, passwordFault } from './passwords.ts';
import { TENANT_OWNER } from './roles.ts';
import { insertKey } from './store-credentials.ts';
import * as store from './store.ts';

/** Held while the first tenant is made. */
const BOOTSTRAP_LOCK = 7_261_940_121;

export interface BootstrapOptions {
  readonly database: Database;
  readonly changes: Changes;
  readonly secrets: SecretBox;
  readonly ids: IdSource;
  readonly tenantName?: string;
  readonly userName: string;
  /** Each of these is made up when absent or empty. */
  readonly password?: string | undefined;
  readonly accessKeyId?: string | undefined;
  readonly accessKeySecret?: string | undefined;
}

/** What was made, to be shown once. */
export interface FirstTenant {
  readonly tenantId: number;
  readonly userId: number;
  readonly userName: string;
  readonly password: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/**
 * Makes the first tenant, its owner and an AccessKey of the owner in one change. Answers undefined when there is a tenant already; of
 * processes that start together one makes it. Rejects when a given name, password or key cannot be used.
 */
export async function bootstrapTenant(options: BootstrapOptions): Promise<FirstTenant | undefined> {
  const { database, changes, secrets, ids, userName } = options;
  if (await store.anyTenant(database)) return undefined;
  requireUserName(userName);
  const password = given(options.password) ?? ids.text(20);
  const fault = passwordFault(password, userName);
  if (fault !== undefined) throw new Error(`the password of the first user cannot be used: ${fault}`);
  const pair = newKeyPair(ids);
  const accessKeyId = given(options.accessKeyId) ?? pair.id;
  const accessKeySecret = given(options.accessKeySecret) ?? pair.secret;
  if (!/^(?!STS\.)[\w.-]{1,128}$/.test(accessKeyId)) throw new Error('the AccessKey id of the first user must have 1 to 128 letters, digits or the characters . _ - and not begin with STS.');
  const passwordHash = await hashPassword(password);
  const tenantId = await store.nextTenantId(database);

  try {
    return await changes.change(platformActor('Bootstrap', tenantId), async (change) => {
      await change.run('select pg_advisory_xact_lock($1)', [BOOTSTRAP_LOCK]);
      if (await store.anyTenant(change)) throw new AlreadyMade();
      await store.insertTenant(change, tenantId, options.tenantName ?? 'default', change.now);
      const userId = await store.insertUser(change, { tenantId, name: userName, displayName: userName, passwordHash, tenantRoles: [TENANT_OWNER] }, change.now);
      await store.settleMainAccount(change, tenantId);
      await insertKey(change, { id: accessKeyId, userId, secret: secrets.seal(accessKeySecret, secretPurpose(accessKeyId)) }, change.now);
      change.notify('millrace_cache', `key:${accessKeyId}`);
      for (const target of [`tenant:${tenantId}`, `user:${userId}`, `access-key:${accessKeyId}`]) change.touch(target);
      return { tenantId, userId, userName, password, accessKeyId, accessKeySecret };
    });
  } catch (error) {
    if (error instanceof AlreadyMade) return undefined;
    throw error;
  }
}

/** Rolls back the change of a process that came second, so that it leaves no audit line of something that did not happen. */
class AlreadyMade extends Error {}

function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
