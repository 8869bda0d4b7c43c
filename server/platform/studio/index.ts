import type { Operations as OwnOperations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { findOperation } from '../../../contract/index.ts';
import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { Scheduling } from '../scheduling/interface.ts';
import { createCommits } from './commit.ts';
import { createDeployables } from './deployable.ts';
import type { Packages, Studio } from './interface.ts';
import { commitOperations, runOperations } from './operations/commit.ts';
import { fileOperations, type Users } from './operations/files.ts';
import { folderOperations } from './operations/folders.ts';
import { waitingOperations } from './operations/waiting.ts';

export type { Deployable, PackageFailure, Packages, Studio } from './interface.ts';
export { studioSchema } from './schema.ts';

/** The studio: files with drafts and versions, their folders and businesses; commit, deletion and run. */
export function createStudio(options: { holds: Holds; scheduling: Scheduling; users: Users; packages: () => Packages }): {
  readonly module: Module;
  readonly points: readonly PointDeclaration[];
  readonly studio: Studio;
} {
  const { holds, scheduling, users, packages } = options;
  const commits = createCommits({ holds, scheduling, packages });
  const legacy = [fileOperations(users), folderOperations(users), commitOperations(commits)].flatMap((handlers) => declareOperations('dataworks-public', '2020-05-18', handlers));
  // The later version has most of these operations too, with the same names and shapes.
  const current = legacy.filter(({ action }) => findOperation('dataworks-public', '2024-05-18', action)?.name === action).map((declaration) => ({ ...declaration, version: '2024-05-18' }));
  return {
    module: { name: 'studio', operations: [...legacy, ...current, ...declareOperations('dataworks-public', '2024-05-18', waitingOperations(users)), ...declareOperations<OwnOperations>('open-platform', '2026-12-01', runOperations(commits))] },
    points: commits.points,
    studio: createDeployables(scheduling),
  };
}
