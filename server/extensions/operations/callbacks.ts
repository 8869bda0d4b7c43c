import type { ContractOperations } from '../../../contract/generated/index.ts';
import type { Changes } from '../../kernel/change.ts';
import { ApiError, invalid, missing, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import { storable } from '../../kernel/text.ts';
import { forbidden, type Authority } from '../authority.ts';
import { countRefusedCallbacks, insertRefusedCallback, listRefusedCallbacks } from '../callback-store.ts';
import { findChecks, findHold, findTenantOfMessage } from '../hold-store.ts';
import { checkText } from '../registration.ts';
import type { Verdict } from '../states.ts';
import { answer, type Answer } from '../verdicts.ts';

type Legacy = ContractOperations['dataworks-public/2020-05-18'];
type Own = ContractOperations['open-platform/2026-12-01'];

/**
 * The callbacks. They differ in names only: message id and extension code together name the check, the result decides it.
 * A callback may be sent by the extension's owner and by whoever may write the Open Platform; a workspace role is not enough, since else a
 * developer could pass the own commit. What is refused is noted where the owner of the held operation sees it.
 */
export function callbackOperations(options: { authority: Authority; changes: Changes }) {
  const { authority, changes } = options;

  async function callback(call: Call, given: { messageId: string | undefined; extensionCode: string | undefined; result: string | undefined; tip: string; tipName: string; more?: Partial<Answer> }): Promise<void> {
    if (!given.messageId) throw missing('MessageId');
    if (!given.extensionCode) throw missing('ExtensionCode');
    const result = readVerdict(given.result);
    checkText(given.tipName, given.tip, limits.holdTipCharacters.value);
    const { messageId, extensionCode } = given;
    try {
      await call.change((change) =>
        answer(change, { messageId, extensionCode, result, tip: given.tip, ...given.more }, (check) => {
          if (check.owner_id !== call.caller.userId && !authority.tenant(call, 'write-open-platform')) throw forbidden(call, 'to be the owner of the extension, or the right write-open-platform');
        }),
      );
    } catch (error) {
      if (error instanceof ApiError) await noteRefusal(call, { messageId, extensionCode, result, reason: error.message });
      throw error;
    }
  }

  /** In a change of its own, and without the caller's token: a refusal is no answer to keep. */
  async function noteRefusal(call: Call, refused: { messageId: string; extensionCode: string; result: string; reason: string }): Promise<void> {
    const tenantId = (await findTenantOfMessage(call.db, refused.messageId)) ?? call.tenantId;
    await changes.change({ ...call.actor, token: undefined }, (change) =>
      insertRefusedCallback(change, {
        tenantId,
        messageId: storable(refused.messageId, 128),
        extensionCode: storable(refused.extensionCode, 64),
        action: call.action,
        result: refused.result,
        reason: refused.reason,
        callerTenantId: call.tenantId,
        userId: call.caller.userId,
        sourceAddress: call.sourceAddress,
        at: change.now,
      }),
    );
  }

  const updateIdeEventResult: NonNullable<Handlers<Legacy>['UpdateIDEEventResult']> = {
    access: inTenant('member'),
    async handle(call, request) {
      await callback(call, { messageId: request.MessageId, extensionCode: request.ExtensionCode, result: request.CheckResult, tip: request.CheckResultTip ?? '', tipName: 'CheckResultTip' });
      return {};
    },
  };

  return {
    /** The same in both versions. */
    updateIdeEventResult,
    legacy: {
      UpdateIDEEventResult: updateIdeEventResult,
      UpdateWorkbenchEventResult: {
        access: inTenant('member'),
        async handle(call, request) {
          if (request.CheckResult.toUpperCase() === 'WARN') throw invalid('CheckResult', 'it must be OK or FAIL here; use CallbackExtension to warn.');
          await callback(call, { messageId: request.MessageId, extensionCode: request.ExtensionCode, result: request.CheckResult, tip: request.CheckResultTip ?? '', tipName: 'CheckResultTip' });
          return { Success: true };
        },
      },
      CallbackExtension: {
        access: inTenant('member'),
        async handle(call, request) {
          if (request.CheckResult.toUpperCase() === 'FAIL' && !request.CheckMessage) throw missing('CheckMessage');
          await callback(call, { messageId: request.MessageId, extensionCode: request.ExtensionCode, result: request.CheckResult, tip: request.CheckMessage ?? '', tipName: 'CheckMessage' });
          return { Success: 'true' };
        },
      },

      CheckFileDeployment: {
        access: inTenant('member'),
        /** For checkers of the older kind: extension and hold stand in one id, as GetHold and the check's request tell it. */
        async handle(call, request) {
          const named = /^(\d{1,15})_(\d{1,15})_\d{1,9}$/.exec(request.CheckerInstanceId);
          if (named === null) throw invalid('CheckerInstanceId', 'it must have the form <extension>_<hold>_<version>.');
          const hold = await findHold(call.db, call.tenantId, Number(named[2]));
          const check = hold === undefined ? undefined : (await findChecks(call.db, hold.id)).find((candidate) => candidate.extension_id === Number(named[1]));
          if (hold === undefined || check === undefined) throw notFound('CheckerInstance', request.CheckerInstanceId, 'check');
          const tip = request.CheckDetailUrl ?? '';
          await callback(call, { messageId: hold.message_id, extensionCode: check.code, result: request.Status, tip, tipName: 'CheckDetailUrl' });
          return {};
        },
      },
    } satisfies Handlers<Legacy>,
    own: {
      AnswerCheck: {
        access: inTenant('member'),
        async handle(call, request) {
          const findings = (request.Findings ?? []).map((finding, index) => {
            checkText(`Findings[${index}].Text`, finding.Text, 2_000);
            return { object: finding.Object, line: finding.Line, rule: finding.Rule, text: finding.Text, link: finding.Link };
          });
          if (findings.length > limits.checkFindings.value) throw invalid('Findings', `there may be at most ${limits.checkFindings.value}.`);
          await callback(call, {
            messageId: request.MessageId,
            extensionCode: request.ExtensionCode,
            result: request.CheckResult,
            tip: request.CheckMessage ?? '',
            tipName: 'CheckMessage',
            more: { findings, token: request.CheckToken, snapshotHash: request.SnapshotHash },
          });
          return {};
        },
      },

      ListRefusedCallbacks: {
        access: inTenant('write-open-platform'),
        async handle(call, request) {
          const page = readPage(request);
          const filter = { tenantId: call.tenantId, extensionCode: request.ExtensionCode, messageId: request.MessageId };
          const refused = await listRefusedCallbacks(call.db, filter, page.size, page.offset);
          return {
            PagingInfo: {
              Callbacks: refused.map((row) => {
                const foreign = row.caller_tenant_id !== call.tenantId;
                return {
                  MessageId: row.message_id,
                  ExtensionCode: row.extension_code,
                  Action: row.action,
                  CheckResult: row.result,
                  Reason: row.reason,
                  // Who it was in another tenant is not ours to tell.
                  ...(foreign ? {} : { UserId: row.user_id, SourceAddress: row.source_address }),
                  Time: row.at.getTime(),
                  Foreign: foreign,
                };
              }),
              ...pageCounters(page, await countRefusedCallbacks(call.db, filter)),
            },
          };
        },
      },
    } satisfies Handlers<Own>,
  };
}

/** The contract writes the values in two cases, so any is taken. */
function readVerdict(text: string | undefined): Verdict {
  if (!text) throw missing('CheckResult');
  const verdict = text.toUpperCase();
  if (verdict === 'OK' || verdict === 'WARN' || verdict === 'FAIL') return verdict;
  throw invalid('CheckResult', 'it must be OK, WARN or FAIL.');
}
