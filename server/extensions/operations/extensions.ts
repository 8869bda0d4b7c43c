import { eventByCode } from '../../../contract/events.ts';
import type { ContractOperations } from '../../../contract/generated/index.ts';
import { invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import type { EventLog } from '../../openevent/index.ts';
import {
  attachmentStatistics,
  countAttachments,
  detach,
  findAttachment,
  listAttachments,
  putAttachment,
  type AttachmentRow,
  type NewAttachment,
} from '../attachment-store.ts';
import { existingWorkspace, forbidden, type Authority } from '../authority.ts';
import { checkOptionValue } from '../options.ts';
import { previewScope } from '../preview.ts';
import { checkText } from '../registration.ts';
import { readScope } from '../scope.ts';
import { attachmentStates, extensionState, next, type AttachmentState, type AttachmentStep } from '../states.ts';
import { findExtension, lockExtension, type ExtensionRow } from '../store.ts';
import { release } from '../verdicts.ts';
import { wrongState } from './lifecycle.ts';

type Own = ContractOperations['open-platform/2026-12-01'];
type EnableRequest = Own['EnableExtension']['request'];
type AttachmentView = NonNullable<Own['GetExtensionAttachment']['response']['Attachment']>;

const DAY = 86_400_000;

/** Where extensions are enabled, and how they work there. None of this is ever held by an extension. */
export function attachmentOperations(options: { authority: Authority; directory: WorkspaceDirectory; history: Pick<EventLog, 'read'> }): Handlers<Own> {
  const { authority, directory } = options;

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

  /** Whether the caller may see how a place is guarded. */
  async function maySee(call: Call, workspaceId: number | undefined): Promise<boolean> {
    return authority.tenant(call, 'write-open-platform') || (workspaceId !== undefined && (await authority.workspace(call, workspaceId, 'read')));
  }

  async function visible(call: Call, code: string, projectId: number | undefined): Promise<{ extension: ExtensionRow; workspaceId: number | null }> {
    const extension = await findExtension(call.db, call.tenantId, code);
    if (extension === undefined) throw notFound('Extension', code);
    const workspaceId = projectId === undefined ? null : await existingWorkspace(directory, call.tenantId, projectId);
    if (extension.owner_id !== call.caller.userId && !(await maySee(call, projectId))) throw forbidden(call, 'to own the extension, the right read in the workspace, or the right write-open-platform');
    return { extension, workspaceId };
  }

  return {
    EnableExtension: {
      access: inTenant('member'),
      async handle(call, request) {
        return call.change(async (change) => {
          const extension = await lockExtension(change, call.tenantId, request.ExtensionCode);
          if (extension === undefined) throw notFound('Extension', request.ExtensionCode);
          change.touch(`extension:${extension.code}`);
          const workspaceId = await place(call, extension, request.ProjectId);
          checkEnabling(call, extension, workspaceId);
          const present = await findAttachment(change, extension.id, workspaceId);
          await putAttachment(change, extension.id, workspaceId, readAttachment(request, extension, present), call.caller.userId, change.now);
          return {};
        });
      },
    },

    DisableExtensionForProject: {
      access: inTenant('member'),
      async handle(call, request) {
        return call.change(async (change) => {
          const extension = await lockExtension(change, call.tenantId, request.ExtensionCode);
          if (extension === undefined) throw notFound('Extension', request.ExtensionCode);
          change.touch(`extension:${extension.code}`);
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
        const open = await maySee(call, request.ProjectId);
        return {
          PagingInfo: {
            Attachments: attachments.map((attachment) => {
              const { Pattern, ...rest } = attachmentView(attachment);
              return {
                ...rest,
                ...(open ? { OptionValue: JSON.stringify(attachment.option_value ?? {}), ...(Pattern === undefined ? {} : { Pattern }) } : {}),
                EnableUserId: attachment.enabled_by,
                EnableTime: attachment.enabled_at.getTime(),
              };
            }),
            ...pageCounters(page, await countAttachments(call.db, filter)),
          },
        };
      },
    },

    GetExtensionAttachment: {
      access: inTenant('member'),
      async handle(call, request) {
        const { extension, workspaceId } = await visible(call, request.ExtensionCode, request.ProjectId);
        const attachment = await findAttachment(call.db, extension.id, workspaceId);
        if (attachment === undefined) throw notFound('Attachment', request.ExtensionCode, 'enabling there of');
        const seen = await attachmentStatistics(call.db, extension.id, workspaceId, new Date(call.clock.now().getTime() - (request.Days ?? 7) * DAY));
        return {
          Attachment: {
            ...attachmentView(attachment),
            Statistics: {
              Checks: seen.checks,
              Answered: seen.answered,
              OK: seen.ok,
              WARN: seen.warn,
              FAIL: seen.fail,
              Failed: seen.failed,
              Expired: seen.expired,
              Skipped: seen.skipped,
              ...(seen.answered === 0 ? {} : { HitRate: (seen.warn + seen.fail) / seen.answered }),
              ...(seen.p50 === null || seen.p95 === null ? {} : { P50Ms: seen.p50, P95Ms: seen.p95 }),
            },
          },
        };
      },
    },

    PreviewExtensionScope: {
      access: inTenant('member'),
      async handle(call, request) {
        const { extension, workspaceId } = await visible(call, request.ExtensionCode, request.ProjectId);
        const pattern = request.Pattern === undefined ? null : readScope(request.Pattern);
        const to = call.clock.now();
        const from = new Date(to.getTime() - (request.Days ?? 7) * DAY);
        return { Preview: await previewScope(options.history, extension, call.tenantId, workspaceId, pattern, { from, to }) };
      },
    },
  };
}

function attachmentView(attachment: AttachmentRow): AttachmentView {
  const deadlineOutcome = attachment.deadline_outcome ?? attachment.registered_outcome;
  return {
    ExtensionCode: attachment.code,
    ExtensionName: attachment.name,
    ...(attachment.workspace_id === null ? {} : { ProjectId: attachment.workspace_id }),
    Mode: attachment.mode,
    DeadlineSeconds: attachment.deadline_seconds ?? attachment.registered_seconds,
    DeadlineOutcome: deadlineOutcome,
    FailureOutcome: attachment.failure_outcome ?? deadlineOutcome,
    ReleaseOutcome: attachment.release_outcome,
    ...(attachment.pattern === null ? {} : { Pattern: JSON.stringify(attachment.pattern) }),
    BreakerFailures: attachment.breaker_failures,
    BreakerSeconds: attachment.breaker_seconds,
    BreakerState: attachment.breaker_state,
    ...(attachment.breaker_retry_at === null ? {} : { BreakerRetryTime: attachment.breaker_retry_at.getTime() }),
  };
}

const steps = { SHADOW: 'shadow', WARN: 'warn', ENFORCE: 'enforce' } as const satisfies Record<string, AttachmentStep>;
const states = { SHADOW: 'Shadow', WARN: 'Warn', ENFORCE: 'Enforce' } as const satisfies Record<string, AttachmentState>;

/** What an attachment is after a request; what the request does not say stays, or takes its default. Throws WrongState for a step up that leaves out warning. */
function readAttachment(request: EnableRequest, extension: ExtensionRow, present: AttachmentRow | undefined): NewAttachment {
  const mode = request.Mode ?? present?.mode ?? 'ENFORCE';
  const state = present === undefined ? 'Off' : states[present.mode];
  if (mode !== present?.mode && next(attachmentStates, state, steps[mode]) === undefined) {
    throw wrongState(extension, 'it is in shadow there; let it warn before it enforces, and look at what it answered (GetExtensionAttachment).');
  }
  let optionValue: object | null = present?.option_value ?? null;
  if (request.OptionValue) {
    checkText('OptionValue', request.OptionValue, limits.extensionTextCharacters.value);
    optionValue = checkOptionValue(request.OptionValue, extension.option_setting);
  }
  return {
    mode,
    optionValue,
    deadline_seconds: request.DeadlineSeconds ?? present?.deadline_seconds ?? null,
    deadline_outcome: request.DeadlineOutcome ?? present?.deadline_outcome ?? null,
    failure_outcome: request.FailureOutcome ?? present?.failure_outcome ?? null,
    release_outcome: request.ReleaseOutcome ?? present?.release_outcome ?? 'OK',
    pattern: request.Pattern === undefined ? (present?.pattern ?? null) : readScope(request.Pattern),
    breaker_failures: request.BreakerFailures ?? present?.breaker_failures ?? 5,
    breaker_seconds: request.BreakerSeconds ?? present?.breaker_seconds ?? 60,
  };
}

/** Refuses an enabling that could have no effect: wrong state, wrong scope of testing, or no point at that level. */
function checkEnabling(call: Call, extension: ExtensionRow, workspaceId: number | null): void {
  const state = extensionState(extension.status);
  // What is under review, or approved and not yet published, is still being tested.
  const testing = state === 'Testing' || state === 'Processing' || state === 'Approved';
  if (!testing && state !== 'Published') throw wrongState(extension, `it is ${state}.`);
  if (testing && workspaceId !== null && workspaceId !== extension.project_testing) throw wrongState(extension, 'it is being tested and may be enabled in its test workspace only.');
  if (testing && workspaceId === null && extension.owner_id !== call.caller.userId) throw wrongState(extension, 'it is being tested, and at tenant level only its owner may enable it then.');
  const level = workspaceId === null ? 'tenant' : 'workspace';
  if (!extension.events.some((code) => eventByCode.get(code)?.level === level)) throw invalid('ProjectId', `the extension is bound to no extension point of the ${level} level.`);
}
