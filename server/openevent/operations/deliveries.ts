import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import type { Change } from '../../kernel/change.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import { CHANGE_PREFIX } from '../delivery/engine.ts';
import * as inspect from '../delivery/inspect-store.ts';
import { lockSubscription, type SubscriptionRow } from '../store.ts';
import { inspectable, requireSubscription, type OpenEventContext } from './context.ts';
import { moment, writeCursor } from './events.ts';

type Actions = 'GetSubscriptionStatus' | 'ListDeliveryAttempts' | 'RetryDelivery' | 'SkipDelivery';

const words = { succeeded: 'Succeeded', failed: 'Failed', skipped: 'Skipped' } as const;

function wrongState(eventId: string, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'Delivery', label: 'The delivery of the event', id: eventId, reason });
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What became of events on their way to a subscription, and the two things somebody can do about it. */
export function deliveryOperations(context: OpenEventContext): Pick<Handlers<Operations>, Actions> {
  const { events } = context;

  async function lock(change: Change, call: Call, id: number): Promise<SubscriptionRow> {
    const row = await lockSubscription(change, call.tenantId, id);
    if (row === undefined) throw notFound('Subscription', id);
    return row;
  }

  function announce(change: Change, id: number, eventId: string): void {
    change.touch(`subscription:${id}`);
    change.touch(`event:${eventId}`);
    change.notify('millrace_cache', `${CHANGE_PREFIX}${id}:${eventId}`);
  }

  async function retry(call: Call, request: Operations['RetryDelivery']['request']) {
    const event = await events.find(request.EventId, call.tenantId);
    return call.change(async (change) => {
      const subscription = await lock(change, call, request.SubscriptionId);
      if (event === undefined || (subscription.workspace_id !== null && subscription.workspace_id !== event.workspaceId)) throw notFound('Event', request.EventId);
      const parked = await inspect.lockParked(change, subscription.id, event.eventId);
      if (parked?.state === 'behind') throw wrongState(event.eventId, 'it waits behind an earlier event of its object; retry or skip that one.');
      if (parked?.state === 'blocked') await inspect.makeDue(change, subscription.id, event.eventId, 'blocked', change.now);
      else if (parked !== undefined) await inspect.makeDue(change, subscription.id, event.eventId, 'replay', change.now);
      else if (await inspect.hasPassed(change, subscription.id, event)) await inspect.insertReplay(change, subscription.id, event, change.now);
      else throw wrongState(event.eventId, 'its first delivery is still to come.');
      announce(change, subscription.id, event.eventId);
      return {};
    });
  }

  return {
    GetSubscriptionStatus: {
      access: inTenant('member'),
      async handle(call, request) {
        const row = await requireSubscription(context, call, request.SubscriptionId);
        const status = await inspect.readStatus(call.db, row);
        if (status === undefined) throw notFound('Subscription', row.id);
        const mayInspect = (await inspectable(context, call, row.id)).length > 0;
        const blocked = mayInspect ? await inspect.listBlocked(call.db, row.id, limits.pageSize.value) : [];
        return {
          Status: {
            SubscriptionId: row.id,
            Enabled: row.enabled,
            Cursor: writeCursor(status),
            LagCount: status.behind_count,
            OldestUndeliveredTime: status.oldest?.getTime(),
            LastDeliveredTime: status.delivered_at?.getTime(),
            BlockedKeys: blocked.map((key) => ({
              ObjectKey: key.object_key,
              EventId: key.event_id,
              Type: key.type,
              State: { blocked: 'Blocked', exhausted: 'Exhausted', replay: 'Retrying', behind: 'Waiting', skipped: 'Skipped' }[key.state],
              AttemptCount: key.attempts,
              LastErrorMessage: key.last_error ?? undefined,
              BlockedSince: key.parked_at.getTime(),
              NextAttemptTime: key.next_at?.getTime(),
              WaitingCount: key.waiting,
            })),
          },
        };
      },
    },

    ListDeliveryAttempts: {
      access: inTenant('member'),
      async handle(call, request) {
        if (request.EventId !== undefined && !uuid.test(request.EventId)) throw invalid('EventId', 'it is not the id of an event');
        const page = readPage(request);
        if (request.SubscriptionId !== undefined) await requireSubscription(context, call, request.SubscriptionId);
        const filter = {
          subscriptions: await inspectable(context, call, request.SubscriptionId),
          eventId: request.EventId,
          outcome: request.Status?.toLowerCase(),
          from: moment(request.StartTime),
          to: moment(request.EndTime),
        };
        const rows = await inspect.listAttempts(call.db, filter, page.offset, page.size);
        return {
          PagingInfo: {
            ...pageCounters(page, await inspect.countAttempts(call.db, filter)),
            DeliveryAttempts: rows.map((row) => ({
              AttemptId: row.id,
              SubscriptionId: row.subscription_id,
              EventId: row.event_id,
              Type: row.type,
              ObjectKey: row.object_key,
              AttemptNumber: row.number,
              Status: words[row.outcome],
              Stage: row.stage ?? undefined,
              HttpStatus: row.http_status ?? undefined,
              ErrorMessage: row.message ?? undefined,
              ResponseBody: row.excerpt ?? undefined,
              StartTime: row.started_at.getTime(),
              DurationMillis: row.duration_ms,
              NextAttemptTime: row.next_at?.getTime(),
            })),
          },
        };
      },
    },

    RetryDelivery: { access: inTenant('write-open-platform'), handle: retry },

    SkipDelivery: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        call.change(async (change) => {
          if (!uuid.test(request.EventId)) throw invalid('EventId', 'it is not the id of an event');
          const subscription = await lock(change, call, request.SubscriptionId);
          const parked = await inspect.lockParked(change, subscription.id, request.EventId);
          if (parked === undefined || parked.state === 'skipped') throw wrongState(request.EventId, 'no delivery of it is waiting.');
          await inspect.skipParked(change, subscription.id, request.EventId, request.Reason ?? 'given up by a user', change.now);
          announce(change, subscription.id, request.EventId);
          return {};
        }),
    },
  };
}
