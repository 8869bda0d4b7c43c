import type { ContractOperations } from '../../contract/generated/index.ts';
import type { Changes } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import type { IdSource } from '../kernel/ids.ts';
import { limits } from '../kernel/limits.ts';
import type { Log } from '../kernel/log.ts';
import type { Module } from '../kernel/module.ts';
import { declareOperations } from '../kernel/operation.ts';
import type { Outbound } from '../kernel/outbound.ts';
import type { SecretBox } from '../kernel/secrets.ts';
import { periodic } from '../kernel/periodic.ts';
import type { WorkspaceDirectory } from '../identity/directory.ts';
import type { EventLog } from '../openevent/index.ts';
import { createAsking, type Asking } from './asking.ts';
import { createAuthority } from './authority.ts';
import { pruneRefusedCallbacks } from './callback-store.ts';
import { createDeadlines, type Deadlines } from './deadlines.ts';
import type { HoldReader, Holds, PointDeclaration } from './declare.ts';
import { createHolds } from './holds.ts';
import { approvalPolicyOperations } from './operations/approval-policies.ts';
import { callbackOperations } from './operations/callbacks.ts';
import { attachmentOperations } from './operations/extensions.ts';
import { holdOperations } from './operations/holds.ts';
import { lifecycleOperations } from './operations/lifecycle.ts';
import { queryOperations } from './operations/queries.ts';
import { holdJobs } from './resume.ts';
import { createRules } from './rules.ts';

export interface ExtensionsOptions {
  readonly database: Database;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly secrets: SecretBox;
  readonly directory: WorkspaceDirectory;
  readonly users: { find(userId: number, tenantId: number): Promise<object | undefined> };
  /** The client through which checkers are asked. */
  readonly outbound: Pick<Outbound, 'request' | 'checkTarget'>;
  /** Past events, for the preview of a scope. */
  readonly history: Pick<EventLog, 'read'>;
  /** The points of all domains. Asked when a hold goes on, since the domains are made with `holds` and so after this module. */
  readonly points: () => readonly PointDeclaration[];
}

/** The third door: registered programs decide whether an operation goes on. */
export function createExtensions(options: ExtensionsOptions): { module: Module; holds: Holds & HoldReader; asking: Asking; deadlines: Deadlines } {
  const { database, changes, clock, ids, log, directory } = options;
  const authority = createAuthority(directory);
  const callbacks = callbackOperations({ authority, changes });
  const queries = queryOperations(authority, directory);
  const asking = createAsking({ database, changes, clock, ids, log, transport: options.outbound, rules: createRules(), secrets: options.secrets });
  const deadlines = createDeadlines({ database, changes, clock, log });
  const forget = () => pruneRefusedCallbacks(database, new Date(clock.now().getTime() - limits.refusedCallbackDays.value * 86_400_000));
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
          ...lifecycleOperations({ secrets: options.secrets, authority, directory, ids, users: options.users, checkTarget: (url) => options.outbound.checkTarget(url) }),
          ...attachmentOperations({ authority, directory, history: options.history }),
          ...approvalPolicyOperations({ authority, directory }),
          ...holdOperations(authority, directory),
          ...callbacks.own,
        }),
      ],
      jobs: holdJobs(options.points),
      services: [asking, deadlines, periodic({ name: 'refused callbacks', everyMs: limits.partitionCheckMs.value, clock, log, round: forget })],
    },
    holds: createHolds({ ids, asking }),
    asking,
    deadlines,
  };
}
