import type { WorkspaceDirectory } from '../../identity/directory.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import type { TcpOutbound } from '../../kernel/outbound-tcp.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import type { ResourceGroups } from '../resources/interface.ts';
import { createComputes } from './computes.ts';
import { createConnectivity } from './connectivity.ts';
import type { DataSources } from './interface.ts';
import { computeOperations } from './operations/computes.ts';
import { currentOperations } from './operations/current.ts';
import { legacyOperations } from './operations/legacy.ts';
import { createSources } from './sources.ts';

export type { DataSourceConnection, DataSources, Protocol } from './interface.ts';
export { datasourcesSchema } from './schema.ts';

/** Data sources of workspaces: what code runs on, with secrets that go in and never out, and tests that really connect. */
export function createDataSources(options: {
  secrets: SecretBox;
  directory: WorkspaceDirectory;
  groups: ResourceGroups;
  outbound: Outbound;
  tcp: TcpOutbound;
  /** The folder that holds `workspaces/<id>/` with their DuckDB files. */
  dataFolder: string;
  clock: Clock;
  /** For a whole connectivity test; the named limit when absent. */
  timeoutMs?: number;
}): { readonly module: Module; readonly dataSources: DataSources } {
  const computes = createComputes(options);
  const sources = createSources({ ...options, computes });
  const operations = { sources, connectivity: createConnectivity(options), groups: options.groups };
  return {
    module: {
      name: 'datasources',
      operations: [...declareOperations('dataworks-public', '2020-05-18', legacyOperations(operations)), ...declareOperations('dataworks-public', '2024-05-18', currentOperations(operations)), ...declareOperations('dataworks-public', '2024-05-18', computeOperations(computes))],
    },
    dataSources: sources.dataSources,
  };
}
