import type { Operations } from '../../../contract/generated/dataworks-public-2024-05-18.ts';
import type { Operations as OwnOperations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { hasWorkspaceRight } from '../../identity/roles.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inProject, inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { checkText, pageCounters, readPage } from '../dialect.ts';
import { imageNotFound, imageVersions, visibleImages, type ImageView } from './images.ts';
import { associate, countImages, deleteImage, dissociate, imageNamed, imagesUsedIn, insertVersion, versionsOf, workspacesOf } from './store.ts';

/** Images in 2024-05-18, and how records of them come and go in our own product. */

export interface ImageServices {
  readonly directory: Pick<WorkspaceDirectory, 'find' | 'rolesOf'>;
}

type Directory = ImageServices['directory'];

async function mayRead(directory: Directory, call: Call, workspaceId: number): Promise<boolean> {
  return hasWorkspaceRight(call.caller.tenantRoles, await directory.rolesOf(workspaceId, call.caller.userId), 'read');
}

/** The workspaces of a filter; each must be one that the caller may read. */
async function readWorkspaces(directory: Directory, call: Call, ids: readonly number[]): Promise<readonly number[]> {
  if (ids.length > limits.batchIds.value) throw invalid('ProjectIds', `it may name at most ${limits.batchIds.value}`);
  for (const id of ids) {
    const workspace = await directory.find(call.tenantId, id);
    if (workspace === undefined) throw new ApiError('WorkspaceNotFound', { id });
    if (!(await mayRead(directory, call, workspace.id))) throw new ApiError('Forbidden', { action: call.action, needed: `a role in the workspace ${workspace.name}` });
  }
  return ids;
}

function compare(sortBy: string | undefined): (left: ImageView, right: ImageView) => number {
  const [, by, direction] = /^(CreateTime|Name)(?: (Asc|Desc))?$/i.exec(sortBy ?? 'CreateTime Asc') ?? [];
  if (by === undefined) throw invalid('SortBy', 'it must be CreateTime or Name, with Asc or Desc behind it');
  const sign = direction?.toLowerCase() === 'desc' ? -1 : 1;
  const byName = (left: ImageView, right: ImageView) => (left.Name < right.Name ? -1 : left.Name > right.Name ? 1 : 0);
  return by.toLowerCase() === 'name' ? (left, right) => sign * byName(left, right) : (left, right) => sign * ((left.CreatedTime ?? 0) - (right.CreatedTime ?? 0)) || byName(left, right);
}

export function imageOperations({ directory }: ImageServices): Handlers<Operations> {
  return {
    ListImages: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const order = compare(request.SortBy);
        const used = request.ProjectIds === undefined || request.ProjectIds.length === 0 ? undefined : await imagesUsedIn(call.db, call.tenantId, await readWorkspaces(directory, call, request.ProjectIds));
        const among = (wanted: readonly string[] | undefined, value: string) => wanted === undefined || wanted.length === 0 || wanted.includes(value);
        const found = (await visibleImages(call.db, call.tenantId)).filter(
          (image) =>
            (request.Accessibility === undefined || image.Accessibility === request.Accessibility) &&
            (request.Official === undefined || image.Official === request.Official) &&
            (request.Name === undefined || image.Name.toLowerCase().includes(request.Name.toLowerCase())) &&
            among(request.ProviderTypes, image.ProviderType) &&
            among(request.Stages, image.PublishStage) &&
            among(request.Statuses, image.Status) &&
            among(request.SupportedModules, image.Supported.Module) &&
            (request.SupportedTaskTypes ?? []).every((type) => image.Supported.TaskTypes.includes(type)) &&
            (used === undefined || used.has(image.Id)),
        );
        const ImageList = found.toSorted(order).slice(page.offset, page.offset + page.size);
        return { PagingInfo: { ImageList, ...pageCounters(page, found.length) }, Success: true };
      },
    },
    GetImage: {
      access: inTenant('member'),
      async handle(call, request) {
        const versions = await imageVersions(call.db, call.tenantId, request.Id);
        const image = request.ImageVersion === undefined || request.ImageVersion === '' ? versions[0] : versions.find((one) => one.Version === request.ImageVersion);
        if (image === undefined) throw imageNotFound(`${request.Id} ${request.ImageVersion ?? ''}`);
        return { Image: image, Success: true };
      },
    },
    ListImageVersions: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const versions = await imageVersions(call.db, call.tenantId, request.Id);
        return { PagingInfo: { ImageVersions: versions.slice(page.offset, page.offset + page.size), ...pageCounters(page, versions.length) }, Success: true };
      },
    },
    ListImageAssociatedProjects: {
      access: inTenant('member'),
      async handle(call, request) {
        await imageVersions(call.db, call.tenantId, request.Id);
        const Data: number[] = [];
        for (const id of await workspacesOf(call.db, call.tenantId, request.Id)) if (await mayRead(directory, call, id)) Data.push(id);
        return { Data, Success: true };
      },
    },
    AssociateProjectToImage: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change(async (change) => {
          await imageVersions(change, call.tenantId, request.Id);
          // Twice is as good as once.
          await associate(change, call.tenantId, request.Id, call.workspace.id, change.now);
          change.touch(`image:${request.Id}`);
        });
        return { Data: true, Success: true };
      },
    },
    DissociateProjectFromImage: {
      access: inProject('administer'),
      async handle(call, request) {
        await call.change(async (change) => {
          await imageVersions(change, call.tenantId, request.Id);
          if (!(await dissociate(change, request.Id, call.workspace.id))) throw new ApiError('WrongState', { kind: 'Image', label: 'image', id: request.Id, reason: 'the workspace does not use it' });
          change.touch(`image:${request.Id}`);
        });
        return { Data: true, Success: true };
      },
    },
  };
}

