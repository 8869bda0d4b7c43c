import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import { inProject, type Handlers } from '../../../kernel/operation.ts';
import { pageCounters, readId, readPage } from '../../dialect.ts';
import type { Commits } from '../commit.ts';
import { rowDocument } from '../flow/document.ts';
import { millis, toListedNode } from '../flow/listed.ts';
import { createNode, moveObject, renameObject, scenes, updateNode, type Scene } from '../flow/nodes.ts';
import { readSpec } from '../flow/read.ts';
import { inProjectOf, siteOfCall } from '../flow/site.ts';
import { listNodes, listUpstream, nodeById } from '../store.ts';
import type { Users } from './files.ts';

/** Nodes of the studio of 2024-05-18. A node and a file of the legacy dialect are one row, by one id. */

function readScene(scene: string): Scene {
  if (!Object.hasOwn(scenes, scene)) throw invalid('Scene', `it must be one of ${Object.keys(scenes).join(', ')}`);
  return scene as Scene;
}

/** The list spells scenes its own way; both spellings are taken. */
const LISTED_SCENES: Readonly<Record<string, readonly string[]>> = {
  DATAWORKSPROJECT: ['NORMAL', 'SKIP', 'ADHOCQUERY'],
  DATAWORKSMANUALWORKFLOW: ['MANUAL_BIZ'],
  DATAWORKSMANUALTASK: ['MANUAL'],
};

function readListedScene(scene: string | undefined): readonly string[] | undefined {
  if (scene === undefined || scene === '') return undefined;
  const key = scene.replaceAll('_', '').toUpperCase();
  if (!Object.hasOwn(LISTED_SCENES, key)) throw invalid('Scene', 'it must be one of DataworksProject, DataworksManualWorkflow, DataworksManualTask');
  return LISTED_SCENES[key];
}

export function pageTexts(page: Parameters<typeof pageCounters>[0], total: number) {
  const counters = pageCounters(page, total);
  return { PageNumber: String(counters.PageNumber), PageSize: String(counters.PageSize), TotalCount: String(counters.TotalCount) };
}

export function nodeOperations(users: Users, commits: Commits): Handlers<Operations> {
  return {
    CreateNode: {
      access: inProject('develop'),
      handle(call, request) {
        const scene = readScene(request.Scene);
        const document = readSpec(request.Spec, scene === 'DATAWORKS_PROJECT' ? ['Node'] : ['ManualNode', 'Node']);
        const container = request.ContainerId === undefined || request.ContainerId === '' ? undefined : readId('ContainerId', request.ContainerId);
        return call.change(async (change) => ({ Id: String(await createNode(change, siteOfCall(users, call), document, scene, container)) }));
      },
    },
    UpdateNode: {
      access: inProject('develop'),
      handle(call, request) {
        const document = readSpec(request.Spec, ['Node', 'ManualNode'], false);
        return call.change(async (change) => {
          await updateNode(change, siteOfCall(users, call), readId('Id', request.Id), document);
          return { Success: true };
        });
      },
    },
    GetNode: {
      access: inProjectOf('read', (request) => request.Id),
      async handle(call, request) {
        const row = await nodeById(call.db, call.workspace.id, readId('Id', request.Id));
        if (row === undefined || row.kind !== 'node' || row.state === 'DELETED') throw notFound('Node', request.Id);
        return {
          Node: {
            Id: String(row.id),
            Name: row.name,
            Owner: String(row.owner_id),
            ProjectId: row.workspace_id,
            CreateTime: millis(row.created_at),
            ModifyTime: millis(row.edited_at),
            ...(row.task_id === null ? {} : { TaskId: row.task_id }),
            Spec: JSON.stringify(rowDocument(row, row)),
          },
        };
      },
    },
    ListNodes: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const text = (value: string | undefined) => (value === undefined || value === '' ? undefined : value);
        const { rows, total } = await listNodes(
          call.db,
          {
            workspaceId: call.workspace.id,
            kinds: ['node'],
            keyword: text(request.Name),
            containerId: text(request.ContainerId) === undefined ? undefined : readId('ContainerId', request.ContainerId ?? ''),
            recurrence: text(request.Recurrence),
            rerunMode: text(request.RerunMode),
            useTypes: readListedScene(request.Scene),
          },
          false,
          page,
        );
        return { PagingInfo: { ...pageTexts(page, total), Nodes: rows.map(toListedNode) } };
      },
    },
    ListNodeDependencies: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const row = await nodeById(call.db, call.workspace.id, readId('Id', request.Id));
        if (row === undefined || row.kind !== 'node' || row.state !== 'NORMAL') throw notFound('Node', request.Id);
        const { inputs, dependencies } = row.spec;
        const others = dependencies.filter((depend) => depend.type !== 'CrossCycleDependsOnSelf' && depend.type !== 'CrossCycleDependsOnChildren');
        const outputs = [...inputs.nodeOutputs.map(({ data }) => data), ...others.flatMap(({ output }) => (output === undefined ? [] : [output]))];
        const ids = others.flatMap(({ nodeId }) => (nodeId !== undefined && /^\d{1,15}$/.test(nodeId) ? [Number(nodeId)] : []));
        const { rows, total } = await listUpstream(call.db, call.workspace.id, outputs, ids, page);
        return { PagingInfo: { ...pageTexts(page, total), Nodes: rows.map(toListedNode) } };
      },
    },
    MoveNode: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await moveObject(change, call.workspace.id, 'node', readId('Id', request.Id), request.Path);
          return { Success: true };
        }),
    },
    RenameNode: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await renameObject(change, call.workspace.id, 'node', readId('Id', request.Id), request.Name);
          return { Success: true };
        }),
    },
    DeleteNode: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await commits.discard(change, call.workspace, 'node', readId('Id', request.Id));
          return { Success: true };
        }),
    },
  };
}
