import { platformActor, type Change, type Changes, type RaisedEvent } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database, Executor } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import { forEachTenant } from '../../kernel/tenants.ts';
import type { History } from '../scheduling/index.ts';
import { addressKey, isAddress } from './addresses.ts';
import { closeAlert, insertAlert, insertMessage, lockDueAlerts, messagesSince, planAlert, tenantsOfDueAlerts, type AlertDetail, type AlertRow, type AlertSource, type NewMessage } from './alert-store.ts';
import { userMethods, type AddressKind, type Receiver } from './model.ts';
import { lockReader } from './rule-store.ts';
import { silenceEnd } from './silence.ts';

/**
 * The life of an alert.
 *
 *   found --(new by rule, topic or baseline and occurrence)--> written --(now, or at the end of the silence)--> sent
 *   sent --(interval over, still so, fewer than the maximum)--> sent again
 *   sent --(no longer so, or often enough)--> over
 *
 * It is written in the change that finds it, and each sending is one change: the event, and a message for each receiver. Messages to addresses are
 * then brought out by `sending.ts`.
 */

/** Whatever alerts: a rule, a baseline, a topic. */
export interface Subject {
  readonly source: AlertSource;
  readonly sourceId: number;
  readonly tenantId: number;
  readonly workspaceId: number;
  readonly ownerId: number;
  /** Addresses as they are stored. */
  readonly receivers: readonly Receiver[];
  readonly channels: readonly string[];
  readonly intervalSeconds: number;
  /** Times that one alert is sent while it is still so. */
  readonly maximum: number;
  readonly silenceStart: string | null;
  readonly silenceEnd: string | null;
  event(change: Change, alert: AlertRow): Promise<RaisedEvent>;
}

export interface Found {
  /** The same word for the same thing, however often it is found. */
  readonly occurrence: string;
  readonly content: string;
  readonly detail: AlertDetail;
}

export interface Alerts {
  /** Writes an alert and sends it, unless it is known. The caller holds the tenant's reader. */
  raise(change: Change, subject: Subject, found: Found): Promise<boolean>;
  /** Sends again what is due to be sent again. */
  repeat(): Promise<void>;
}

/** Finds the subject of a written alert, and whether it is still so; undefined when the subject is gone. */
export type Recall = (db: Executor, alert: AlertRow, now: Date) => Promise<{ readonly subject: Subject; readonly holds: boolean } | undefined>;

const NOT_SENT = 'Not sent: this server sends no mail, text messages or calls.';

/** How users are told; `MAIL` where no channel for users is named. */
function methodsOf(channels: readonly string[]): string[] {
  const words = new Set(channels.map((channel) => (channel.toUpperCase() === 'EMAIL' ? 'MAIL' : channel.toUpperCase())));
  const named = userMethods.filter((method) => words.has(method));
  return named.length === 0 ? ['MAIL'] : named;
}

const addressMethods: Readonly<Record<AddressKind, string>> = { WebhookUrl: 'WEBHOOKS', DingdingUrl: 'DINGROBOTS', FeishuUrl: 'FEISHU', WeixinUrl: 'WEIXIN' };

export function createAlerts(options: { database: Database; changes: Changes; clock: Clock; history: History; recall: Recall }): Alerts {
  const { database, changes, clock, history, recall } = options;

  async function usersOf(change: Change, subject: Subject, alert: AlertRow): Promise<number[]> {
    const users = new Set<number>();
    for (const { type, values } of subject.receivers) {
      if (type === 'AliUid') for (const user of values) users.add(Number(user));
      if (type === 'Owner') users.add(subject.ownerId);
      if (type !== 'TaskOwner') continue;
      for (const instance of await history.instances(change, subject.tenantId, alert.detail.instances)) users.add(instance.owner_id);
      if (alert.detail.instances.length === 0) for (const task of await history.tasks(change, subject.tenantId, alert.detail.nodes)) users.add(task.owner_id);
    }
    // An alert about no task in particular has no other owner.
    if (users.size === 0 && subject.receivers.some(({ type }) => type === 'TaskOwner')) users.add(subject.ownerId);
    return [...users];
  }

  /** Writes a message, and that it is not sent when its receiver has had too many. */
  async function tell(change: Change, alert: AlertRow, message: Omit<NewMessage, 'status' | 'error' | 'content'>): Promise<void> {
    const since = new Date(change.now.getTime() - 86_400_000);
    const many = (await messagesSince(change, alert.tenant_id, message.receiver, since)) >= limits.alertReceiverDay.value;
    const outcome = many
      ? { status: 'SEND_OVERLIMIT' as const, error: 'the receiver has had too many messages', content: alert.content }
      : message.target === null
        ? { status: 'SEND_FAIL' as const, error: NOT_SENT, content: `${alert.content} ${NOT_SENT}` }
        : { status: 'READY_TO_SEND' as const, error: '', content: alert.content };
    await insertMessage(change, alert, { ...message, ...outcome }, change.now);
  }

  async function send(change: Change, subject: Subject, alert: AlertRow): Promise<void> {
    const quiet = silenceEnd(history, change.now, subject.silenceStart, subject.silenceEnd);
    if (quiet !== undefined) {
      await planAlert(change, alert.id, alert.sent, quiet);
      return;
    }
    for (const userId of await usersOf(change, subject, alert)) {
      for (const method of methodsOf(subject.channels)) await tell(change, alert, { method, userId, target: null, receiver: `user:${userId}:${method}` });
    }
    for (const { type, values, atAll } of subject.receivers) {
      if (isAddress(type)) for (const url of values) await tell(change, alert, { method: addressMethods[type], userId: null, target: { kind: type, url, atAll }, receiver: addressKey(url) });
    }
    change.raise(await subject.event(change, alert));
    change.touch(`alert:${alert.id}`);
    const sent = alert.sent + 1;
    await planAlert(change, alert.id, sent, sent < subject.maximum ? new Date(change.now.getTime() + subject.intervalSeconds * 1_000) : null);
  }

  async function again(change: Change, alert: AlertRow): Promise<void> {
    const found = await recall(change, alert, change.now);
    // What was held back by a silence is told even if it has passed since; a repetition is not.
    if (found === undefined || (!found.holds && alert.sent > 0)) await closeAlert(change, alert.id, change.now);
    else await send(change, found.subject, alert);
  }

  return {
    async raise(change, subject, found) {
      const alert = await insertAlert(change, { tenant_id: subject.tenantId, workspace_id: subject.workspaceId, source: subject.source, source_id: subject.sourceId, ...found }, change.now);
      if (alert === undefined) return false;
      await send(change, subject, alert);
      return true;
    },
    async repeat() {
      await forEachTenant(await tenantsOfDueAlerts(database, clock.now()), (tenantId) =>
        changes.change(platformActor('Alert', tenantId), async (change) => {
          await lockReader(change, tenantId);
          for (const alert of await lockDueAlerts(change, tenantId, change.now, limits.alertBatch.value)) await again(change, alert);
        }),
      );
    },
  };
}
