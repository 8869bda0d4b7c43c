import type { ContractOperations } from '../../../contract/generated/index.ts';
import { invalid, missing, notFound } from '../../kernel/errors.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { forbidden, type Authority } from '../authority.ts';
import { findApproval, listDecisions } from '../approval-store.ts';
import { decideApproval } from '../approvals.ts';
import { askedOf } from '../asking.ts';
import { findOptionValue } from '../attachment-store.ts';
import { countHolds, findChecks, findContent, findHold, listHolds, type CheckRow, type HoldFilter, type HoldRow } from '../hold-store.ts';
import { readParameters } from '../parameters.ts';
import { functionBody, plainBody } from '../request.ts';
import { findExtension } from '../store.ts';
import { cancel, override } from '../verdicts.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { readOperator, viewer } from './queries.ts';

type Own = ContractOperations['open-platform/2026-12-01'];
type HoldSummary = NonNullable<NonNullable<Own['ListHolds']['response']['PagingInfo']>['Holds']>[number];
type VerdictView = NonNullable<NonNullable<Own['GetHold']['response']['Hold']>['Verdicts']>[number];

/** Held operations as people look at them and decide them. */
export function holdOperations(authority: Authority, directory: WorkspaceDirectory): Handlers<Own> {
  async function existing(call: Call, holdId: number): Promise<HoldRow> {
    const hold = await findHold(call.db, call.tenantId, holdId);
    if (hold === undefined) throw notFound('Hold', holdId);
    return hold;
  }

  /** Administers what the hold belongs to: its workspace, or at tenant level the Open Platform. */
  async function administers(call: Call, hold: HoldRow): Promise<boolean> {
    return hold.workspace_id === null ? authority.tenant(call, 'write-open-platform') : authority.workspace(call, hold.workspace_id, 'administer');
  }

  /** The hold with its checks, if the caller may see it. */
  async function seen(call: Call, holdId: number): Promise<{ hold: HoldRow; checks: CheckRow[] }> {
    const hold = await existing(call, holdId);
    const checks = await findChecks(call.db, hold.id);
    const mayOnlySee = await viewer(authority, call, hold.workspace_id ?? undefined);
    if (mayOnlySee !== undefined && hold.operator_id !== mayOnlySee && !checks.some((check) => check.owner_id === mayOnlySee)) {
      throw forbidden(call, 'the right read in the workspace of the hold, or the right write-open-platform');
    }
    return { hold, checks };
  }

  return {
    GetHold: {
      access: inTenant('member'),
      async handle(call, request) {
        const { hold, checks } = await seen(call, request.HoldId);
        return {
          Hold: {
            ...summary(hold),
            SnapshotHash: hold.snapshot_hash,
            Shadow: hold.shadow,
            ...(await approvalView(call, hold)),
            ...(hold.verdict === null ? {} : { CheckResult: hold.verdict, CheckResultTip: hold.tip }),
            ...(hold.closed_at === null ? {} : { ResumeStatus: hold.resume_status === null ? 'Pending' : hold.resume_status === 'DONE' ? 'Done' : 'Failed', ResumeMessage: hold.resume_message }),
            Verdicts: checks.map((check) => verdictView(hold, check)),
          },
        };
      },
    },

    ListHolds: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const filter: HoldFilter = {
          tenantId: call.tenantId,
          point: request.EventCode,
          workspaceId: request.ProjectId,
          statuses: request.Status === undefined ? undefined : [request.Status],
          operatorId: readOperator(request.Operator),
          extensionCode: request.ExtensionCode,
          messageId: request.MessageId,
          from: readMoment('StartTime', request.StartTime),
          to: readMoment('EndTime', request.EndTime),
          onlyOf: await viewer(authority, call, request.ProjectId),
        };
        const holds = await listHolds(call.db, filter, page.size, page.offset);
        return { PagingInfo: { Holds: holds.map(summary), ...pageCounters(page, await countHolds(call.db, filter)) } };
      },
    },

    MarkHoldPassed: {
      access: inTenant('member'),
      /** An administrator of the place may where the extension allows it; an administrator of the tenant always may, since an extension must not be able to lock a house. */
      async handle(call, request) {
        const reason = request.Reason.trim();
        if (reason === '') throw missing('Reason');
        const hold = await existing(call, request.HoldId);
        if (!(await administers(call, hold))) throw forbidden(call, hold.workspace_id === null ? 'the right write-open-platform' : 'the right administer in the workspace of the hold');
        const check = (await findChecks(call.db, hold.id)).find((candidate) => candidate.code === request.ExtensionCode);
        if (check !== undefined && !authority.tenant(call, 'administer-tenant') && !readParameters(check.parameter_setting).manualPass) {
          throw forbidden(call, 'a tenant administrator, since the extension does not allow passing by hand (extension.manualPass.enabled)');
        }
        await call.change((change) => override(change, hold.id, request.ExtensionCode, { displayName: call.caller.displayName, reason }));
        return {};
      },
    },

    DecideHoldApproval: {
      access: inTenant('member'),
      /** One of the step's approvers; not the operator of the held operation, and whatever the step says, an administrator of the tenant. */
      async handle(call, request) {
        await existing(call, request.HoldId);
        // An approver may be somebody who sees nothing else of the workspace; without an approval there is none.
        if ((await findApproval(call.db, request.HoldId)) === undefined) await seen(call, request.HoldId);
        await call.change((change) =>
          decideApproval(change, request.HoldId, { approve: request.Approve, comment: request.Comment?.trim() ?? '', displayName: call.caller.displayName }, async (hold, step) => {
            if (authority.tenant(call, 'administer-tenant')) return;
            const roles = hold.workspace_id === null ? [] : await directory.rolesOf(hold.workspace_id, call.caller.userId);
            const id = String(call.caller.userId);
            const named =
              step.type === 'ROLE' ? [...roles, ...call.caller.tenantRoles].some((role) => step.values.includes(role)) : step.values.includes(id) && (step.type === 'ACCOUNT' || roles.length > 0);
            if (!named) throw forbidden(call, `to be an approver of this step: ${step.type.toLowerCase()} ${step.values.join(', ')}`);
            if (hold.operator_id === call.caller.userId) throw forbidden(call, 'somebody else than the operator of the held operation');
          }),
        );
        return {};
      },
    },

    GetCheckRequest: {
      access: inTenant('member'),
      async handle(call, request) {
        const { hold } = await seen(call, request.HoldId);
        const content = await findContent(call.db, hold.id);
        const extension = request.ExtensionCode ? await findExtension(call.db, call.tenantId, request.ExtensionCode) : undefined;
        if (request.ExtensionCode && extension === undefined) throw notFound('Extension', request.ExtensionCode);
        const asked = askedOf({
          hold_id: hold.id,
          tenant_id: hold.tenant_id,
          workspace_id: hold.workspace_id,
          message_id: hold.message_id,
          point: hold.point,
          code: extension?.code ?? '',
          option_setting: extension?.option_setting ?? '',
          option_value: extension === undefined ? null : await findOptionValue(call.db, extension.id, hold.workspace_id),
          operator_id: hold.operator_id,
          title: hold.title,
          created_at: hold.created_at,
          deadline_at: hold.deadline_at,
          snapshot_hash: hold.snapshot_hash,
          snapshot: content?.snapshot ?? {},
          payload: content?.payload ?? {},
        });
        return { Body: JSON.stringify(request.Form === 'FUNCTION' ? functionBody(asked) : plainBody(asked)) };
      },
    },

    CancelHold: {
      access: inTenant('member'),
      async handle(call, request) {
        const hold = await existing(call, request.HoldId);
        if (hold.operator_id !== call.caller.userId && !(await administers(call, hold))) throw forbidden(call, 'to be the operator of the held operation, or to administer its workspace');
        const reason = request.Reason?.trim() ?? '';
        await call.change((change) => cancel(change, hold.id, `Called off by ${call.caller.displayName}${reason === '' ? '.' : `: ${reason}`}`));
        return {};
      },
    },
  };
}

