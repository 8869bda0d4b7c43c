import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import type { Operations as OwnOperations } from '../../../../contract/generated/open-platform-2026-12-01.ts';
import { invalid } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import { inProject, type Handlers } from '../../../kernel/operation.ts';
import { checkText, success } from '../../dialect.ts';
import type { Commits } from '../commit.ts';

/** Commit and deletion of files, in both API versions. */
export function commitOperations(commits: Commits): Handlers<Operations> {
  return {
    SubmitFile: {
      access: inProject('develop'),
      handle(call, request) {
        // A check that its subject can switch off decides nothing. An administrator passes a single one, with a reason, by MarkHoldPassed.
        if (request.SkipAllDeployFileExtensions === true) throw invalid('SkipAllDeployFileExtensions', 'checks are not skipped here; an administrator can pass one with MarkHoldPassed.');
        const comment = checkText('Comment', request.Comment ?? '', 2_000);
        return call.change(async (change) => ({ ...success, Data: await commits.submit(change, call.workspace, request.FileId, comment) }));
      },
    },
    DeleteFile: {
      access: inProject('develop'),
      handle: (call, request) => call.change(async (change) => ({ ...success, DeploymentId: await commits.remove(change, call.workspace, request.FileId) })),
    },
  };
}

/** Our own operation for what the vendor's editor does without an API. */
export function runOperations(commits: Commits): Handlers<OwnOperations> {
  return {
    RunFile: {
      access: inProject('develop'),
      handle(call, request) {
        const content = request.Content === undefined ? undefined : checkText('Content', request.Content, limits.fileContentBytes.value);
        if (content !== undefined && Buffer.byteLength(content) > limits.fileContentBytes.value) throw invalid('Content', `it may have at most ${limits.fileContentBytes.value} bytes.`);
        return call.change(async (change) => {
          const { instanceId, holdId, messageId } = await commits.run(change, call.workspace, request.FileId, content);
          return { MessageId: messageId, ...(instanceId === undefined ? {} : { InstanceId: instanceId }), ...(holdId === undefined ? {} : { HoldId: holdId }) };
        });
      },
    },
  };
}
