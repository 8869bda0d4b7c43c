import type { WorkspaceReference } from '../kernel/operation.ts';

/** What the doors need to know of workspaces. The workspaces domain implements it; the composition root passes it down. */
export interface WorkspaceDirectory {
  /** The living workspace of the tenant with this id or name, in any region. Answered from memory where it can be. */
  find(tenantId: number, idOrName: number | string): Promise<WorkspaceReference | undefined>;
  /** The workspace with this id, whatever its tenant or state; for the platform's own use, such as the region in an event's envelope. */
  byId(workspaceId: number): Promise<WorkspaceReference | undefined>;
  /** Codes of the workspace roles that the user has, such as `role_project_dev`. */
  rolesOf(workspaceId: number, userId: number): Promise<readonly string[]>;
}
