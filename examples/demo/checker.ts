import type { CallOperation } from './client.ts';
import type { ReceivedEvent } from './receiver.ts';

export const COMMIT_FILE = 'dataworks:FileChange:CommitFile';

const VERSION = '2020-05-18';

/** What the checker decided about one commit. */
export interface Decision {
  readonly fileName: string;
  readonly result: 'OK' | 'FAIL';
  readonly tip: string;
}

/**
 * Decides a held commit: reads the snapshot of what is proposed and answers OK, or FAIL with a tip for the developer when the code calls MAX_PT.
 * Answers undefined for an event that holds nothing.
 */
export async function checkCommit(call: CallOperation, extensionCode: string, event: ReceivedEvent): Promise<Decision | undefined> {
  if (event.type !== COMMIT_FILE || event.data['blockBusiness'] !== true) return undefined;
  // The event's id is the id under which the verdict is expected.
  const MessageId = event.id;
  const answer = await call(VERSION, 'GetIDEEventDetail', { MessageId, ProjectId: event.data['projectId'] });
  const { CommittedFile: file } = answer['EventDetail'] as { CommittedFile?: { FileName?: string; Content?: string } };
  const forbidden = callsMaxPt(file?.Content ?? '');
  const decision: Decision = {
    fileName: file?.FileName ?? '',
    result: forbidden ? 'FAIL' : 'OK',
    tip: forbidden ? 'MAX_PT scans every partition name at run time; name the partition, for example ${day}.' : '',
  };
  await call(VERSION, 'UpdateIDEEventResult', { MessageId, ExtensionCode: extensionCode, CheckResult: decision.result, CheckResultTip: decision.tip });
  return decision;
}

/** True when SQL calls MAX_PT outside of comments and texts. */
export function callsMaxPt(sql: string): boolean {
  const code = sql.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, ' ');
  return /\bmax_pt\s*\(/i.test(code);
}
