import { eventByCode } from '../../../contract/events.ts';
import type { ContractOperations } from '../../../contract/generated/index.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import type { IdSource } from '../../kernel/ids.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { existingWorkspace, forbidden, type Authority } from '../authority.ts';
import { checkOptionValue } from '../options.ts';
import { checkText, readRegistration } from '../registration.ts';
import { extensionState, extensionStates, extensionStatus, next, type ExtensionStep } from '../states.ts';
import {
  attach,
  countAttachments,
  countExtensions,
  detach,
  insertExtension,
  listAttachments,
  lockExtension,
  lockTenantExtensions,
  markExtensionDeleted,
  setExtensionStatus,
  updateRegistration,
  type ExtensionRow,
} from '../store.ts';
import { release } from '../verdicts.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';

type Own = ContractOperations['open-platform/2026-12-01'];

/** Registration, life and enabling of extensions. None of this is ever held by an extension, so that a bad one can always be taken out. */
export function extensionOperations(options: { authority: Authority; directory: WorkspaceDirectory; ids: IdSource }): Handlers<Own> {
  const { authority, directory, ids } = options;

  /** Takes a step of the life; `then` does what follows from it. */
  function step(call: Call, code: string, taken: ExtensionStep, then: (change: Change, extension: ExtensionRow) => Promise<void>): Promise<Record<string, never>> {
    return call.change(async (change) => {
      const extension = await locked(change, code);
      const state = extensionState(extension.status);
      const target = next(extensionStates, state, taken);
      if (target === undefined) throw wrongState(extension, `it is ${state}${taken === 'delete' && state === 'Published' ? '; disable it first.' : '.'}`);
      if (target === 'Deleted') await markExtensionDeleted(change, extension.id, call.caller.userId, change.now);
      else await setExtensionStatus(change, extension.id, extensionStatus[target], call.caller.userId, change.now);
      await then(change, extension);
      return {};
    });
  }

  /** The place of an enabling, after the caller's right was checked. Null: the tenant level. */
  async function place(call: Call, extension: ExtensionRow, projectId: number | undefined): Promise<number | null> {
    if (projectId === undefined) {
      // In testing the owner tries it out on the own operations only, so nobody else is touched.
      const testing = extensionState(extension.status) === 'Testing' && extension.owner_id === call.caller.userId;
      if (!testing && !authority.tenant(call, 'write-open-platform')) throw forbidden(call, 'the right write-open-platform, since it names no workspace');
      return null;
    }
    const workspaceId = await existingWorkspace(directory, call.tenantId, projectId);
    if (!(await authority.workspace(call, workspaceId, 'administer'))) throw forbidden(call, 'the right administer in the workspace');
    return workspaceId;
  }

  return {
    CreateExtension: {
      access: inTenant('write-open-platform'),
      async handle(call, request) {
        const registration = readRegistration(request);
        if (registration.projectTesting !== undefined) await existingWorkspace(directory, call.tenantId, registration.projectTesting);
        const code = request.ExtensionCode || `extension_${ids.text(16)}`;
        if (!/^[\w.-]{1,64}$/.test(code)) throw invalid('ExtensionCode', 'it may have up to 64 letters, digits and the signs _ . -');
        return call.change(async (change) => {
          await lockTenantExtensions(change, call.tenantId);
          if ((await countExtensions(change, call.tenantId)) >= limits.extensionsPerTenant.value) {
            throw new ApiError('TooMany', { kind: 'Extension', limit: limits.extensionsPerTenant.value, label: 'extensions' });
          }
          try {
            await insertExtension(change, call.tenantId, code, call.caller.userId, change.now, registration);
          } catch (error) {
            if (isUniqueViolation(error, 'extension_code')) throw new ApiError('AlreadyExists', { kind: 'Extension', label: 'extension', id: code });
            throw error;
          }
          change.touch(`extension:${code}`);
          return { ExtensionCode: code };
        });
      },
    },

    UpdateExtension: {
      access: inTenant('write-open-platform'),
      async handle(call, request) {
        if (request.ProjectTesting !== undefined) await existingWorkspace(directory, call.tenantId, request.ProjectTesting);
        return call.change(async (change) => {
          const extension = await locked(change, request.ExtensionCode);
          await updateRegistration(change, extension.id, call.caller.userId, change.now, readRegistration(request, extension));
          return {};
        });
      },
    },

    PublishExtension: {
      access: inTenant('write-open-platform'),
      handle: (call, request) => step(call, request.ExtensionCode, 'publish', async () => {}),
    },

    DisableExtension: {
      access: inTenant('write-open-platform'),
      handle: (call, request) => step(call, request.ExtensionCode, 'disable', (change, extension) => release(change, extension, 'all', 'disabled')),
    },

    DeleteExtension: {
      access: inTenant('write-open-platform'),
      handle: (call, request) => step(call, request.ExtensionCode, 'delete', (change, extension) => release(change, extension, 'all', 'deleted')),
    },

    EnableExtension: {
      access: inTenant('member'),
      async handle(call, request) {
        return call.change(async (change) => {
          const extension = await locked(change, request.ExtensionCode);
          const workspaceId = await place(call, extension, request.ProjectId);
          checkEnabling(call, extension, workspaceId);
          let optionValue: object | null = null;
          if (request.OptionValue) {
            checkText('OptionValue', request.OptionValue, limits.extensionTextCharacters.value);
            optionValue = checkOptionValue(request.OptionValue, extension.option_setting);
          }
          await attach(change, extension.id, workspaceId, optionValue, call.caller.userId, change.now);
          return {};
        });
      },
    },

    DisableExtensionForProject: {
      access: inTenant('member'),
      async handle(call, request) {
        return call.change(async (change) => {
          const extension = await locked(change, request.ExtensionCode);
          const workspaceId = await place(call, extension, request.ProjectId);
          if (!(await detach(change, extension.id, workspaceId))) throw wrongState(extension, 'it is not enabled there.');
          await release(change, extension, { workspaceId }, workspaceId === null ? 'disabled at tenant level' : 'disabled in the workspace');
          return {};
        });
      },
    },

    ListExtensionAttachments: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const filter = { tenantId: call.tenantId, code: request.ExtensionCode, workspaceId: request.ProjectId };
        const attachments = await listAttachments(call.db, filter, page.size, page.offset);
        // Option values may say how a workspace is guarded, so they are for those who look after it.
        const open = authority.tenant(call, 'write-open-platform') || (request.ProjectId !== undefined && (await authority.workspace(call, request.ProjectId, 'read')));
        return {
          PagingInfo: {
            Attachments: attachments.map((attachment) => ({
              ExtensionCode: attachment.code,
              ExtensionName: attachment.name,
              ...(attachment.workspace_id === null ? {} : { ProjectId: attachment.workspace_id }),
              ...(open ? { OptionValue: JSON.stringify(attachment.option_value ?? {}) } : {}),
              EnableUserId: attachment.enabled_by,
              EnableTime: attachment.enabled_at.getTime(),
            })),
            ...pageCounters(page, await countAttachments(call.db, filter)),
          },
        };
      },
    },
  };
}

