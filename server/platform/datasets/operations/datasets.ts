import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { hasWorkspaceRight } from '../../../identity/roles.ts';
import { isUniqueViolation } from '../../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import { inProject, inTenant, type Call, type Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readPage, readSortOrder, readWord } from '../../dialect.ts';
import { datasetOrders, deleteDataset, insertDataset, insertVersion, latestVersions, listDatasets, lockDataset, lockDatasets, updateDataset } from '../store.ts';
import { datasetOrThrow, ofDataset, readCreator, readStorageType, readVersion, toDataset, type DatasetServices } from './shared.ts';

/** Datasets in 2024-05-18. */

const DATA_TYPES = ['COMMON', 'PIC', 'TEXT', 'TABLE', 'VIDEO', 'AUDIO', 'INDEX'];
const ORIGINS = ['DataWorks', 'PAI'];
/** What a new dataset may lie in. */
const NEW_STORAGE_TYPES = ['OSS', 'NAS', 'EXTREM_NAS', 'DLF_LANCE'];

function readName(text: string): string {
  if (text.trim() === '') throw invalid('Name', 'it may not be empty');
  return checkText('Name', text, 128);
}

async function unlessTaken<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isUniqueViolation(error, 'dataset_name')) throw new ApiError('AlreadyExists', { kind: 'Dataset', label: 'dataset', id: name });
    throw error;
  }
}

/** The workspace that is named, if the caller may read it, else all that the caller may read. */
async function readable({ directory, workspaceIds }: DatasetServices, call: Call, named: number | undefined): Promise<number[]> {
  const mayRead = async (id: number) => hasWorkspaceRight(call.caller.tenantRoles, await directory.rolesOf(id, call.caller.userId), 'read');
  if (named !== undefined) {
    const workspace = await directory.find(call.tenantId, named);
    if (workspace === undefined) throw new ApiError('WorkspaceNotFound', { id: named });
    if (!(await mayRead(workspace.id))) throw new ApiError('Forbidden', { action: call.action, needed: `a role in the workspace ${workspace.name}` });
    return [workspace.id];
  }
  const found: number[] = [];
  for (const id of await workspaceIds(call.db, call.tenantId)) if (await mayRead(id)) found.push(id);
  return found;
}

export function datasetOperations(services: DatasetServices): Handlers<Operations> {
  return {
    CreateDataset: {
      access: inProject('develop'),
      async handle(call, request) {
        const dataset = {
          tenant_id: call.tenantId,
          workspace_id: call.workspace.id,
          name: readName(request.Name),
          data_type: readWord('DataType', request.DataType ?? 'COMMON', DATA_TYPES),
          storage_type: readStorageType('StorageType', request.StorageType, NEW_STORAGE_TYPES),
          origin: readWord('Origin', request.Origin ?? 'DataWorks', ORIGINS),
          comment: checkText('Comment', request.Comment ?? '', 1_024),
        };
        const version = await readVersion(services.files, call.tenantId, 'InitVersion.', request.InitVersion);
        const id = await call.change(async (change) => {
          const most = limits.datasetsPerWorkspace.value;
          if ((await lockDatasets(change, call.workspace.id)) >= most) throw new ApiError('TooMany', { kind: 'Dataset', limit: most, label: 'datasets of a workspace' });
          const made = await unlessTaken(dataset.name, () => insertDataset(change, dataset, change.actor.userId, change.now));
          await insertVersion(change, made, version, change.actor.userId, change.now);
          change.touch(`dataset:${made}`);
          return made;
        });
        return { Id: String(id), Success: true };
      },
    },
    GetDataset: {
      access: ofDataset('read', (request) => request.Id),
      async handle(call, request) {
        const row = await datasetOrThrow(call.db, call.tenantId, request.Id);
        const [latest] = await latestVersions(call.db, [row.id]);
        return { Dataset: toDataset(row, latest), Success: true };
      },
    },
    ListDatasets: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const order = readSortOrder(request, datasetOrders, { sortBy: 'CreateTime', order: 'Desc' });
        const filter = {
          workspaceIds: await readable(services, call, request.ProjectId),
          name: request.Name === undefined ? undefined : checkText('Name', request.Name, 128),
          createdBy: readCreator(request.CreatorId),
          origin: request.Origin === undefined ? undefined : readWord('Origin', request.Origin, ORIGINS),
          dataTypes: request.DataTypeList === undefined || request.DataTypeList.length === 0 ? undefined : request.DataTypeList.map((type) => readWord('DataTypeList', type, DATA_TYPES)),
          storageTypes: request.StorageTypeList === undefined || request.StorageTypeList.length === 0 ? undefined : request.StorageTypeList.map((type) => readStorageType('StorageTypeList', type)),
        };
        const { rows, total } = await listDatasets(call.db, filter, order, page);
        const latest = new Map((await latestVersions(call.db, rows.map((row) => row.id))).map((version) => [version.dataset_id, version]));
        return { PagingInfo: { Datasets: rows.map((row) => toDataset(row, latest.get(row.id))), ...pageCounters(page, total) }, Success: true };
      },
    },
    UpdateDataset: {
      access: ofDataset('develop', (request) => request.Id),
      async handle(call, request) {
        const name = request.Name === undefined ? undefined : readName(request.Name);
        const comment = request.Comment === undefined ? undefined : checkText('Comment', request.Comment, 1_024);
        const readme = request.Readme === undefined ? undefined : checkText('Readme', request.Readme, limits.datasetReadmeCharacters.value);
        await call.change(async (change) => {
          const found = await lockDataset(change, call.tenantId, Number(request.Id));
          if (found === undefined) throw notFound('Dataset', request.Id);
          const { row } = found;
          await unlessTaken(name ?? row.name, () => updateDataset(change, row.id, { name: name ?? row.name, comment: comment ?? row.comment, readme: readme ?? row.readme }, change.now));
          change.touch(`dataset:${row.id}`);
        });
        return { Success: true };
      },
    },
    DeleteDataset: {
      access: ofDataset('develop', (request) => request.Id),
      async handle(call, request) {
        await call.change(async (change) => {
          const found = await lockDataset(change, call.tenantId, Number(request.Id));
          if (found === undefined) throw notFound('Dataset', request.Id);
          await deleteDataset(change, found.row.id);
          change.touch(`dataset:${found.row.id}`);
        });
        return { Success: true };
      },
    },
  };
}
