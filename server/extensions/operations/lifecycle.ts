import type { ContractOperations } from '../../../contract/generated/index.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import type { IdSource } from '../../kernel/ids.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { existingWorkspace, type Authority } from '../authority.ts';
import { secretFrom } from '../../openevent/delivery/signature.ts';
import { signingPurpose } from '../asking.ts';
import { readRegistration } from '../registration.ts';
import { extensionState, extensionStates, extensionStatus, next, stepRights, type ExtensionState, type ExtensionStep } from '../states.ts';
import {
  countExtensions,
  findExtension,
  insertExtension,
  lockExtension,
  lockTenantExtensions,
  markExtensionDeleted,
  registrationOf,
  setExtensionStatus,
  setSigningSecret,
  updateRegistration,
  type ExtensionRow,
  type Registration,
} from '../store.ts';
import { release } from '../verdicts.ts';
import { dropDraft, findDraft, findVersion, isReviewRequired, listVersions, nextVersion, noteVersion, putDraft, setDraftStatus, setReviewRequired, type DraftRow } from '../version-store.ts';

type Own = ContractOperations['open-platform/2026-12-01'];

export interface LifecycleContext {
  readonly authority: Authority;
  readonly directory: WorkspaceDirectory;
  readonly ids: IdSource;
  readonly users: { find(userId: number, tenantId: number): Promise<object | undefined> };
  readonly checkTarget: (url: string) => void;
  readonly secrets: SecretBox;
}

/** What a step is taken on: the extension, or the new version of a published one. */
interface Subject {
  readonly extension: ExtensionRow;
  readonly draft: DraftRow | undefined;
  readonly state: ExtensionState;
}

