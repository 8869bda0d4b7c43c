import { eventByCode } from '../../contract/events.ts';
import type { Change } from '../kernel/change.ts';
import type { Executor } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import type { IdSource } from '../kernel/ids.ts';
import type { HoldReader, Holds, Proposal } from './declare.ts';
import { cancelApproval } from './approval-store.ts';
import { askLease, type Asking, type FreshAsk } from './asking.ts';
import { extensionsAtPoint, extensionsForProposal, takeProbe, type PointExtension } from './attachment-store.ts';
import { findChecks, findHold, insertHold, releaseWaiting, withdrawHold, type NewCheck } from './hold-store.ts';
import { readParameters } from './parameters.ts';
import { inScope } from './scope.ts';
import { canonicalJson, hashText } from './snapshot.ts';
import { processStatus } from './states.ts';
import { hashToken, settle } from './verdicts.ts';

/** Where an operation happens, as far as it decides which extensions check it. */
interface Occasion {
  readonly point: string;
  /** The workspace that parameter texts speak of: the operation's own, or for a tenant-level point the one its payload names. */
  readonly about: number | undefined;
  readonly fileType: number | undefined;
}

/** Of the extensions at a point, those whose parameters do not exclude the occasion. */
function notExcluded(extensions: readonly PointExtension[], occasion: Occasion): PointExtension[] {
  return extensions.filter((extension) => {
    const parameters = readParameters(extension.parameter_setting);
    if (occasion.about !== undefined && parameters.isDisabled(occasion.about, occasion.point)) return false;
    return parameters.checksFileType(occasion.fileType, occasion.point);
  });
}

/** The extensions that an operation of `userId` at the point would meet now. `workspaceId` null: at tenant level; `about` is then the workspace concerned. */
export async function enabledExtensions(db: Executor, tenantId: number, point: string, workspaceId: number | null, userId: number, fileType: number | undefined, about: number): Promise<PointExtension[]> {
  return notExcluded(await extensionsAtPoint(db, tenantId, point, workspaceId, userId), { point, about, fileType });
}

