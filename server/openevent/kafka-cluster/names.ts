import { topicName } from '../kafka/topics.ts';

/**
 * What the names of a tenant's topics begin with. The listener's names need no tenant, since a user there sees only the own; in a cluster they
 * would be the same for all, so only one tenant has them plain.
 */
export function topicPrefix(tenantId: number, plainTenant: number): string {
  return tenantId === plainTenant ? 'dataworks.' : `tenant-${tenantId}.dataworks.`;
}

/** The name of a topic in the cluster. `workspaceId` may be `ALL` or `TENANT`. */
export function topicOf(tenantId: number, workspaceId: number, plainTenant: number): string {
  const name = topicName(workspaceId);
  return tenantId === plainTenant ? name : `tenant-${tenantId}.${name}`;
}