function summary(hold: HoldRow): HoldSummary {
  return {
    HoldId: hold.id,
    EventCode: hold.point,
    MessageId: hold.message_id,
    ...(hold.workspace_id === null ? {} : { ProjectId: hold.workspace_id }),
    ProcessName: hold.title,
    Operator: String(hold.operator_id),
    Status: hold.status,
    CreateTime: hold.created_at.getTime(),
    Deadline: hold.deadline_at.getTime(),
    ...(hold.closed_at === null ? {} : { FinishTime: hold.closed_at.getTime() }),
  };
}

async function approvalView(call: Call, hold: HoldRow): Promise<Pick<NonNullable<Own['GetHold']['response']['Hold']>, 'Approval'>> {
  const approval = await findApproval(call.db, hold.id);
  if (approval === undefined) return {};
  const decisions = await listDecisions(call.db, hold.id);
  return {
    Approval: {
      Cause: approval.cause,
      Policy: approval.policy,
      State: approval.state,
      Step: approval.step + 1,
      Deadline: approval.deadline_at.getTime(),
      Steps: approval.steps.map((step) => ({ Type: step.type, Values: [...step.values] })),
      Decisions: decisions.map((decision) => ({ Step: decision.step + 1, UserId: decision.user_id, Approve: decision.approved, Comment: decision.comment, Time: decision.at.getTime() })),
    },
  };
}

