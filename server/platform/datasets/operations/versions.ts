import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { ApiError, notFound } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import type { Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readPage, readSortOrder } from '../../dialect.ts';
import { deleteVersion, insertVersion, listVersions, lockDataset, updateVersion, versionById, versionOrders } from '../store.ts';
import { ofDataset, ofVersion, readCreator, readVersion, toVersion, versionOrThrow, type DatasetServices } from './shared.ts';

/** Versions of datasets in 2024-05-18. The data of a version never change; only its comment does. */

export function versionOperations({ files, preview }: DatasetServices): Handlers<Operations> {
  return {
    CreateDatasetVersion: {
      access: ofDataset('develop', (request) => request.DatasetId),
      async handle(call, request) {
        const version = await readVersion(files, call.tenantId, '', request);
        const id = await call.change(async (change) => {
          const found = await lockDataset(change, call.tenantId, Number(request.DatasetId));
          if (found === undefined) throw notFound('Dataset', request.DatasetId);
          const most = limits.datasetVersions.value;
          if (found.versions >= most) throw new ApiError('TooMany', { kind: 'DatasetVersion', limit: most, label: 'versions of a dataset' });
          const made = await insertVersion(change, found.row.id, version, change.actor.userId, change.now);
          change.touch(`dataset:${found.row.id}`);
          return made;
        });
        return { Id: String(id), Success: true };
      },
    },
    GetDatasetVersion: {
      access: ofVersion('read'),
      handle: async (call, request) => ({ DatasetVersion: toVersion(await versionOrThrow(call.db, call.tenantId, request.Id)), Success: true }),
    },
    ListDatasetVersions: {
      access: ofDataset('read', (request) => request.DatasetId),
      async handle(call, request) {
        const page = readPage(request);
        const order = readSortOrder(request, versionOrders, { sortBy: 'VersionNumber', order: 'Desc' });
        const { rows, total } = await listVersions(call.db, { datasetId: Number(request.DatasetId), createdBy: readCreator(request.CreatorId) }, order, page);
        return { PagingInfo: { DatasetVersions: rows.map(toVersion), ...pageCounters(page, total) }, Success: true };
      },
    },
    UpdateDatasetVersion: {
      access: ofVersion('develop'),
      async handle(call, request) {
        const comment = request.Comment === undefined ? undefined : checkText('Comment', request.Comment, 1_024);
        await call.change(async (change) => {
          const row = await versionOrThrow(change, call.tenantId, request.Id);
          await updateVersion(change, row.id, comment ?? row.comment, change.now);
          change.touch(`dataset:${row.dataset_id}`);
        });
        return { Success: true };
      },
    },
    DeleteDatasetVersion: {
      access: ofVersion('develop'),
      async handle(call, request) {
        await call.change(async (change) => {
          const row = await versionOrThrow(change, call.tenantId, request.Id);
          const found = await lockDataset(change, call.tenantId, row.dataset_id);
          // Others may have deleted it while the lock was waited for.
          if (found === undefined || (await versionById(change, call.tenantId, row.id)) === undefined) throw notFound('DatasetVersion', request.Id, 'version of a dataset');
          if (found.versions === 1) throw new ApiError('WrongState', { kind: 'DatasetVersion', label: 'version of a dataset', id: request.Id, reason: 'it is the only one; delete the dataset instead' });
          await deleteVersion(change, row.id);
          change.touch(`dataset:${row.dataset_id}`);
        });
        return { Success: true };
      },
    },
    PreviewDatasetVersion: {
      access: ofVersion('read'),
      async handle(call, request) {
        const { fileName, mimeType, content } = await preview(call.db, await versionOrThrow(call.db, call.tenantId, request.Id));
        return { PreviewResult: { FileName: fileName, MimeType: mimeType, SupportPreview: content !== undefined, ...(content === undefined ? {} : { Content: content }) }, Success: true };
      },
    },
  };
}