export function ownImageOperations(): Handlers<OwnOperations> {
  return {
    RegisterImage: {
      access: inTenant('administer-tenant'),
      handle(call, request) {
        const name = checkText('Name', request.Name, 128);
        if (!/^[\p{L}\p{N}][\p{L}\p{N}_.-]*$/u.test(name)) throw invalid('Name', 'it must begin with a letter or digit and have letters, digits, dots, hyphens and underscores only');
        const types = request.TaskTypes ?? [];
        if (types.length > 200) throw invalid('TaskTypes', 'it may name at most 200');
        const version = {
          version: checkText('ImageVersion', request.ImageVersion, 128),
          uri: checkText('ImageUri', request.ImageUri, 1_024),
          description: checkText('Description', request.Description ?? '', 1_024),
          task_types: [...new Set(types.map((type) => checkText('TaskTypes', type, 64)))],
        };
        if (version.version.trim() === '') throw invalid('ImageVersion', 'it may not be empty');
        return call.change(async (change) => {
          const id = await imageNamed(change, call.tenantId, name, change.actor.userId, change.now);
          if ((await countImages(change, call.tenantId)) > limits.imagesPerTenant.value) throw new ApiError('TooMany', { kind: 'Image', limit: limits.imagesPerTenant.value, label: 'images' });
          if ((await versionsOf(change, call.tenantId, id)).length >= limits.imageVersions.value) throw new ApiError('TooMany', { kind: 'ImageVersion', limit: limits.imageVersions.value, label: 'versions of an image' });
          try {
            await insertVersion(change, id, version, change.actor.userId, change.now);
          } catch (error) {
            if (isUniqueViolation(error, 'image_version_pkey')) throw new ApiError('AlreadyExists', { kind: 'ImageVersion', label: 'version of the image', id: version.version });
            throw error;
          }
          change.touch(`image:${id}`);
          return { ImageId: String(id) };
        });
      },
    },
    DeregisterImage: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        await call.change(async (change) => {
          if (!/^\d{1,15}$/.test(request.ImageId) || !(await deleteImage(change, call.tenantId, Number(request.ImageId)))) throw imageNotFound(request.ImageId);
          change.touch(`image:${request.ImageId}`);
        });
        return {};
      },
    },
  };
}
