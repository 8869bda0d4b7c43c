import type { WorkspaceDirectory } from '../../../identity/directory.ts';
import type { Executor } from '../../../kernel/database.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import type { Access } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import { MASK, maskUrlSecrets } from '../../../kernel/url-secrets.ts';
import { checkText, readId } from '../../dialect.ts';
import type { Uploads } from '../../studio/index.ts';
import { readLocation } from '../location.ts';
import type { Preview } from '../preview.ts';
import { datasetById, versionById, type DatasetRow, type NewVersion, type VersionRow } from '../store.ts';

/** What the operations of datasets share. */

export interface DatasetServices {
  readonly files: Uploads;
  readonly directory: Pick<WorkspaceDirectory, 'find' | 'rolesOf'>;
  /** Ids of the tenant's living workspaces. */
  workspaceIds(db: Executor, tenantId: number): Promise<readonly number[]>;
  preview(db: Executor, version: VersionRow): Promise<Preview>;
}

/** The contract spells one of these in two ways: so in requests, and as here in answers. */
const STORAGE_TYPES = ['OSS', 'NAS', 'EXTREM_NAS', 'DLF_LANCE', 'CPFS', 'BMCPFS', 'MAXCOMPUTE'];

export function readStorageType(name: string, text: string, known: readonly string[] = STORAGE_TYPES): string {
  const value = text === 'EXTREMENAS' ? 'EXTREM_NAS' : text;
  if (!known.includes(value)) throw invalid(name, `it must be one of ${known.map((one) => (one === 'EXTREM_NAS' ? 'EXTREMENAS' : one)).join(', ')}`);
  return value;
}

/** An id that is no number names nothing. */
function readTextId(label: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw notFound('Dataset', text.slice(0, 64).replaceAll('\u0000', ''), label);
  return Number(text);
}

export async function datasetOrThrow(db: Executor, tenantId: number, id: string): Promise<DatasetRow> {
  const row = await datasetById(db, tenantId, readTextId('dataset', id));
  if (row === undefined) throw notFound('Dataset', id);
  return row;
}

export async function versionOrThrow(db: Executor, tenantId: number, id: string): Promise<VersionRow> {
  const row = await versionById(db, tenantId, readTextId('version of a dataset', id));
  if (row === undefined) throw notFound('DatasetVersion', id, 'version of a dataset');
  return row;
}

export function ofDataset<Request>(right: WorkspaceRight, idOf: (request: Request) => string): Access<Request> {
  return { level: 'workspace', right, find: async (request, call) => (await datasetOrThrow(call.db, call.tenantId, idOf(request))).workspace_id };
}

export function ofVersion<Request extends { Id: string }>(right: WorkspaceRight): Access<Request> {
  return { level: 'workspace', right, find: async (request, call) => (await versionOrThrow(call.db, call.tenantId, request.Id)).workspace_id };
}

export function readCreator(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : readId('CreatorId', text);
}

/** Reads a version and copies its data where they come from the web. `prefix` stands before the names in errors. */
export async function readVersion(
  files: Uploads,
  tenantId: number,
  prefix: string,
  wanted: { readonly Url: string; readonly Comment?: string | undefined; readonly MountPath?: string | undefined; readonly ImportInfo?: Readonly<Record<string, string>> | undefined },
): Promise<NewVersion> {
  const location = readLocation(`${prefix}Url`, wanted.Url);
  const info = Object.entries(wanted.ImportInfo ?? {});
  if (info.length > limits.datasetImportInfo.value) throw invalid(`${prefix}ImportInfo`, `it may have at most ${limits.datasetImportInfo.value} entries`);
  for (const [name, value] of info) {
    checkText(`${prefix}ImportInfo`, name, 128);
    if (typeof value !== 'string') throw invalid(`${prefix}ImportInfo`, 'its values must be texts');
    checkText(`${prefix}ImportInfo`, value, 4_096);
  }
  const version = {
    comment: checkText(`${prefix}Comment`, wanted.Comment ?? '', 1_024),
    // The data are copied, so the secret of the address is of no use any more.
    url: location.kind === 'web' ? maskUrlSecrets(wanted.Url).replaceAll(/([?&](?:signature|[\w-]*token|[\w-]*secret|x-(?:oss|amz)-signature)=)[^&#]+/gi, `$1${MASK}`) : wanted.Url,
    mount_path: checkText(`${prefix}MountPath`, wanted.MountPath ?? '', 512),
    import_info: Object.fromEntries(info),
    file_name: checkText(`${prefix}Url`, location.fileName, 512),
  };
  if (location.kind !== 'web') return { ...version, content: null };
  const { content, encoding } = await files.read(tenantId, `${prefix}Url`, location.url);
  return { ...version, content: Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8') };
}

export function toVersion(row: VersionRow) {
  return {
    Id: String(row.id),
    DatasetId: String(row.dataset_id),
    VersionNumber: row.number,
    Comment: row.comment,
    Url: row.url,
    MountPath: row.mount_path,
    ImportInfo: { ...row.import_info },
    StorageType: row.storage_type,
    Labels: [],
    CreatorId: String(row.created_by),
    CreateTime: row.created_at.getTime(),
    ModifyTime: row.modified_at.getTime(),
  };
}

export function toDataset(row: DatasetRow, latest: VersionRow | undefined) {
  return {
    Id: String(row.id),
    ProjectId: row.workspace_id,
    Name: row.name,
    DataType: row.data_type,
    StorageType: row.storage_type,
    Origin: row.origin,
    Comment: row.comment,
    Readme: row.readme,
    Labels: [],
    CreatorId: String(row.created_by),
    CreateTime: row.created_at.getTime(),
    ModifyTime: row.modified_at.getTime(),
    ...(latest === undefined ? {} : { LatestVersion: toVersion(latest) }),
  };
}
