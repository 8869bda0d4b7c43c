import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import type { Handlers } from '../../../kernel/operation.ts';
import { pageCounters, readId, readPage } from '../../dialect.ts';
import { rowDocument } from '../flow/document.ts';
import { millis } from '../flow/listed.ts';
import { listSnapshots, snapshotById, type SnapshotRow } from '../snapshot-store.ts';
import { nodeById, workspaceOf } from '../store.ts';

/** Snapshots of what the studio holds. The namespace of an object is its workspace. */

const TYPES = ['Saved', 'Deployed', 'UnDeployed'];

function toSnapshot(row: SnapshotRow) {
  return {
    Id: row.id,
    Namespace: String(row.workspace_id),
    ObjectId: String(row.node_id),
    Type: row.type,
    Version: row.version,
    Comment: row.comment,
    Creator: String(row.created_by),
    CreateTime: millis(row.created_at),
  };
}

export function snapshotOperations(): Handlers<Operations> {
  return {
    ListSnapshots: {
      access: {
        level: 'workspace',
        right: 'read',
        async find(request, { db, tenantId }) {
          const workspaceId = await workspaceOf(db, tenantId, readId('ObjectId', request.ObjectId));
          if (workspaceId === undefined) throw notFound('Object', request.ObjectId);
          return workspaceId;
        },
      },
      async handle(call, request) {
        const page = readPage(request);
        if (!TYPES.includes(request.Type)) throw invalid('Type', `it must be one of ${TYPES.join(', ')}`);
        if (/^\d+$/.test(request.Namespace) && request.Namespace !== String(call.workspace.id)) throw notFound('Object', request.ObjectId);
        const { rows, total } = await listSnapshots(call.db, readId('ObjectId', request.ObjectId), request.Type, page);
        return { PagingInfo: { ...pageCounters(page, total), Snapshots: rows.map(toSnapshot) } };
      },
    },
    GetSnapshot: {
      access: {
        level: 'workspace',
        right: 'read',
        async find(request, { db, tenantId }) {
          const row = await snapshotById(db, tenantId, request.Id);
          if (row === undefined) throw notFound('Snapshot', request.Id);
          return row.workspace_id;
        },
      },
      async handle(call, request) {
        const row = await snapshotById(call.db, call.tenantId, request.Id);
        const node = row === undefined ? undefined : await nodeById(call.db, call.workspace.id, row.node_id);
        if (row === undefined || node === undefined) throw notFound('Snapshot', request.Id);
        return { Snapshot: { ...toSnapshot(row), Content: { Content: row.content, Spec: JSON.stringify(rowDocument(node, row)), StageCode: row.type === 'Saved' ? 'DEV' : 'PROD' } } };
      },
    },
  };
}
