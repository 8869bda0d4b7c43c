import type { ContractOperations } from '../../../contract/generated/index.ts';
import { invalid, missing, notFound } from '../../kernel/errors.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { forbidden, type Authority } from '../authority.ts';
import { countHolds, findChecks, findHold, listHolds, type CheckRow, type HoldFilter, type HoldRow } from '../hold-store.ts';
import { readParameters } from '../parameters.ts';
import { cancel, override } from '../verdicts.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import { readOperator, viewer } from './queries.ts';

type Own = ContractOperations['open-platform/2026-12-01'];
type HoldSummary = NonNullable<NonNullable<Own['ListHolds']['response']['PagingInfo']>['Holds']>[number];
type VerdictView = NonNullable<NonNullable<Own['GetHold']['response']['Hold']>['Verdicts']>[number];

/** Held operations as people look at them and decide them. */
export function holdOperations(authority: Authority): Handlers<Own> {
  async function existing(call: Call, holdId: number): Promise<HoldRow> {
    const hold = await findHold(call.db, call.tenantId, holdId);
    if (hold === undefined) throw notFound('Hold', holdId);
    return hold;
  }

  /** Administers what the hold belongs to: its workspace, or at tenant level the Open Platform. */
  async function administers(call: Call, hold: HoldRow): Promise<boolean> {
    return hold.workspace_id === null ? authority.tenant(call, 'write-open-platform') : authority.workspace(call, hold.workspace_id, 'administer');
  }

  return {
    GetHold: {
      access: inTenant('member'),
      async handle(call, request) {
        const hold = await existing(call, request.HoldId);
        const checks = await findChecks(call.db, hold.id);
        const mayOnlySee = await viewer(authority, call, hold.workspace_id ?? undefined);
        if (mayOnlySee !== undefined && hold.operator_id !== mayOnlySee && !checks.some((check) => check.owner_id === mayOnlySee)) {
          throw forbidden(call, 'the right read in the workspace of the hold, or the right write-open-platform');
        }
        return {
          Hold: {
            ...summary(hold),
            SnapshotHash: hold.snapshot_hash,
            ...(hold.verdict === null ? {} : { CheckResult: hold.verdict, CheckResultTip: hold.tip }),
            ...(hold.closed_at === null ? {} : { ResumeStatus: hold.resume_status === null ? 'Pending' : hold.resume_status === 'DONE' ? 'Done' : 'Failed', ResumeMessage: hold.resume_message }),
            Verdicts: checks.map(verdictView),
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

function verdictView(check: CheckRow): VerdictView {
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