/** The door as the domains see it. Nothing is locked or kept open while a hold waits. */
export function createHolds(options: { ids: IdSource; asking: Pick<Asking, 'begin' | 'hasRoom'> }): Holds & HoldReader {
  return {
    async propose(change, proposal) {
      const event = eventByCode.get(proposal.point);
      if (event?.class !== 'X') throw new Error(`${proposal.point} is not an extension point`);
      const { tenantId, userId } = change.actor;
      const { holdId, extensions } = await extensionsForProposal(change, tenantId, proposal.point, proposal.workspaceId ?? null, userId);
      const named = Number(proposal.data[event.workspaceField]);
      const about = proposal.workspaceId ?? (Number.isSafeInteger(named) ? named : undefined);
      // The platform's own writes pass: nobody could be told of a verdict, and a repair must never wait.
      const candidates = userId === 0 ? [] : notExcluded(extensions, { point: proposal.point, about, fileType: proposal.fileType });
      const matching = candidates.filter(({ settings }) => inScope(settings.pattern, event, { ...proposal, data: { ...proposal.data, extensionBizId: `job_${holdId}` }, tenantId, userId, now: change.now }));
      const held = matching.some(({ settings }) => settings.mode !== 'SHADOW');
      const data = { ...proposal.data, extensionBizId: `job_${holdId}`, blockBusiness: held };
      const messageId = change.raise({ code: proposal.point, workspaceId: proposal.workspaceId, objectKey: proposal.objectKey, data });
      if (matching.length > 0) change.ask({ point: proposal.point, title: proposal.title, held, extensions: matching.map(({ code, name, settings }) => ({ code, name, mode: settings.mode })) });
      if (matching.length > 0) await writeHold(change, { holdId, messageId, data: { ...data, tenantId, eventCode: proposal.point }, shadow: !held }, proposal, matching);
      return held ? { held, messageId, holdId } : { held, messageId };
    },

    async withdraw(change, holdId, reason) {
      if (!(await withdrawHold(change, change.actor.tenantId, holdId, reason, change.now))) return;
      await releaseWaiting(change, holdId, reason, change.now);
      await cancelApproval(change, holdId, change.now);
      change.touch(`hold:${holdId}`);
    },

    async read(db, tenantId, holdId) {
      const hold = await findHold(db, tenantId, holdId);
      return hold === undefined ? undefined : { holdId, status: processStatus(hold.status), tip: hold.tip };
    },
  };

  async function writeHold(change: Change, raised: { holdId: number; messageId: string; data: Readonly<Record<string, unknown>>; shadow: boolean }, proposal: Proposal, matching: readonly PointExtension[]): Promise<void> {
    const { tenantId, userId } = change.actor;
    const snapshot = canonicalJson(proposal.snapshot);
    if (Buffer.byteLength(snapshot) > limits.holdSnapshotBytes.value) {
      throw new ApiError('RequestTooLarge', { reason: `what is to be checked may have at most ${limits.holdSnapshotBytes.value} bytes.` });
    }
    const snapshotHash = hashText(snapshot);
    const checks: NewCheck[] = [];
    const asks: FreshAsk[] = [];
    const own = options.asking.hasRoom(matching.length);
    for (const extension of matching) {
      const skipped = await skipReason(change, extension, proposal.workspaceId ?? null);
      const token = extension.require_token && extension.invocation !== 'EVENT' && skipped === undefined ? options.ids.token(24) : undefined;
      const direct = extension.invocation !== 'EVENT' && skipped === undefined;
      const { settings } = extension;
      const deadlineOutcome = settings.deadline_outcome ?? extension.deadline_outcome;
      const check: NewCheck = {
        extensionId: extension.id,
        deadlineAt: new Date(change.now.getTime() + (settings.deadline_seconds ?? extension.deadline_seconds) * 1_000),
        deadlineOutcome,
        failureOutcome: settings.failure_outcome ?? deadlineOutcome,
        releaseOutcome: settings.release_outcome,
        mode: settings.mode,
        version: extension.version,
        invocation: extension.invocation,
        target: extension.target,
        askAt: direct ? (own ? askLease(change.now) : change.now) : undefined,
        asked: direct && own,
        tokenHash: token === undefined ? undefined : hashToken(token),
        skipped,
      };
      checks.push(check);
      if (!check.asked) continue;
      asks.push({
        hold_id: raised.holdId,
        extension_id: extension.id,
        tenant_id: tenantId,
        workspace_id: proposal.workspaceId ?? null,
        invocation: extension.invocation,
        target: extension.target,
        attempts: 1,
        wants_token: token !== undefined,
        token,
        message_id: raised.messageId,
        point: proposal.point,
        code: extension.code,
        option_setting: extension.option_setting,
        signing_secret: extension.signing_secret,
        option_value: extension.option_value,
        operator_id: userId,
        title: proposal.title,
        created_at: change.now,
        deadline_at: check.deadlineAt,
        snapshot_hash: snapshotHash,
        snapshot: proposal.snapshot,
        payload: raised.data,
      });
    }
    await insertHold(change, {
      id: raised.holdId,
      tenantId,
      workspaceId: proposal.workspaceId,
      point: proposal.point,
      title: proposal.title,
      operatorId: userId,
      messageId: raised.messageId,
      objectKey: proposal.objectKey,
      payload: raised.data,
      snapshot,
      snapshotHash,
      args: proposal.args,
      createdAt: change.now,
      shadow: raised.shadow,
      checks,
    });
    if (asks.length > 0) change.afterCommit(() => options.asking.begin(asks));
    if (checks.some((check) => check.skipped !== undefined)) {
      const hold = await findHold(change, tenantId, raised.holdId);
      if (hold !== undefined) await settle(change, hold, await findChecks(change, hold.id));
    }
    change.touch(`hold:${raised.holdId}`);
  }
}

/** Why an extension is not asked: its breaker is open, and this operation is not the one that tries it again. */
async function skipReason(change: Change, extension: PointExtension, workspaceId: number | null): Promise<string | undefined> {
  if (extension.breaker_state === 'CLOSED' || extension.settings.breaker_failures === 0) return undefined;
  if (await takeProbe(change, extension.id, workspaceId, extension.settings.breaker_seconds, change.now)) return undefined;
  const outcome = extension.settings.failure_outcome ?? extension.settings.deadline_outcome ?? extension.deadline_outcome;
  return `${extension.name} was not asked: it failed ${extension.settings.breaker_failures} times in a row, and its breaker is open${extension.breaker_retry_at === null ? '' : ` until ${extension.breaker_retry_at.toISOString()}`}. Its outcome for this is ${outcome}.`;
}