/** What the older kind of file checkers calls the check: extension, hold and version. */
export function checkerInstanceId(holdId: number, check: Pick<CheckRow, 'extension_id' | 'version'>): string {
  return `${check.extension_id}_${holdId}_${check.version}`;
}

function verdictView(hold: HoldRow, check: CheckRow): VerdictView {
  return {
    ExtensionCode: check.code,
    ExtensionName: check.name,
    ...(check.result === null ? {} : { CheckResult: check.result }),
    CheckResultTip: check.tip,
    ...source(check),
    ...(check.decided_by === null ? {} : { UserId: check.decided_by }),
    ...(check.reason === '' ? {} : { Reason: check.reason }),
    ...(check.answered_at === null ? {} : { Time: check.answered_at.getTime() }),
    Deadline: check.deadline_at.getTime(),
    DeadlineOutcome: check.deadline_outcome,
    DetailUrl: check.detail_url,
    ManualPassEnabled: readParameters(check.parameter_setting).manualPass,
    Findings: check.findings.map((finding) => ({
      ...(finding.object === undefined ? {} : { Object: finding.object }),
      ...(finding.line === undefined ? {} : { Line: finding.line }),
      ...(finding.rule === undefined ? {} : { Rule: finding.rule }),
      Text: finding.text,
      ...(finding.link === undefined ? {} : { Link: finding.link }),
    })),
    Mode: check.mode,
    Invocation: check.invocation,
    Version: check.version,
    CheckerInstanceId: checkerInstanceId(hold.id, check),
    Attempts: check.attempts,
    LastError: check.last_error,
    ...(check.contacted_at === null ? {} : { ContactTime: check.contacted_at.getTime() }),
  };
}

function source(check: CheckRow): Pick<VerdictView, 'Source'> {
  switch (check.state) {
    case 'WAITING':
      return {};
    case 'ANSWERED':
      return { Source: 'Extension' };
    case 'EXPIRED':
      return { Source: 'Deadline' };
    case 'FAILED':
      return { Source: 'Failure' };
    case 'SKIPPED':
      return { Source: 'Breaker' };
    case 'OVERRIDDEN':
      return { Source: 'Person' };
    case 'RELEASED':
      return { Source: check.result === null ? 'Unneeded' : 'Disabled' };
  }
}

function readMoment(name: string, milliseconds: number | undefined): Date | undefined {
  if (milliseconds === undefined) return undefined;
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0 || milliseconds >= Date.UTC(10_000, 0, 1)) throw invalid(name, 'it must be epoch milliseconds before the year 10000.');
  return new Date(milliseconds);
}
