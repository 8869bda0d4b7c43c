import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { invalid } from '../../../kernel/errors.ts';
import { inProject, type Handlers } from '../../../kernel/operation.ts';
import { momentText, pageCounters, readId, readPage } from '../../dialect.ts';
import { toNodeConfiguration } from '../legacy/schedule.ts';
import type { ChangeType, VersionStatus } from '../model.ts';
import { listWaiting, type WaitingRow } from '../store.ts';
import type { Users } from './files.ts';

/** What was committed and is not in production yet, which only 2024-05-18 lists. */

/** Numbers of this list for the statuses of a version. */
const STATUS_NUMBERS: Readonly<Record<VersionStatus, number>> = { COMMITTING: 2, COMMITTED: 11, DEPLOYING: 100, DEPLOYED: 101, CANCELLED: 200 };
const CHANGE_TYPES: readonly ChangeType[] = ['CREATE', 'UPDATE', 'DELETE'];

const DAY_MS = 86_400_000;

function readDay(name: string, text: string | undefined): Date | undefined {
  if (text === undefined || text === '') return undefined;
  const day = new Date(`${text}T00:00:00Z`);
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || Number.isNaN(day.getTime())) throw invalid(name, 'it must be a day of the form yyyy-MM-dd.');
  return day;
}

function readChangeType(number: number | undefined): ChangeType | undefined {
  if (number === undefined) return undefined;
  const type = CHANGE_TYPES[number];
  if (type === undefined) throw invalid('ChangeType', 'it must be 0 (create), 1 (update) or 2 (delete).');
  return type;
}

function toWaitingFile(row: WaitingRow, userName: string) {
  return {
    // The commit, as GetDeploymentPackage knows it.
    Id: row.package_id ?? row.node_id,
    FileId: row.node_id,
    FileName: row.name,
    FileType: row.file_type,
    FileVersion: row.version,
    ChangeType: CHANGE_TYPES.indexOf(row.change_type),
    Comment: row.comment,
    CommitTime: momentText(row.committed_at),
    CommitUser: String(row.committed_by),
    CommitUserName: userName,
    IsSameAsProductionVersion: false,
    NodeConfiguration: JSON.stringify(toNodeConfiguration(row.spec)),
    ...(row.task_id === null ? {} : { NodeId: row.task_id }),
    ProjectId: row.workspace_id,
    Status: STATUS_NUMBERS[row.status],
    TenantId: row.tenant_id,
    UseType: row.use_type,
  };
}

export function waitingOperations(users: Users): Handlers<Operations> {
  return {
    ListDeploymentPackageFiles: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const until = readDay('CommitTo', request.CommitTo);
        const filter = {
          workspaceId: call.workspace.id,
          businessId: request.BusinessId,
          changeType: readChangeType(request.ChangeType),
          from: readDay('CommitFrom', request.CommitFrom),
          // The last day counts whole.
          until: until === undefined ? undefined : new Date(until.getTime() + DAY_MS),
          committedBy: request.CommitUserId === undefined || request.CommitUserId === '' ? undefined : readId('CommitUserId', request.CommitUserId),
          ids: request.FileIds?.map((id) => readId('FileIds', id)),
          name: request.FileName === '' ? undefined : request.FileName,
          fileType: request.FileType,
        };
        const { rows, total } = await listWaiting(call.db, filter, page);
        const names = new Map<number, string>();
        for (const { committed_by: id } of rows) if (!names.has(id)) names.set(id, (await users.find(id, call.tenantId))?.name ?? String(id));
        return { PagingInfo: { DeploymentPackageFiles: rows.map((row) => toWaitingFile(row, names.get(row.committed_by) ?? '')), ...pageCounters(page, total) } };
      },
    },
  };
}
