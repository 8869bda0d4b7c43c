import { fileTypes, type FileType } from '../../../contract/index.ts';
import type { Executor } from '../../kernel/database.ts';
import { notFound, type ApiError } from '../../kernel/errors.ts';
import { allImages, versionsOf, type ImageRow } from './store.ts';

/**
 * Images are records here: nothing is built of them and no task runs in them, whatever its node names. Their status says so (`ReadOnly`), and so does the
 * description of those that come with the server, which stand for what tasks really have.
 */

/** An image in one version, as 2024-05-18 shows it. */
export interface ImageView {
  readonly Id: string;
  readonly Name: string;
  readonly Version: string;
  readonly ImageTag: string;
  readonly ImageUri: string;
  readonly Description: string;
  readonly Official: boolean;
  readonly IsDefault: boolean;
  readonly Accessibility: 'Public' | 'Private';
  readonly ProviderType: 'DataWorks' | 'ACR';
  readonly PublishStage: 'Published';
  readonly Status: 'ReadOnly';
  readonly Supported: { Module: 'Scheduler'; TaskTypes: string[] };
  readonly CreatedTime?: number;
  readonly Creator?: string;
  readonly LastModifiedTime?: number;
  readonly Modifier?: string;
}

function official(Id: string, Name: string, what: string, runners: readonly FileType['runnable'][], IsDefault: boolean): ImageView {
  const TaskTypes = [...new Set(fileTypes.flatMap((type) => (type.runnable !== undefined && runners.includes(type.runnable) ? [type.command] : [])))];
  return {
    Id,
    Name,
    Version: 'host',
    ImageTag: 'host',
    ImageUri: '',
    Description: `Record only. ${what}`,
    Official: true,
    IsDefault,
    Accessibility: 'Public',
    ProviderType: 'DataWorks',
    PublishStage: 'Published',
    Status: 'ReadOnly',
    Supported: { Module: 'Scheduler', TaskTypes },
  };
}

const officials: readonly ImageView[] = [
  official('official_scripts', 'millrace_scripts', 'Scripts run with the programs of the machine where their worker is.', ['shell', 'python'], true),
  official('official_sql', 'millrace_sql', 'SQL and HTTP calls run in processes of the worker itself.', ['duckdb', 'postgresql', 'mysql', 'http'], false),
];

function toView(row: ImageRow): ImageView {
  return {
    Id: String(row.id),
    Name: row.name,
    Version: row.version,
    ImageTag: row.version,
    ImageUri: row.uri,
    Description: row.description,
    Official: false,
    IsDefault: false,
    Accessibility: 'Private',
    ProviderType: 'ACR',
    PublishStage: 'Published',
    Status: 'ReadOnly',
    Supported: { Module: 'Scheduler', TaskTypes: [...row.task_types] },
    CreatedTime: row.created_at.getTime(),
    Creator: String(row.created_by),
    LastModifiedTime: row.version_at.getTime(),
    Modifier: String(row.version_by),
  };
}

/** Those of the tenant and those that come with the server, each in its latest version. */
export async function visibleImages(db: Executor, tenantId: number): Promise<ImageView[]> {
  return [...officials, ...(await allImages(db, tenantId)).map(toView)];
}

export function imageNotFound(id: string): ApiError {
  return notFound('Image', id.slice(0, 64).replaceAll('\u0000', ''));
}

/** All versions of an image, the latest first. Throws NotFound. */
export async function imageVersions(db: Executor, tenantId: number, id: string): Promise<ImageView[]> {
  const known = officials.filter((one) => one.Id === id);
  const versions = known.length > 0 || !/^\d{1,15}$/.test(id) ? known : (await versionsOf(db, tenantId, Number(id))).map(toView);
  if (versions.length === 0) throw imageNotFound(id);
  return versions;
}
