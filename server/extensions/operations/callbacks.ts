import type { ContractOperations } from '../../../contract/generated/index.ts';
import { invalid, missing } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { forbidden, type Authority } from '../authority.ts';
import type { Verdict } from '../states.ts';
import { answer } from '../verdicts.ts';

type Legacy = ContractOperations['dataworks-public/2020-05-18'];

/**
 * The callbacks. They differ in names only: message id and extension code together name the check, the result decides it.
 * A callback may be sent by the extension's owner and by whoever may write the Open Platform; a workspace role is not enough, since else a
 * developer could pass the own commit.
 */
export function callbackOperations(authority: Authority) {
  async function callback(call: Call, given: { messageId: string | undefined; extensionCode: string | undefined; result: string | undefined; tip: string; tipName: string }): Promise<void> {
    if (!given.messageId) throw missing('MessageId');
    if (!given.extensionCode) throw missing('ExtensionCode');
    const result = readVerdict(given.result);
    if (given.tip.length > limits.holdTipCharacters.value) throw invalid(given.tipName, `it may have at most ${limits.holdTipCharacters.value} characters.`);
    const { messageId, extensionCode } = given;
    await call.change((change) =>
      answer(change, { messageId, extensionCode, result, tip: given.tip }, (check) => {
        if (check.owner_id !== call.caller.userId && !authority.tenant(call, 'write-open-platform')) throw forbidden(call, 'to be the owner of the extension, or the right write-open-platform');
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
    } satisfies Handlers<Legacy>,
  };
}

/** The contract writes the values in two cases, so any is taken. */
function readVerdict(text: string | undefined): Verdict {
  if (!text) throw missing('CheckResult');
  const verdict = text.toUpperCase();
  if (verdict === 'OK' || verdict === 'WARN' || verdict === 'FAIL') return verdict;
  throw invalid('CheckResult', 'it must be OK, WARN or FAIL.');
}
