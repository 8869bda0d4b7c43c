import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { ApiError, notFound } from '../../../kernel/errors.ts';
import { inProject, type Handlers } from '../../../kernel/operation.ts';
import { pageCounters, readId, readPage } from '../../dialect.ts';
import type { Commits } from '../commit.ts';
import { workflowDocument } from '../flow/document.ts';
import { enqueueImport } from '../flow/import.ts';
import { millis, toScript } from '../flow/listed.ts';
import { moveObject, renameObject } from '../flow/nodes.ts';
import { readSpec } from '../flow/read.ts';
import { inProjectOf, siteOfCall } from '../flow/site.ts';
import { createWorkflow, updateWorkflow, workflowOf } from '../flow/workflows.ts';
import { asyncJobById, insertAsyncJob } from '../job-store.ts';
import { workflowKinds } from '../model.ts';
import { listNodes, nextNodeId, nodeById, rowsBelow } from '../store.ts';
import type { Users } from './files.ts';

/** Workflow definitions of 2024-05-18, and the asynchronous job that an import is. */

/** Ends a change whose outcome is only to be looked at. */
class OnlyLooked extends Error {
  readonly nodes: number;
  constructor(nodes: number) {
    super('nothing was to be changed');
    this.nodes = nodes;
  }
}

export function workflowOperations(users: Users, commits: Commits): Handlers<Operations> {
  return {
    CreateWorkflowDefinition: {
      access: inProject('develop'),
      handle(call, request) {
        const document = readSpec(request.Spec, workflowKinds);
        workflowOf(document);
        return call.change(async (change) => ({ Id: String((await createWorkflow(change, siteOfCall(users, call), document, await nextNodeId(change))).id) }));
      },
    },
    UpdateWorkflowDefinition: {
      access: inProject('develop'),
      handle(call, request) {
        const document = readSpec(request.Spec, workflowKinds, false);
        return call.change(async (change) => {
          await updateWorkflow(change, siteOfCall(users, call), readId('Id', request.Id), document);
          return { Success: true };
        });
      },
    },
    GetWorkflowDefinition: {
      access: inProjectOf('read', (request) => request.Id),
      async handle(call, request) {
        const row = await nodeById(call.db, call.workspace.id, readId('Id', request.Id));
        if (row === undefined || row.kind !== 'workflow' || row.state === 'DELETED') throw notFound('WorkflowDefinition', request.Id, 'workflow definition');
        const withContent = request.IncludeScriptContent === true;
        return {
          WorkflowDefinition: {
            Id: String(row.id),
            Name: row.name,
            Owner: String(row.owner_id),
            ProjectId: row.workspace_id,
            CreateTime: millis(row.created_at),
            ModifyTime: millis(row.edited_at),
            ...(row.task_id === null ? {} : { WorkflowId: row.task_id }),
            Spec: JSON.stringify(workflowDocument(row, await rowsBelow(call.db, row.workspace_id, row.id, withContent), withContent)),
          },
        };
      },
    },
    ListWorkflowDefinitions: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const text = (value: string | undefined) => (value === undefined || value === '' ? undefined : value);
        const { rows, total } = await listNodes(
          call.db,
          {
            workspaceId: call.workspace.id,
            kinds: ['workflow'],
            keyword: text(request.Name),
            owner: text(request.Owner) === undefined ? undefined : readId('Owner', request.Owner ?? ''),
            workflowKind: text(request.Type) ?? 'CycleWorkflow',
          },
          false,
          page,
        );
        return {
          PagingInfo: {
            ...pageCounters(page, total),
            WorkflowDefinitions: rows.map((row) => ({
              Id: String(row.id),
              Name: row.name,
              Description: row.spec.description ?? '',
              Owner: String(row.owner_id),
              ProjectId: row.workspace_id,
              CreateTime: millis(row.created_at),
              ModifyTime: millis(row.edited_at),
              Script: toScript(row),
              Type: row.workflow_kind ?? '',
            })),
          },
        };
      },
    },
    ImportWorkflowDefinition: {
      access: inProject('develop'),
      async handle(call, request) {
        const document = readSpec(request.Spec, workflowKinds);
        workflowOf(document);
        const created = call.clock.now().getTime();
        if (request.DryRun === true) {
          const looked = await call
            .change(async (change): Promise<never> => {
              const { rows } = await createWorkflow(change, siteOfCall(users, call), document, await nextNodeId(change));
              throw new OnlyLooked(rows.length - 1);
            })
            .catch((error: unknown) => {
              if (error instanceof OnlyLooked) return error.nodes;
              throw error;
            });
          return { AsyncJob: { Completed: true, CreateTime: created, Progress: 100, Status: 'Success', Type: 'Create', Response: JSON.stringify({ NodeCount: looked }) } };
        }
        return call.change(async (change) => {
          const workflowId = await nextNodeId(change);
          const response = JSON.stringify({ Id: String(workflowId) });
          const job = await insertAsyncJob(change, { tenantId: call.tenantId, workspaceId: call.workspace.id, type: 'Create', response, userId: change.actor.userId }, change.now);
          enqueueImport(change, { jobId: job.id, workspaceId: call.workspace.id, workspaceName: call.workspace.name, workflowId, spec: request.Spec });
          return { AsyncJob: { Id: job.id, Completed: false, CreateTime: change.now.getTime(), Progress: 0, Status: 'Running', Type: 'Create', Response: response } };
        });
      },
    },
    GetJobStatus: {
      access: {
        level: 'workspace',
        right: 'read',
        async find(request, { db, tenantId }) {
          const job = await asyncJobById(db, tenantId, request.JobId);
          if (job === undefined) throw new ApiError('NotFound', { kind: 'Job', label: 'job', id: request.JobId });
          return job.workspace_id;
        },
      },
      async handle(call, request) {
        const job = await asyncJobById(call.db, call.tenantId, request.JobId);
        if (job === undefined) throw notFound('Job', request.JobId);
        return {
          JobStatus: {
            JobId: job.id,
            JobType: job.type,
            Status: job.status,
            Completed: String(job.status !== 'Running'),
            CreateTime: String(job.created_at.getTime()),
            ...(job.error === '' ? {} : { Error: job.error }),
          },
        };
      },
    },
    MoveWorkflowDefinition: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await moveObject(change, call.workspace.id, 'workflow', readId('Id', request.Id), request.Path);
          return { Success: true };
        }),
    },
    RenameWorkflowDefinition: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await renameObject(change, call.workspace.id, 'workflow', readId('Id', request.Id), request.Name);
          return { Success: true };
        }),
    },
    DeleteWorkflowDefinition: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await commits.discard(change, call.workspace, 'workflow', readId('Id', request.Id));
          return { Success: true };
        }),
    },
  };
}
