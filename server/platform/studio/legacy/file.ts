import { fileTypeByNumber } from '../../../../contract/file-types.ts';
import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import type { NodeRow, UseType, VersionRow } from '../model.ts';
import { legacySchedulerType, toNodeConfiguration } from './schedule.ts';

/** The legacy file as a view of a node. Pure. */

type File = NonNullable<NonNullable<Operations['GetFile']['response']['Data']>['File']>;
type Version = NonNullable<Operations['GetFileVersion']['response']['Data']>;

/** A file as GetFile and ListFiles answer it. */
export function toLegacyFile(row: NodeRow): File {
  return {
    FileId: row.id,
    FileName: row.name,
    FileType: row.file_type,
    FileDescription: row.spec.description ?? '',
    FileFolderId: row.folder_id === null ? '' : String(row.folder_id),
    BusinessId: row.business_id ?? 0,
    BizId: row.business_id ?? 0,
    ParentId: row.container_id ?? 0,
    UseType: row.use_type,
    Owner: String(row.owner_id),
    Content: row.content,
    ConnectionName: row.spec.datasource?.name ?? '',
    IsMaxCompute: fileTypeByNumber.get(row.file_type)?.group === 'MaxCompute',
    AutoParsing: row.spec.autoParse ?? false,
    AdvancedSettings: row.spec.metadata?.advancedSettings ?? '',
    CommitStatus: row.revision === row.committed_revision ? 1 : 0,
    CurrentVersion: row.current_version,
    DeletedStatus: row.state,
    NodeId: row.task_id ?? undefined,
    CreateTime: row.created_at.getTime(),
    CreateUser: String(row.created_by),
    LastEditTime: row.edited_at.getTime(),
    LastEditUser: String(row.edited_by),
  };
}

/** What a version says of the file beside its code, as JSON text and in snapshots. */
export function toFileProperties(version: VersionRow) {
  return {
    BusinessId: version.business_id ?? 0,
    CurrentVersion: version.version,
    DataSourceName: version.spec.datasource?.name ?? '',
    FolderId: version.folder_id === null ? '' : String(version.folder_id),
    Owner: String(version.owner_id),
    ParentFileId: 0,
  };
}

/** A version as GetFileVersion and ListFileVersions answer it. */
export function toLegacyVersion(version: VersionRow, node: Pick<NodeRow, 'task_id' | 'deployed_version'>): Version {
  return {
    FileVersion: version.version,
    FileName: version.name,
    FileContent: version.content,
    FilePropertyContent: JSON.stringify(toFileProperties(version)),
    NodeContent: JSON.stringify(toNodeConfiguration(version.spec)),
    NodeId: node.task_id ?? undefined,
    ChangeType: version.change_type,
    Status: version.status,
    UseType: version.use_type,
    Comment: version.comment,
    CommitTime: version.committed_at.getTime(),
    CommitUser: String(version.committed_by),
    IsCurrentProd: version.version === node.deployed_version,
  };
}

/** What a file is for: its place decides, and in an ordinary place its schedule. */
export function useTypeOf(placeUseType: UseType, spec: NodeRow['spec']): UseType {
  if (placeUseType !== 'NORMAL') return placeUseType;
  const scheduler = legacySchedulerType(spec);
  return scheduler === 'MANUAL' || scheduler === 'SKIP' ? scheduler : 'NORMAL';
}
