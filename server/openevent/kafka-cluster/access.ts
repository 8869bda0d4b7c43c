import { createHash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { TENANT } from '../kafka/topics.ts';
import { topicOf, topicPrefix } from './names.ts';

/** A user of the cluster, as its controller keeps it. */
export interface ScramCredential {
  readonly name: string;
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly iterations: number;
  readonly salt: Buffer;
  readonly saltedPassword: Buffer;
}

/** Numbers as the protocol has them. */
const RESOURCE = { topic: 2, group: 3 } as const;
const PATTERN = { literal: 3, prefixed: 4 } as const;
const OPERATION = { read: 3, describe: 8 } as const;
const ALLOW = 3;

export interface Acl {
  readonly resourceType: 2 | 3;
  readonly resourceName: string;
  readonly resourcePatternType: 3 | 4;
  readonly principal: string;
  readonly host: string;
  readonly operation: 3 | 8;
  readonly permissionType: 3;
}

/** The least that Kafka takes; the passwords are random, so more would only cost time. */
const ITERATIONS = 4_096;

export function scramCredentials(login: string, password: string): ScramCredential[] {
  const one = (mechanism: ScramCredential['mechanism'], hash: string, size: number): ScramCredential => {
    const salt = randomBytes(16);
    return { name: login, mechanism, iterations: ITERATIONS, salt, saltedPassword: pbkdf2Sync(password, salt, ITERATIONS, size, hash) };
  };
  return [one('SCRAM-SHA-256', 'sha256', 32), one('SCRAM-SHA-512', 'sha512', 64)];
}

/** What decides the rights of a Kafka user. */
export interface RelayedUser {
  readonly tenant_id: number;
  readonly login: string;
  readonly workspaces: readonly number[] | null;
  readonly tenant_events: boolean;
  readonly types: readonly string[];
}

export function principalOf(login: string): string {
  return `User:${login}`;
}

/**
 * What the user may read in the cluster: the topics of its workspaces, and groups whose names begin with its own. A cluster cannot leave records out of a
 * topic, so the topic of all events is for those who may see all of it, and a user with only some types reads nothing there.
 */
export function aclsOf(user: RelayedUser, plainTenant: number): Acl[] {
  if (user.types.length > 0) return [];
  const topic = (workspaceId: number) => ({ resourceName: topicOf(user.tenant_id, workspaceId, plainTenant), resourcePatternType: PATTERN.literal });
  const prefix = topicPrefix(user.tenant_id, plainTenant);
  const topics =
    user.workspaces === null
      ? [user.tenant_events ? { resourceName: prefix, resourcePatternType: PATTERN.prefixed } : { resourceName: `${prefix}workspace.`, resourcePatternType: PATTERN.prefixed }]
      : [...user.workspaces.map(topic), ...(user.tenant_events ? [topic(TENANT)] : [])];
  const common = { principal: principalOf(user.login), host: '*', permissionType: ALLOW } as const;
  return [
    ...topics.flatMap((one) => [OPERATION.read, OPERATION.describe].map((operation) => ({ ...common, ...one, resourceType: RESOURCE.topic, operation }) satisfies Acl)),
    { ...common, resourceType: RESOURCE.group, resourceName: user.login, resourcePatternType: PATTERN.prefixed, operation: OPERATION.read },
  ];
}

/** Another text whenever the user has to be brought to the cluster again. */
export function stateOf(user: RelayedUser & { readonly modified_at: Date }, plainTenant: number): string {
  return createHash('sha256').update(JSON.stringify([user.modified_at.toISOString(), aclsOf(user, plainTenant)])).digest('base64url');
}