/** Registration, review and life of extensions. None of this is ever held by an extension, so that a bad one can always be taken out. */
export function lifecycleOperations(context: LifecycleContext): Handlers<Own> {
  const { authority, directory, ids, users, checkTarget, secrets } = context;

  /** A new secret that signs the requests of an extension; it is shown this once. */
  function newSecret(tenantId: number, code: string): { shown: string; sealed: string } {
    const shown = secretFrom(Buffer.from(ids.token(32), 'base64url'));
    return { shown, sealed: secrets.seal(shown, signingPurpose(tenantId, code)) };
  }

  async function checkRegistration(call: Call, registration: Registration): Promise<void> {
    if (registration.projectTesting !== undefined) await existingWorkspace(directory, call.tenantId, registration.projectTesting);
    if (registration.ownerId !== call.caller.userId && (await users.find(registration.ownerId, call.tenantId)) === undefined) throw notFound('User', registration.ownerId);
  }

  /** Takes a step on the newest version: the draft where there is one. `onExtension`: on the extension itself, draft or not. */
  function step(call: Call, code: string, taken: ExtensionStep, work: (change: Change, subject: Subject, target: ExtensionState) => Promise<void>, onExtension = false): Promise<Record<string, never>> {
    return call.change(async (change) => {
      const extension = await locked(change, code);
      const draft = onExtension ? undefined : await findDraft(change, extension.id);
      const state = extensionState(draft?.status ?? extension.status);
      const target = next(extensionStates, state, taken);
      if (target === undefined) throw wrongState(extension, `it is ${state}${taken === 'delete' && state === 'Published' ? '; disable it first.' : '.'}`);
      const submittedBy = draft === undefined ? extension.submitted_by : draft.submitted_by;
      if (stepRights[taken] === 'other-writer' && submittedBy === call.caller.userId) {
        throw new ApiError('Forbidden', { action: call.action, needed: 'somebody else than the one who submitted it' });
      }
      await work(change, { extension, draft, state }, target);
      return {};
    });
  }

  /** A step that only moves the state. */
  function move(call: Call, code: string, taken: ExtensionStep): Promise<Record<string, never>> {
    return step(call, code, taken, async (change, { extension, draft }, target) => {
      if (target === 'Deleted') return;
      const submittedBy = taken === 'submit' ? call.caller.userId : undefined;
      if (draft === undefined) await setExtensionStatus(change, extension.id, extensionStatus[target], call.caller.userId, change.now, submittedBy);
      else await setDraftStatus(change, extension.id, extensionStatus[target], call.caller.userId, change.now, submittedBy);
    });
  }

  /** Puts a version in force that has been in force before. What was reviewed then is not reviewed again. */
  async function goBack(call: Call, code: string, version: number): Promise<Record<string, never>> {
    return call.change(async (change) => {
      const extension = await locked(change, code);
      const state = extensionState(extension.status);
      if (state !== 'Published' && state !== 'Disabled') throw wrongState(extension, `it is ${state}.`);
      const earlier = await findVersion(change, extension.id, version);
      if (earlier === undefined) throw notFound('Version', version, `version of ${code} that was in force`);
      await updateRegistration(change, extension.id, call.caller.userId, change.now, earlier.registration, version);
      await setExtensionStatus(change, extension.id, extensionStatus.Published, call.caller.userId, change.now);
      await noteVersion(change, extension.id, version, earlier.registration, call.caller.userId, change.now);
      return {};
    });
  }

  return {
    CreateExtension: {
      access: inTenant('write-open-platform'),
      async handle(call, request) {
        const registration = readRegistration(request, call.caller.userId, checkTarget);
        await checkRegistration(call, registration);
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
          if (registration.invocation !== 'HTTP' && registration.invocation !== 'FUNCTION') return { ExtensionCode: code };
          const { shown, sealed } = newSecret(call.tenantId, code);
          await setSigningSecret(change, (await locked(change, code)).id, sealed, call.caller.userId, change.now);
          return { ExtensionCode: code, SigningSecret: shown };
        });
      },
    },

    UpdateExtension: {
      access: inTenant('write-open-platform'),
      /** A published extension keeps working as it is; the change becomes its new version, in testing. */
      handle: (call, request) =>
        step(call, request.ExtensionCode, 'edit', async (change, { extension, draft }, target) => {
          const registration = readRegistration(request, call.caller.userId, checkTarget, draft?.registration ?? registrationOf(extension));
          await checkRegistration(call, registration);
          if (draft !== undefined || target === 'Published') {
            await putDraft(change, extension.id, draft?.number ?? (await nextVersion(change, extension.id, extension.version)), registration, call.caller.userId, change.now);
          } else {
            // What has been in force keeps its number, so an edit of it is a new version.
            const version = (await findVersion(change, extension.id, extension.version)) === undefined ? extension.version : await nextVersion(change, extension.id, extension.version);
            await updateRegistration(change, extension.id, call.caller.userId, change.now, registration, version);
            await setExtensionStatus(change, extension.id, extensionStatus.Testing, call.caller.userId, change.now);
          }
        }),
    },

    ResetExtensionSecret: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        call.change(async (change) => {
          const extension = await locked(change, request.ExtensionCode);
          const { shown, sealed } = newSecret(call.tenantId, extension.code);
          await setSigningSecret(change, extension.id, sealed, call.caller.userId, change.now);
          return { SigningSecret: shown };
        }),
    },

    SubmitExtension: { access: inTenant('write-open-platform'), handle: (call, request) => move(call, request.ExtensionCode, 'submit') },
    WithdrawExtension: { access: inTenant('write-open-platform'), handle: (call, request) => move(call, request.ExtensionCode, 'withdraw') },

    ReviewExtension: {
      access: inTenant('write-open-platform'),
      handle: (call, request) => move(call, request.ExtensionCode, request.Approve ? 'approve' : 'reject'),
    },

    PublishExtension: {
      access: inTenant('write-open-platform'),
      async handle(call, request) {
        if (request.ExtensionVersion !== undefined) return goBack(call, request.ExtensionCode, request.ExtensionVersion);
        return step(call, request.ExtensionCode, 'publish', async (change, { extension, draft, state }) => {
          const registration = draft?.registration ?? registrationOf(extension);
          const version = draft?.number ?? extension.version;
          // A disabled one that was in force, and was not edited since, has been reviewed.
          const reviewed = state === 'Approved' || (state === 'Disabled' && (await findVersion(change, extension.id, version)) !== undefined);
          if (!reviewed && (await isReviewRequired(change, call.tenantId))) throw wrongState(extension, 'it needs a review first; submit it.');
          if (draft !== undefined) {
            await updateRegistration(change, extension.id, call.caller.userId, change.now, registration, version);
            await dropDraft(change, extension.id);
          }
          await setExtensionStatus(change, extension.id, extensionStatus.Published, call.caller.userId, change.now);
          await noteVersion(change, extension.id, version, registration, call.caller.userId, change.now);
        });
      },
    },

    DisableExtension: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        step(
          call,
          request.ExtensionCode,
          'disable',
          async (change, { extension }) => {
            await dropDraft(change, extension.id);
            await setExtensionStatus(change, extension.id, extensionStatus.Disabled, call.caller.userId, change.now);
            await release(change, extension, 'all', 'disabled');
          },
          true,
        ),
    },

    DeleteExtension: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        step(
          call,
          request.ExtensionCode,
          'delete',
          async (change, { extension }) => {
            await markExtensionDeleted(change, extension.id, call.caller.userId, change.now);
            await release(change, extension, 'all', 'deleted');
          },
          true,
        ),
    },

    DiscardExtensionVersion: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        call.change(async (change) => {
          const extension = await locked(change, request.ExtensionCode);
          const draft = await findDraft(change, extension.id);
          if (draft === undefined) throw wrongState(extension, 'there is no version being made.');
          const state = extensionState(draft.status);
          // An approved version may go as well: nothing is in force yet.
          if (next(extensionStates, state, 'delete') === undefined && state !== 'Approved') throw wrongState(extension, `its new version is ${state}.`);
          await dropDraft(change, extension.id);
          return {};
        }),
    },

    ListExtensionVersions: {
      access: inTenant('member'),
      async handle(call, request) {
        const extension = await findExtension(call.db, call.tenantId, request.ExtensionCode);
        if (extension === undefined) throw notFound('Extension', request.ExtensionCode);
        const draft = await findDraft(call.db, extension.id);
        const open = extension.owner_id === call.caller.userId || authority.tenant(call, 'write-open-platform');
        const published = await listVersions(call.db, extension.id, limits.extensionVersions.value);
        const view = (number: number, status: number, registration: Registration) => ({
          Version: number,
          Status: status,
          InForce: number === extension.version && extension.status === extensionStatus.Published,
          ExtensionName: registration.name,
          BindEventList: [...registration.events],
          Invocation: registration.invocation,
          ExtensionDesc: registration.description,
          Owner: registration.ownerId,
          ...(registration.projectTesting === undefined ? {} : { ProjectTesting: registration.projectTesting }),
          DetailUrl: registration.detailUrl,
          HelpDocUrl: registration.helpDocUrl,
          ParameterSetting: registration.parameterSetting,
          OptionSetting: registration.optionSetting,
          DeadlineSeconds: registration.deadlineSeconds,
          DeadlineOutcome: registration.deadlineOutcome,
          RequireToken: registration.requireToken,
          ...(open ? { Target: registration.target } : {}),
        });
        const first = published.some(({ number }) => number === extension.version) ? [] : [view(extension.version, extension.status, registrationOf(extension))];
        return {
          Versions: [
            ...(draft === undefined ? [] : [view(draft.number, draft.status, draft.registration)]),
            ...first,
            ...published.map((version) => ({
              ...view(version.number, version.number === extension.version ? extension.status : extensionStatus.Disabled, version.registration),
              PublishTime: version.published_at.getTime(),
              UserId: version.published_by,
            })),
          ],
        };
      },
    },

    GetExtensionReview: {
      access: inTenant('member'),
      handle: async (call) => ({ Required: await isReviewRequired(call.db, call.tenantId) }),
    },

    SetExtensionReview: {
      access: inTenant('administer-tenant'),
      handle: (call, request) =>
        call.change(async (change) => {
          await setReviewRequired(change, call.tenantId, request.Required, call.caller.userId, change.now);
          change.touch('extension-review');
          return {};
        }),
    },
  };
}

async function locked(change: Change, code: string): Promise<ExtensionRow> {
  const extension = await lockExtension(change, change.actor.tenantId, code);
  if (extension === undefined) throw notFound('Extension', code);
  change.touch(`extension:${code}`);
  return extension;
}

export function wrongState(extension: ExtensionRow, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'Extension', label: 'Extension', id: extension.code, reason });
}
