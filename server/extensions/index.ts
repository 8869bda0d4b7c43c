import type { IdSource } from '../kernel/ids.ts';
import type { Module } from '../kernel/module.ts';
import { declareOperations } from '../kernel/operation.ts';
import type { ContractOperations } from '../../contract/generated/index.ts';
import type { WorkspaceDirectory } from '../identity/directory.ts';
import { createAuthority } from './authority.ts';
import type { HoldReader, Holds, PointDeclaration } from './declare.ts';
import { holdGauges } from './gauges.ts';
import { createHolds } from './holds.ts';
import { callbackOperations } from './operations/callbacks.ts';
import { extensionOperations } from './operations/extensions.ts';
import { holdOperations } from './operations/holds.ts';
import { queryOperations } from './operations/queries.ts';
import { holdJobs } from './resume.ts';

/** The third door: registered programs decide whether an operation goes on. */
export function createExtensions(options: {
  ids: IdSource;
  directory: WorkspaceDirectory;
  /** The points of all domains. Asked when a hold goes on, since the domains are made with `holds` and so after this module. */
  points: () => readonly PointDeclaration[];
}): { module: Module; holds: Holds & HoldReader } {
  const authority = createAuthority(options.directory);
  const callbacks = callbackOperations(authority);
  const queries = queryOperations(authority, options.directory);
  return {
    module: {
      name: 'extensions',
      operations: [
        ...declareOperations<ContractOperations['dataworks-public/2020-05-18']>('dataworks-public', '2020-05-18', { ...callbacks.legacy, ...queries.legacy }),
        ...declareOperations<ContractOperations['dataworks-public/2024-05-18']>('dataworks-public', '2024-05-18', {
          UpdateIDEEventResult: callbacks.updateIdeEventResult,
          GetIDEEventDetail: queries.getIdeEventDetail,
        }),
        ...declareOperations<ContractOperations['open-platform/2026-12-01']>('open-platform', '2026-12-01', {
          ...extensionOperations({ authority, directory: options.directory, ids: options.ids }),
          ...holdOperations(authority),
        }),
      ],
      jobs: holdJobs(options.points),
      gauges: holdGauges,
    },
    holds: createHolds(),
  };
}
