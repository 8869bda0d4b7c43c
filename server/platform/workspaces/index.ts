import type { WorkspaceDirectory } from '../../identity/directory.ts';
import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import type { Log } from '../../kernel/log.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { Scheduling } from '../scheduling/interface.ts';
import { createDirectory } from './directory.ts';
import { createLifecycle, type Belonging } from './lifecycle.ts';
import { createMembers, type Users } from './members.ts';
import { currentOperations } from './operations/current.ts';
import { legacyOperations } from './operations/legacy.ts';
import { createCustomRoles } from './roles.ts';

export { workspacesSchema } from './schema.ts';
export { livingWorkspaceIds } from './store.ts';
export type { Belonging } from './lifecycle.ts';
export type { Users } from './members.ts';

/** Workspaces: their settings, their members, their end. Also tells the doors what they need to know of workspaces. */
export function createWorkspaces(options: {
  database: Database;
  clock: Clock;
  log: Log;
  users: Users;
  holds: Holds;
  scheduling: Scheduling;
  /** What goes with a workspace that is deleted. */
  belongings?: readonly Belonging[];
}): { readonly module: Module; readonly points: readonly PointDeclaration[]; readonly directory: WorkspaceDirectory } {
  const { database, clock, log, users, holds, scheduling } = options;
  const directory = createDirectory({ database, clock, log });
  const lifecycle = createLifecycle({ holds, scheduling, belongings: options.belongings ?? [], directory });
  const members = createMembers({ users, announce: lifecycle.announce });
  const shared = { lifecycle, members, customRoles: createCustomRoles({ announce: lifecycle.announce }), users };
  return {
    module: {
      name: 'workspaces',
      operations: [
        ...declareOperations('dataworks-public', '2020-05-18', legacyOperations(shared)),
        ...declareOperations('dataworks-public', '2024-05-18', currentOperations(shared)),
      ],
      jobs: [lifecycle.remains],
      services: [directory.service],
    },
    points: [lifecycle.point],
    directory,
  };
}
