import type { Access, Call } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import { readId } from '../../dialect.ts';
import type { Users } from '../operations/files.ts';
import { workspaceOf } from '../store.ts';
import type { Site } from './plan.ts';

/** What the operations of 2024-05-18 on the studio share. */

/** The workspace of a call as a place where documents come to. */
export function siteOf(users: Users, workspace: { readonly id: number; readonly name: string }, tenantId: number): Site {
  return {
    id: workspace.id,
    name: workspace.name,
    tenantId,
    async owner(text) {
      return /^\d{1,15}$/.test(text) ? (await users.find(Number(text), tenantId))?.id : undefined;
    },
  };
}

export function siteOfCall(users: Users, call: Call): Site {
  return siteOf(users, call.workspace, call.tenantId);
}

/** Access by a right in the workspace that the request names, or in that of the object it names. */
export function inProjectOf<Request extends { ProjectId?: number | undefined }>(right: WorkspaceRight, idOf: (request: Request) => string, name = 'Id'): Access<Request> {
  return { level: 'workspace', right, find: (request, { db, tenantId }) => request.ProjectId ?? workspaceOf(db, tenantId, readId(name, idOf(request))) };
}
