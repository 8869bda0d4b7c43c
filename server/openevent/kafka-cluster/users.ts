import type { Database } from '../../kernel/database.ts';
import type { Log } from '../../kernel/log.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import { listAllUsers, passwordPurpose } from '../kafka/user-store.ts';
import { aclsOf, principalOf, scramCredentials, stateOf } from './access.ts';
import type { ClusterClient } from './client.ts';
import { listRelayedUsers, removeRelayedUser, saveRelayedUser } from './store.ts';

/** Brings new and changed Kafka users to the cluster, and takes deleted ones from it. Rejects with the first failure, after the others; the next call tries those that failed. */
export async function bringUsers(options: {
  readonly client: ClusterClient;
  readonly database: Database;
  readonly secrets: SecretBox;
  readonly log: Log;
  readonly plainTenant: number;
}): Promise<void> {
  const { client, database, secrets, log, plainTenant } = options;
  const users = await listAllUsers(database);
  const brought = new Map((await listRelayedUsers(database)).map((one) => [one.login, one.state]));
  const failures: unknown[] = [];
  // One user that the cluster refuses keeps no other from it.
  const attempt = (work: () => Promise<void>) => work().catch((error: unknown) => void failures.push(error));
  for (const user of users) {
    const state = stateOf(user, plainTenant);
    if (brought.get(user.login) === state) continue;
    await attempt(async () => {
      const acls = aclsOf(user, plainTenant);
      if (acls.length === 0) log.warn({ user: user.login }, 'a Kafka user with only some event types reads nothing in the cluster, which cannot leave records out of a topic');
      await client.setScram(scramCredentials(user.login, secrets.open(user.password, passwordPurpose(user.id))));
      if (brought.has(user.login)) await client.removeAcls(principalOf(user.login));
      await client.addAcls(acls);
      await saveRelayedUser(database, user.login, state);
    });
  }
  const present = new Set(users.map((one) => one.login));
  for (const login of brought.keys()) {
    if (present.has(login)) continue;
    await attempt(async () => {
      await client.removeAcls(principalOf(login));
      await client.removeScram(login);
      await removeRelayedUser(database, login);
    });
  }
  if (failures.length > 0) throw failures[0];
}
