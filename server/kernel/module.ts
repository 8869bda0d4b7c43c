import type { JobDeclaration } from './jobs.ts';
import type { Gauge } from './metrics.ts';
import type { MigrationSource } from './migrations.ts';
import type { OperationDeclaration } from './operation.ts';
import type { PartitionedTable } from './partitions.ts';

/** Something that runs in the background from start to stop of the process. */
/** What a process may be told to do or to leave to others on the same database. All of them answer calls. */
export const processRoles = ['deliver', 'schedule', 'work'] as const;

export type ProcessRole = (typeof processRoles)[number];

export interface Service {
  readonly name: string;
  /** Started only in processes of this role; in all when absent. */
  readonly role?: ProcessRole;
  start(): Promise<void> | void;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

/** What a module offers. `main.ts` plugs it in; nobody else reads it. */
export interface Module {
  readonly name: string;
  readonly operations?: readonly OperationDeclaration[];
  readonly jobs?: readonly JobDeclaration[];
  readonly services?: readonly Service[];
  readonly gauges?: readonly Gauge[];
}

/** What a module has in the database, known without composing it. */
export interface Schema {
  readonly migrations: MigrationSource;
  readonly partitions?: readonly PartitionedTable[];
}
