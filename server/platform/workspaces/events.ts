import type { RaisedEvent } from '../../kernel/change.ts';
import type { Proposal } from '../../extensions/declare.ts';
import type { WorkspaceRow } from './store.ts';

/** What the workspaces tell, and the point at which extensions decide on them. Both belong to the tenant, not to the workspace that goes. */

export function deletionProposal(workspace: WorkspaceRow, userId: number): Proposal {
  return {
    point: 'delete-project',
    workspaceId: undefined,
    objectKey: `workspace:${workspace.id}`,
    title: workspace.name,
    data: { operator: String(userId), projectId: workspace.id },
    snapshot: {
      Project: { ProjectId: workspace.id, ProjectIdentifier: workspace.name, ProjectName: workspace.display_name, ProjectDescription: workspace.description, ProjectOwnerBaseId: String(workspace.owner_id) },
    },
    args: { workspaceId: workspace.id, tenantId: workspace.tenant_id, operator: userId },
  };
}

export function workspaceDeleted(workspace: WorkspaceRow, operator: number, now: Date): RaisedEvent {
  return {
    code: 'project-deleted',
    workspaceId: undefined,
    objectKey: `workspace:${workspace.id}`,
    data: { operator: String(operator), projectId: workspace.id, projectName: workspace.name, timestamp: now.getTime(), blockBusiness: false },
  };
}
