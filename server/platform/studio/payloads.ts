import { momentText } from '../dialect.ts';
import { toFileProperties } from './legacy/file.ts';
import { legacySchedulerType, toNodeConfiguration } from './legacy/schedule.ts';
import type { PublishedTask } from '../scheduling/interface.ts';
import { nodeDocument, type ChangeType, type NodeRow, type VersionRow } from './model.ts';

/** What a version is to others: to the scheduler, and payloads and snapshots of the studio's extension points (facts of the event catalogue: P2, P3, and the branches of GetIDEEventDetail). */

const changeTypes = { CREATE: '0', UPDATE: '1', DELETE: '2' } as const;

function common(node: NodeRow, operator: number) {
  return {
    operator: String(operator),
    projectId: node.workspace_id,
    ...(node.task_id === null ? {} : { nodeId: node.task_id }),
    fileId: node.id,
    fileName: node.name,
    fileType: node.file_type,
    fileOwner: String(node.owner_id),
    fileCreateTime: momentText(node.created_at),
  };
}

/** A committed version as the scheduler takes it into service. Its first commit has given the node the id of its task. */
export function publishedTask(node: NodeRow, version: VersionRow, environment: 'DEV' | 'PROD'): PublishedTask {
  if (node.task_id === null) throw new Error(`the committed file ${node.id} has no task`);
  return {
    taskId: node.task_id,
    workspaceId: node.workspace_id,
    environment,
    fileId: node.id,
    fileVersion: version.version,
    name: version.name,
    fileType: node.file_type,
    command: node.command,
    ownerId: version.owner_id,
    content: version.content,
    spec: nodeDocument(node, version, node.folder_path),
  };
}

/** P2: commit and deployment. The change is that of the environment the version goes to. */
export function versionPayload(node: NodeRow, version: VersionRow, change: ChangeType, operator: number): Record<string, unknown> {
  return {
    ...common(node, operator),
    fileName: version.name,
    fileOwner: String(version.owner_id),
    fileVersion: version.version,
    changeType: changeTypes[change],
    dataSourceName: version.spec.datasource?.name ?? '',
  };
}

/** P3: deletion and run. */
export function filePayload(node: NodeRow, operator: number): Record<string, unknown> {
  return common(node, operator);
}

export function committedFile(node: NodeRow, version: VersionRow, change: ChangeType): Record<string, unknown> {
  const { InputList, OutputList, ...configuration } = toNodeConfiguration(version.spec);
  return {
    CommittedFile: {
      ChangeType: change,
      Comment: version.comment,
      Committor: String(version.committed_by),
      Content: version.content,
      FileId: node.id,
      FileName: version.name,
      FileType: node.file_type,
      ...(node.task_id === null ? {} : { NodeId: node.task_id }),
      UseType: version.use_type,
      FilePropertyContent: toFileProperties(version),
      NodeConfiguration: {
        AutoRerunIntervalMillis: configuration.AutoRerunIntervalMillis,
        AutoRerunTimes: configuration.AutoRerunTimes,
        CronExpress: configuration.CronExpress,
        CycleType: configuration.CycleType,
        DependentNodeIdList: configuration.DependentNodeIdList,
        DependentType: configuration.DependentType,
        InputList,
        OutputList,
        ParaValue: configuration.ParaValue,
        RerunMode: configuration.RerunMode,
        ResourceGroupId: configuration.ResourceGroupId,
        SchedulerType: legacySchedulerType(version.spec),
      },
    },
  };
}

export function deletedFile(node: NodeRow): Record<string, unknown> {
  return {
    DeletedFile: {
      BusinessId: node.business_id ?? 0,
      Content: node.content,
      CurrentVersion: node.current_version,
      DataSourceName: node.spec.datasource?.name ?? '',
      FileId: node.id,
      FileName: node.name,
      FileType: node.file_type,
      FolderId: node.folder_id === null ? '' : String(node.folder_id),
      ...(node.task_id === null ? {} : { NodeId: node.task_id }),
      Owner: String(node.owner_id),
      ParentFileId: 0,
      UseType: node.use_type,
    },
  };
}

export function executionCommand(node: NodeRow, content: string): Record<string, unknown> {
  return { FileExecutionCommand: { Content: content, DataSourceName: node.spec.datasource?.name ?? '', FileId: node.id, FileType: node.file_type } };
}
