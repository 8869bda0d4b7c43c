import { fileTypes, fileTypeByNumber } from '../../../../contract/file-types.ts';
import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import type { Operations as CurrentOperations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { invalid, missing, notFound } from '../../../kernel/errors.ts';
import { inProject, type Call, type Handlers } from '../../../kernel/operation.ts';
import { pageCounters, readId, readIdList, readPage, success } from '../../dialect.ts';
import { addObjects, checkContent, isFile, saveDraft, wrongState } from '../drafts.ts';
import { findPlace, TOP } from '../folders.ts';
import { toLegacyFile, toLegacyVersion, useTypeOf } from '../legacy/file.ts';
import { fromLegacyParameters, newSpec, toNodeConfiguration } from '../legacy/schedule.ts';
import type { NodeRow } from '../model.ts';
import { checkName, readPath } from '../names.ts';
import { listNodes, listVersions, lockNode, nextNodeId, nodeById, nodeByTask, versionOf } from '../store.ts';

/** Files of the legacy studio, in both API versions. */

/** A user as the studio needs one. */
export interface Users {
  find(userId: number, tenantId: number): Promise<{ readonly id: number; readonly name: string } | undefined>;
}

export async function readOwner(users: Users, call: Call, owner: string | undefined): Promise<number | undefined> {
  if (owner === undefined || owner === '') return undefined;
  const id = readId('Owner', owner);
  if ((await users.find(id, call.tenantId)) === undefined) throw notFound('User', owner);
  return id;
}

async function findFile(call: Call, request: { FileId?: number | undefined; NodeId?: number | undefined }): Promise<NodeRow> {
  if (request.FileId === undefined && request.NodeId === undefined) throw missing('FileId');
  const row = request.FileId === undefined ? await nodeByTask(call.db, call.workspace.id, request.NodeId ?? 0) : await nodeById(call.db, call.workspace.id, request.FileId);
  if (row === undefined || row.state === 'DELETED' || !isFile(row)) throw notFound('File', request.FileId ?? request.NodeId ?? 0);
  return row;
}

export function fileOperations(users: Users): Handlers<Operations> {
  return {
    CreateFile: {
      access: inProject('develop'),
      async handle(call, request) {
        const name = checkName('FileName', request.FileName);
        const type = fileTypeByNumber.get(request.FileType);
        if (type === undefined) throw invalid('FileType', 'there is no such file type; ListFileType names them.');
        if (type.kind !== 'node') throw invalid('FileType', `${type.name} is a ${type.kind}; only nodes are created as files.`);
        const content = checkContent(request.Content ?? '');
        const owner = (await readOwner(users, call, request.Owner)) ?? call.caller.userId;
        return call.change(async (change) => {
          const path = request.FileFolderPath ?? '';
          const place = path === '' ? TOP : await findPlace(change, call.workspace.id, path, request.CreateFolderIfNotExists === true);
          const id = await nextNodeId(change);
          const context = { nodeId: id, workspaceName: call.workspace.name };
          const spec = fromLegacyParameters(request, newSpec(context), context);
          const node = {
            id,
            tenant_id: call.tenantId,
            workspace_id: call.workspace.id,
            name,
            command: type.command,
            file_type: request.FileType,
            folder_id: place.folderId,
            business_id: place.businessId,
            use_type: useTypeOf(place.useType, spec),
            spec,
            content,
            owner_id: owner,
          };
          await addObjects(change, call.workspace.id, [node]);
          return { ...success, Data: id };
        });
      },
    },
    UpdateFile: {
      access: inProject('develop'),
      async handle(call, request) {
        const content = request.Content === undefined ? undefined : checkContent(request.Content);
        const name = request.FileName === undefined ? undefined : checkName('FileName', request.FileName);
        const owner = await readOwner(users, call, request.Owner);
        return call.change(async (change) => {
          const node = await lockNode(change, call.workspace.id, request.FileId);
          if (node === undefined || node.state !== 'NORMAL' || !isFile(node)) throw notFound('File', request.FileId);
          if (node.container_id !== null && (request.FileFolderPath ?? '') !== '') throw wrongState(node.id, 'it lies in a workflow, which is its place');
          const place = request.FileFolderPath === undefined || request.FileFolderPath === '' ? undefined : await findPlace(change, call.workspace.id, request.FileFolderPath, false);
          const spec = fromLegacyParameters(request, node.spec, { nodeId: node.id, workspaceName: call.workspace.name });
          await saveDraft(change, node, {
            name: name ?? node.name,
            folder_id: place === undefined ? node.folder_id : place.folderId,
            business_id: place === undefined ? node.business_id : place.businessId,
            use_type: node.container_id === null ? useTypeOf(place?.useType ?? (node.use_type === 'MANUAL' || node.use_type === 'SKIP' ? 'NORMAL' : node.use_type), spec) : node.use_type,
            spec,
            content: content ?? node.content,
            owner_id: owner ?? node.owner_id,
          });
          return { ...success };
        });
      },
    },
    GetFile: {
      access: inProject('read'),
      async handle(call, request) {
        const node = await findFile(call, request);
        return { ...success, Data: { File: toLegacyFile(node), NodeConfiguration: toNodeConfiguration(node.spec) } };
      },
    },
    ListFiles: {
      access: inProject('read'),
      // CommitStatus is known to the later version only.
      async handle(call, request: CurrentOperations['ListFiles']['request']) {
        const page = readPage(request);
        const text = (value: string | undefined) => (value === undefined || value === '' ? undefined : value);
        const user = (name: string, value: string | undefined) => (text(value) === undefined ? undefined : readId(name, value ?? ''));
        const withContent = request.NeedContent === true;
        const { rows, total } = await listNodes(
          call.db,
          {
            workspaceId: call.workspace.id,
            exactName: text(request.ExactFileName),
            keyword: text(request.Keyword),
            folderPath: text(request.FileFolderPath) === undefined ? undefined : readPath('FileFolderPath', request.FileFolderPath ?? '').join('/'),
            ids: text(request.FileIdIn) === undefined ? undefined : readIdList('FileIdIn', request.FileIdIn ?? ''),
            fileTypes: text(request.FileTypes) === undefined ? undefined : readIdList('FileTypes', request.FileTypes ?? ''),
            owner: user('Owner', request.Owner),
            lastEditor: user('LastEditUser', request.LastEditUser),
            taskId: request.NodeId,
            useType: text(request.UseType),
            committed: request.CommitStatus === undefined ? undefined : request.CommitStatus === 1,
          },
          withContent,
          page,
        );
        const Files = rows.map((row) => {
          const { Content, DeletedStatus: _state, ...file } = toLegacyFile(row);
          return { ...file, ...(withContent ? { Content } : {}), ...(request.NeedAbsoluteFolderPath === true ? { AbsoluteFolderPath: row.folder_path } : {}) };
        });
        return { ...success, Data: { ...pageCounters(page, total), Files } };
      },
    },
    GetFileVersion: {
      access: inProject('read'),
      async handle(call, request) {
        const node = await findFile(call, request);
        const version = await versionOf(call.db, node.id, request.FileVersion);
        if (version === undefined) throw notFound('FileVersion', request.FileVersion, 'file version');
        return { ...success, Data: toLegacyVersion(version, node) };
      },
    },
    ListFileVersions: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const node = await findFile(call, request);
        const { rows, total } = await listVersions(call.db, node.id, page);
        return { ...success, Data: { ...pageCounters(page, total), FileVersions: rows.map((row) => toLegacyVersion(row, node)) } };
      },
    },
    ListFileType: { access: inProject('read'), handle: listTypes },
    GetNodeTypeListInfo: { access: inProject('read'), handle: listTypes },
  };
}

/** The types that files and nodes may have, by their numbers. */
async function listTypes(_call: Call, request: Operations['ListFileType']['request']) {
  const page = readPage(request);
  const keyword = request.Keyword?.toLowerCase() ?? '';
  const matching = fileTypes.filter((type) => type.number !== undefined && type.kind === 'node' && (keyword === '' || type.name.toLowerCase().includes(keyword) || type.command.toLowerCase().includes(keyword)));
  return {
    NodeTypeInfoList: {
      ...pageCounters(page, matching.length),
      NodeTypeInfo: matching.slice(page.offset, page.offset + page.size).map((type) => ({ NodeType: type.number, NodeTypeName: type.name })),
    },
  };
}
