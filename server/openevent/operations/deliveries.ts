import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import type { Change } from '../../kernel/change.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import { CHANGE_PREFIX } from '../delivery/engine.ts';
import * as inspect from '../delivery/inspect-store.ts';
import { deliveryTraceparent } from '../delivery/trace.ts';
import { lockSubscription, type SubscriptionRow } from '../store.ts';
import { inspectable, requireSubscription, type OpenEventContext } from './context.ts';
import { encodeCursor } from '../cursor.ts';
import { moment } from './events.ts';

type Actions =
  | 'GetSubscriptionStatus'
  | 'ListDeliveryAttempts'
  | 'GetDeliveryAttempt'
  | 'ListBlockedKeys'
  | 'ResolveBlockedKey'
  | 'ListDeadLetters'
  | 'RetryDeadLetters'
  | 'RetryDelivery'
  | 'SkipDelivery';

const words = { succeeded: 'Succeeded', failed: 'Failed', skipped: 'Skipped' } as const;

function wrongState(eventId: string, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'Delivery', label: 'The delivery of the event', id: eventId, reason });
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function showAttempt(row: inspect.ListedAttempt) {
  return {
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
  };
}

/** What became of events on their way to a subscription, and what somebody can do about it. */
export function deliveryOperations(context: OpenEventContext): Pick<Handlers<Operations>, Actions> {
  const { events, format, clock } = context;

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

  /** The subscription, if the caller may look into its deliveries; those show objects of all workspaces that it covers. */
  async function requireInspectable(call: Call, id: number): Promise<SubscriptionRow> {
    const row = await requireSubscription(context, call, id);
    if ((await inspectable(context, call, id)).length === 0) throw notFound('Subscription', id);
    return row;
  }

  async function resolveBlocked(call: Call, request: Operations['ResolveBlockedKey']['request']) {
    const held = await inspect.findBlocked(call.db, request.SubscriptionId, request.ObjectKey);
    const event = held === undefined ? undefined : await events.find(held.event_id, call.tenantId);
    return call.change(async (change) => {
      const { id } = await lock(change, call, request.SubscriptionId);
      const blocked = await inspect.lockBlocked(change, id, request.ObjectKey);
      if (blocked === undefined) throw new ApiError('WrongState', { kind: 'Delivery', label: 'The object key', id: request.ObjectKey, reason: 'it is not blocked.' });
      const eventId = blocked.event_id;
      if (request.Resolution === 'Retry') await inspect.makeDue(change, id, eventId, 'blocked', change.now);
      else if (request.Resolution === 'Skip') await inspect.skipParked(change, id, eventId, request.Reason ?? 'given up by a user', change.now);
      else if (event?.eventId === eventId) await inspect.setAside(change, id, event, request.Reason ?? 'set aside by a user', change.now);
      else throw wrongState(eventId, 'it has left the log, or another event blocks the key by now.');
      announce(change, id, eventId);
      return { EventId: eventId };
    });
  }

  function chosen(request: Operations['RetryDeadLetters']['request'] | Operations['ListDeadLetters']['request']): inspect.DeadLetterFilter {
    const eventIds = 'EventIds' in request ? request.EventIds : undefined;
    if (eventIds?.some((id) => !uuid.test(id)) === true) throw invalid('EventIds', 'one of them is not the id of an event');
    return { subscriptionId: request.SubscriptionId, eventIds, objectKey: request.ObjectKey, type: request.Type, from: moment(request.StartTime, 'StartTime'), to: moment(request.EndTime, 'EndTime') };
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
            Cursor: encodeCursor(status),
            LagCount: status.behind_count,
            LagMillis: status.oldest === null ? 0 : Math.max(0, clock.now().getTime() - status.oldest.getTime()),
            ParkedCount: status.parked_count,
            DeadLetterCount: status.dead_count,
            FailingSince: status.failing_since?.getTime(),
            FailureCount: status.failures,
            LastErrorMessage: mayInspect ? (status.last_error ?? undefined) : undefined,
            DelivererName: status.owner ?? undefined,
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
          from: moment(request.StartTime, 'StartTime'),
          to: moment(request.EndTime, 'EndTime'),
          objectKey: request.ObjectKey,
          type: request.Type,
          httpStatus: request.HttpStatus,
          keyword: request.Keyword === '' ? undefined : request.Keyword,
          minDurationMs: request.MinDurationMillis,
        };
        const rows = await inspect.listAttempts(call.db, filter, page.offset, page.size);
        return {
          PagingInfo: {
            ...pageCounters(page, await inspect.countAttempts(call.db, filter)),
            DeliveryAttempts: rows.map(showAttempt),
          },
        };
      },
    },

    GetDeliveryAttempt: {
      access: inTenant('member'),
      async handle(call, request) {
        const subscription = await requireInspectable(call, request.SubscriptionId);
        const row = await inspect.findAttempt(call.db, subscription.id, request.AttemptId);
        if (row === undefined) throw notFound('DeliveryAttempt', request.AttemptId);
        const event = await events.find(row.event_id, call.tenantId);
        const message = event === undefined || row.outcome === 'skipped' ? undefined : await format(subscription.format, [event], row.started_at, row.number);
        return { DeliveryAttempt: { ...showAttempt(row), RequestBody: message?.body, TraceId: event === undefined ? undefined : deliveryTraceparent(event).split('-')[1] } };
      },
    },

    ListBlockedKeys: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const { id } = await requireInspectable(call, request.SubscriptionId);
        const rows = await inspect.listBlockedKeys(call.db, id, page.offset, page.size);
        return {
          PagingInfo: {
            ...pageCounters(page, await inspect.countBlockedKeys(call.db, id)),
            BlockedKeys: rows.map((key) => ({
              ObjectKey: key.object_key,
              EventId: key.event_id,
              Type: key.type,
              AttemptCount: key.attempts,
              LastErrorMessage: key.last_error ?? undefined,
              BlockedSince: key.parked_at.getTime(),
              NextAttemptTime: key.next_at?.getTime(),
              WaitingCount: key.waiting,
              Explanation: `blocked by event ${key.event_id} since ${key.parked_at.toISOString()}`,
            })),
          },
        };
      },
    },

    ResolveBlockedKey: { access: inTenant('write-open-platform'), handle: resolveBlocked },

    ListDeadLetters: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        await requireInspectable(call, request.SubscriptionId);
        const filter = chosen(request);
        const rows = await inspect.listDeadLetters(call.db, filter, page.offset, page.size);
        return {
          PagingInfo: {
            ...pageCounters(page, await inspect.countDeadLetters(call.db, filter)),
            DeadLetters: rows.map((row) => ({
              EventId: row.event_id,
              Type: row.type,
              ObjectKey: row.object_key,
              Time: row.occurred_at.getTime(),
              DeadTime: row.exhausted_at?.getTime(),
              AttemptCount: row.attempts,
              Reason: row.last_error ?? undefined,
              Data: row.body?.data,
            })),
          },
        };
      },
    },

    RetryDeadLetters: {
      access: inTenant('write-open-platform'),
      async handle(call, request) {
        const filter = chosen(request);
        return call.change(async (change) => {
          const { id } = await lock(change, call, request.SubscriptionId);
          const RetriedCount = await inspect.replayDeadLetters(change, filter, limits.deadLettersPerCall.value, change.now);
          change.touch(`subscription:${id}`);
          change.notify('millrace_cache', `${CHANGE_PREFIX}${id}:*`);
          return { RetriedCount, LeftCount: await inspect.countDeadLetters(change, filter) };
        });
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