async function locked(change: Change, code: string): Promise<ExtensionRow> {
  const extension = await lockExtension(change, change.actor.tenantId, code);
  if (extension === undefined) throw notFound('Extension', code);
  change.touch(`extension:${code}`);
  return extension;
}

function wrongState(extension: ExtensionRow, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'Extension', label: 'Extension', id: extension.code, reason });
}

/** Refuses an enabling that could have no effect: wrong state, wrong scope of testing, or no point at that level. */
function checkEnabling(call: Call, extension: ExtensionRow, workspaceId: number | null): void {
  const state = extensionState(extension.status);
  if (state !== 'Testing' && state !== 'Published') throw wrongState(extension, `it is ${state}.`);
  if (state === 'Testing' && workspaceId !== null && workspaceId !== extension.project_testing) throw wrongState(extension, 'it is being tested and may be enabled in its test workspace only.');
  if (state === 'Testing' && workspaceId === null && extension.owner_id !== call.caller.userId) throw wrongState(extension, 'it is being tested, and at tenant level only its owner may enable it then.');
  const level = workspaceId === null ? 'tenant' : 'workspace';
  if (!extension.events.some((code) => eventByCode.get(code)?.level === level)) throw invalid('ProjectId', `the extension is bound to no extension point of the ${level} level.`);
}
