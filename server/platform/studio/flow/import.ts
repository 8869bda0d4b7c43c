import type { Actor, Change } from '../../../kernel/change.ts';
import { ApiError } from '../../../kernel/errors.ts';
import type { JobDeclaration } from '../../../kernel/jobs.ts';
import type { Users } from '../operations/files.ts';
import { endAsyncJob } from '../job-store.ts';
import { workflowKinds } from '../model.ts';
import { readSpec } from './read.ts';
import { siteOf } from './site.ts';
import { createWorkflow } from './workflows.ts';

/** The import of a workflow, carried out after the call that asked for it. */

const KIND = 'import-workflow';

export function enqueueImport(change: Change, wanted: { readonly jobId: string; readonly workspaceId: number; readonly workspaceName: string; readonly workflowId: number; readonly spec: string }): void {
  const { tenantId, userId, requestId } = change.actor;
  change.enqueue({ kind: KIND, payload: { ...wanted, tenantId, userId, requestId: requestId ?? '' } });
}

export function importJob(users: Users): JobDeclaration {
  return {
    kind: KIND,
    actor: (payload): Actor => ({
      tenantId: Number(payload['tenantId']),
      userId: Number(payload['userId']),
      action: 'ImportWorkflowDefinition',
      requestId: String(payload['requestId']),
      sourceAddress: undefined,
    }),
    async handle(change, payload) {
      const site = siteOf(users, { id: Number(payload['workspaceId']), name: String(payload['workspaceName']) }, change.actor.tenantId);
      const document = readSpec(String(payload['spec']), workflowKinds);
      const { id, rows } = await createWorkflow(change, site, document, Number(payload['workflowId']));
      await endAsyncJob(change, String(payload['jobId']), 'Success', { response: JSON.stringify({ Id: String(id), NodeCount: rows.length - 1 }) }, change.now);
    },
    async giveUp(change, payload, error) {
      const text = error instanceof ApiError ? error.message : 'The import could not be carried out; it was logged here.';
      await endAsyncJob(change, String(payload['jobId']), 'Fail', { error: text }, change.now);
    },
  };
}
