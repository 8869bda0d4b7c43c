import type { WorkspaceDirectory } from '../../identity/directory.ts';
import type { Change } from '../../kernel/change.ts';
import type { Executor } from '../../kernel/database.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { Uploads } from '../studio/index.ts';
import { datasetOperations } from './operations/datasets.ts';
import { versionOperations } from './operations/versions.ts';
import { createPreviews } from './preview.ts';
import { deleteDatasetsOf } from './store.ts';

export { datasetsSchema } from './schema.ts';

/** Datasets: files, and tables of the workspace's DuckDB, under a name and in versions that do not change. */
export function createDatasets(options: {
  files: Uploads;
  directory: Pick<WorkspaceDirectory, 'find' | 'rolesOf'>;
  /** Ids of the tenant's living workspaces. */
  workspaceIds: (db: Executor, tenantId: number) => Promise<readonly number[]>;
  /** The folder that holds `workspaces/<id>/`. */
  dataFolder: string;
}): { readonly module: Module; removeWorkspace(change: Change, workspaceId: number): Promise<void> } {
  const { files, directory, workspaceIds, dataFolder } = options;
  const services = { files, directory, workspaceIds, preview: createPreviews({ dataFolder }) };
  return {
    module: {
      name: 'datasets',
      operations: [...declareOperations('dataworks-public', '2024-05-18', datasetOperations(services)), ...declareOperations('dataworks-public', '2024-05-18', versionOperations(services))],
    },
    removeWorkspace: deleteDatasetsOf,
  };
}
