import { eventByCode } from '../../contract/events.ts';
import type { Change } from '../kernel/change.ts';
import type { Executor } from '../kernel/database.ts';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import type { HoldReader, Holds, Proposal } from './declare.ts';
import { findHold, insertHold, releaseWaiting, withdrawHold } from './hold-store.ts';
import { deadlineJob } from './jobs.ts';
import { readParameters } from './parameters.ts';
import { canonicalJson, hashText } from './snapshot.ts';
import { extensionsAtPoint, extensionsForProposal, type ExtensionRow } from './store.ts';

/** Where an operation happens, as far as it decides which extensions check it. */
interface Occasion {
  readonly point: string;
  /** The workspace that parameter texts speak of: the operation's own, or for a tenant-level point the one its payload names. */
  readonly about: number | undefined;
  readonly fileType: number | undefined;
}

/** Of the extensions at a point, those whose parameters do not exclude the occasion. */
function notExcluded(extensions: readonly ExtensionRow[], occasion: Occasion): ExtensionRow[] {
  return extensions.filter((extension) => {
    const parameters = readParameters(extension.parameter_setting);
    if (occasion.about !== undefined && parameters.isDisabled(occasion.about, occasion.point)) return false;
    return parameters.checksFileType(occasion.fileType, occasion.point);
  });
}

/** The extensions that an operation of `userId` at the point would meet now. `workspaceId` null: at tenant level; `about` is then the workspace concerned. */
export async function enabledExtensions(db: Executor, tenantId: number, point: string, workspaceId: number | null, userId: number, fileType: number | undefined, about: number): Promise<ExtensionRow[]> {
  return notExcluded(await extensionsAtPoint(db, tenantId, point, workspaceId, userId), { point, about, fileType });
}

/** The door as the domains see it. Nothing is locked or kept open while a hold waits. */
export function createHolds(): Holds & HoldReader {
  return {
    async propose(change, proposal) {
      const event = eventByCode.get(proposal.point);
      if (event?.class !== 'X') throw new Error(`${proposal.point} is not an extension point`);
      const { tenantId, userId } = change.actor;
      const workspaceId = proposal.workspaceId ?? null;
      const { holdId, extensions } = await extensionsForProposal(change, tenantId, proposal.point, workspaceId, userId);
      const named = Number(proposal.data[event.workspaceField]);
      const about = proposal.workspaceId ?? (Number.isSafeInteger(named) ? named : undefined);
      // The platform's own writes pass: nobody could be told of a verdict, and a repair must never wait.
      const matching = userId === 0 ? [] : notExcluded(extensions, { point: proposal.point, about, fileType: proposal.fileType });
      const held = matching.length > 0;
      const data = { ...proposal.data, extensionBizId: `job_${holdId}`, blockBusiness: held };
      const messageId = change.raise({ code: proposal.point, workspaceId: proposal.workspaceId, objectKey: proposal.objectKey, data });
      if (!held) return { held, messageId };
      await writeHold(change, { holdId, messageId, data: { ...data, tenantId, eventCode: proposal.point } }, proposal, matching);
      return { held, messageId, holdId };
    },

    async withdraw(change, holdId, reason) {
      if (!(await withdrawHold(change, change.actor.tenantId, holdId, reason, change.now))) return;
      await releaseWaiting(change, holdId, reason, change.now);
      change.touch(`hold:${holdId}`);
    },

    async read(db, tenantId, holdId) {
      const hold = await findHold(db, tenantId, holdId);
      if (hold === undefined) return undefined;
      return { holdId, status: hold.status === 'CANCELED' ? 'BLOCKED' : hold.status, tip: hold.tip };
    },
  };
}

async function writeHold(change: Change, raised: { holdId: number; messageId: string; data: object }, proposal: Proposal, matching: readonly ExtensionRow[]): Promise<void> {
  const { tenantId, userId } = change.actor;
  const snapshot = canonicalJson(proposal.snapshot);
  if (Buffer.byteLength(snapshot) > limits.holdSnapshotBytes.value) {
    throw new ApiError('RequestTooLarge', { reason: `what is to be checked may have at most ${limits.holdSnapshotBytes.value} bytes.` });
  }
  const checks = matching.map((extension) => ({
    extensionId: extension.id,
    deadlineAt: new Date(change.now.getTime() + extension.deadline_seconds * 1_000),
    deadlineOutcome: extension.deadline_outcome,
  }));
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
    snapshotHash: hashText(snapshot),
    args: proposal.args,
    createdAt: change.now,
    checks,
  });
  for (const check of checks) change.enqueue(deadlineJob(tenantId, raised.holdId, check.extensionId, check.deadlineAt));
  change.touch(`hold:${raised.holdId}`);
}
