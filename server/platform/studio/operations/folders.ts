import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid, missing, notFound } from '../../../kernel/errors.ts';
import { inProject, type Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readId, readPage, success } from '../../dialect.ts';
import { businessById, folderById, folderByPath, listBusinesses, listFolders, type BusinessRow } from '../folder-store.ts';
import { changeBusiness, createBusiness, createFolder, removeBusiness, removeFolder, renameFolder } from '../folders.ts';
import { readPath } from '../names.ts';
import { readOwner, type Users } from './files.ts';

/** Businesses and folders of the legacy studio, in both API versions. */

function toBusiness(row: BusinessRow) {
  return { BusinessId: row.id, BusinessName: row.name, Description: row.description, Owner: String(row.owner_id), UseType: row.use_type };
}

function readPathText(parameter: string, path: string): string {
  return readPath(parameter, path).join('/');
}

export function folderOperations(users: Users): Handlers<Operations> {
  return {
    CreateBusiness: {
      access: inProject('develop'),
      async handle(call, request) {
        const useType = request.UseType ?? 'NORMAL';
        if (useType !== 'NORMAL' && useType !== 'MANUAL_BIZ') throw invalid('UseType', 'it must be NORMAL or MANUAL_BIZ.');
        const owner = (await readOwner(users, call, request.Owner)) ?? call.caller.userId;
        const description = checkText('Description', request.Description ?? '', 2_000);
        return call.change(async (change) => ({
          ...success,
          BusinessId: await createBusiness(change, { workspace_id: call.workspace.id, name: request.BusinessName, description, owner_id: owner, use_type: useType }),
        }));
      },
    },
    GetBusiness: {
      access: inProject('read'),
      async handle(call, request) {
        const row = await businessById(call.db, call.workspace.id, request.BusinessId);
        if (row === undefined) throw notFound('Business', request.BusinessId);
        return { ...success, Data: { ...toBusiness(row), ProjectId: String(row.workspace_id) } };
      },
    },
    ListBusiness: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const { rows, total } = await listBusinesses(call.db, call.workspace.id, request.Keyword === '' ? undefined : request.Keyword, page);
        return { ...success, Data: { ...pageCounters(page, total), Business: rows.map((row) => ({ ...toBusiness(row), ProjectId: row.workspace_id })) } };
      },
    },
    UpdateBusiness: {
      access: inProject('develop'),
      async handle(call, request) {
        const owner = await readOwner(users, call, request.Owner);
        return call.change(async (change) => {
          await changeBusiness(change, call.workspace.id, request.BusinessId, {
            ...(request.BusinessName === undefined || request.BusinessName === '' ? {} : { name: request.BusinessName }),
            ...(request.Description === undefined ? {} : { description: checkText('Description', request.Description, 2_000) }),
            ...(owner === undefined ? {} : { owner_id: owner }),
          });
          return { ...success };
        });
      },
    },
    DeleteBusiness: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await removeBusiness(change, call.workspace.id, request.BusinessId);
          return { ...success };
        }),
    },
    CreateFolder: {
      access: inProject('develop'),
      handle: (call, request) => call.change(async (change) => ({ ...success, Data: String(await createFolder(change, call.workspace.id, request.FolderPath)) })),
    },
    GetFolder: {
      access: inProject('read'),
      async handle(call, request) {
        const { FolderId, FolderPath } = request;
        if ((FolderId === undefined || FolderId === '') && (FolderPath === undefined || FolderPath === '')) throw missing('FolderId');
        const row =
          FolderId === undefined || FolderId === ''
            ? await folderByPath(call.db, call.workspace.id, readPathText('FolderPath', FolderPath ?? ''))
            : await folderById(call.db, call.workspace.id, readId('FolderId', FolderId));
        if (row === undefined) throw notFound('Folder', FolderId ?? FolderPath ?? '');
        return { ...success, Data: { FolderId: String(row.id), FolderPath: row.path } };
      },
    },
    ListFolders: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const { rows, total } = await listFolders(call.db, call.workspace.id, readPathText('ParentFolderPath', request.ParentFolderPath), page);
        return { ...success, Data: { ...pageCounters(page, total), Folders: rows.map((row) => ({ FolderId: String(row.id), FolderPath: row.path })) } };
      },
    },
    UpdateFolder: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await renameFolder(change, call.workspace.id, readId('FolderId', request.FolderId), request.FolderName);
          return { ...success };
        }),
    },
    DeleteFolder: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await removeFolder(change, call.workspace.id, readId('FolderId', request.FolderId));
          return { ...success };
        }),
    },
  };
}
