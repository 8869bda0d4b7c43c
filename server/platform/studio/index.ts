import type { Operations as UploadOperations } from '../../../contract/generated/OpenPlatform-2019-12-19.ts';
import type { Operations as OwnOperations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { findOperation } from '../../../contract/index.ts';
import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Change } from '../../kernel/change.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations, type Handlers } from '../../kernel/operation.ts';
import type { Scheduling } from '../scheduling/interface.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import { createCommits } from './commit.ts';
import { createDeployables } from './deployable.ts';
import { importJob } from './flow/import.ts';
import type { Packages, Releases, Studio } from './interface.ts';
import { commitOperations, runOperations } from './operations/commit.ts';
import { entityOperations } from './operations/entities.ts';
import { fileOperations, type Users } from './operations/files.ts';
import { folderOperations } from './operations/folders.ts';
import { nodeOperations } from './operations/nodes.ts';
import { parameterOperations } from './operations/parameters.ts';
import { resourceFileOperations } from './operations/resource-files.ts';
import { snapshotOperations } from './operations/snapshots.ts';
import { waitingOperations } from './operations/waiting.ts';
import { workflowOperations } from './operations/workflows.ts';
import { deleteParametersOf } from './parameter-store.ts';
import { createReleases } from './release.ts';
import { createSurroundings, type Surroundings } from './surroundings.ts';
import type { Uploads } from './upload/index.ts';

export type { Deployable, PackageFailure, Packages, ReleaseItem, Releases, Studio } from './interface.ts';

/** Workspaces by their names, as the studio needs them. */
export interface NamedWorkspaces {
  find(tenantId: number, name: string): Promise<unknown>;
}
export type { NodeKind } from './model.ts';
export { studioSchema } from './schema.ts';
export { createUploads, type FormAnswer, type UploadDoor, type Uploads } from './upload/index.ts';

/** The studio: files with drafts and versions, their folders and businesses; commit, deletion and run. */
export function createStudio(options: { holds: Holds; scheduling: Scheduling; users: Users; packages: () => Packages; secrets: SecretBox; uploads: Uploads & { readonly operations: Handlers<UploadOperations> }; workspaces: NamedWorkspaces }): {
  readonly module: Module;
  readonly points: readonly PointDeclaration[];
  readonly studio: Studio;
  readonly releases: Releases;
  /** Deletes the parameters of a workspace that is being deleted. Its code stays, for what tells of the past. */
  removeWorkspace(change: Change, workspaceId: number): Promise<void>;
  /** What running tasks use of the studio. */
  readonly surroundings: Surroundings;
} {
  const { holds, scheduling, users, packages, secrets, uploads } = options;
  /** The root of a workspace is an output without a node that gives it. */
  const isRoot = async (tenantId: number, output: string) => output.endsWith('_root') && (await options.workspaces.find(tenantId, output.slice(0, -'_root'.length))) !== undefined;
  const commits = createCommits({ holds, scheduling, packages });
  const legacy = [fileOperations(users), folderOperations(users), commitOperations(commits), resourceFileOperations(users, uploads)].flatMap((handlers) => declareOperations('dataworks-public', '2020-05-18', handlers));
  // The later version has most of these operations too, with the same names and shapes.
  const current = legacy.filter(({ action }) => findOperation('dataworks-public', '2024-05-18', action)?.name === action).map((declaration) => ({ ...declaration, version: '2024-05-18' }));
  return {
    module: {
      name: 'studio',
      operations: [
        ...legacy,
        ...current,
        ...[waitingOperations(users), nodeOperations(users, commits), workflowOperations(users, commits), entityOperations(users, commits, uploads), snapshotOperations(), parameterOperations(users, secrets)].flatMap(
          (handlers) => declareOperations('dataworks-public', '2024-05-18', handlers),
        ),
        ...declareOperations('OpenPlatform', '2019-12-19', uploads.operations),
        ...declareOperations<OwnOperations>('open-platform', '2026-12-01', runOperations(commits)),
      ],
      jobs: [importJob(users)],
    },
    points: commits.points,
    studio: createDeployables(scheduling, isRoot),
    releases: createReleases(scheduling, isRoot),
    surroundings: createSurroundings(secrets),
    removeWorkspace: deleteParametersOf,
  };
}
