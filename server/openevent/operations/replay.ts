import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import { CHANGE_PREFIX } from '../delivery/engine.ts';
import { enqueueReplay } from '../replay/jobs.ts';
import { countRange, readSource, type ReplayRange } from '../replay/select.ts';
import * as store from '../replay/store.ts';
import { inspectable, requireSubscription, type OpenEventContext } from './context.ts';
import { moment } from './events.ts';
import { readPattern } from './patterns.ts';

type Actions = 'CountReplay' | 'CreateReplay' | 'GetReplay' | 'ListReplays' | 'CancelReplay';

const states = { running: 'Running', delivering: 'Delivering', succeeded: 'Succeeded', canceled: 'Canceled' } as const;

function show(row: store.ReplayRow) {
  return {
    ReplayId: row.id,
    SubscriptionId: row.subscription_id,
    StartTime: row.starts_at.getTime(),
    EndTime: row.ends_at.getTime(),
    EventPattern: row.pattern ?? undefined,
    RatePerSecond: row.rate,
    Status: states[row.state],
    TotalCount: row.total,
    QueuedCount: row.queued,
    DeliveredCount: row.state === 'canceled' ? undefined : row.queued - row.waiting - row.failed,
    FailedCount: row.failed,
    WaitingCount: row.waiting,
    CreateUserId: row.created_by,
    CreateTime: row.created_at.getTime(),
    FinishTime: row.finished_at?.getTime(),
  };
}

interface RangeRequest {
  readonly SubscriptionId: number;
  readonly StartTime: number;
  readonly EndTime?: number | undefined;
  readonly EventPattern?: string | undefined;
}

/** Sending events of a time range once more, to one subscription. */
export function replayOperations(context: OpenEventContext): Pick<Handlers<Operations>, Actions> {
  const { clock, events } = context;

  /** The range asked for, within what the log and the bus of the subscription keep, and what it holds. */
  async function measure(call: Call, request: RangeRequest) {
    await requireSubscription(context, call, request.SubscriptionId);
    if (request.EventPattern !== undefined) readPattern(request.EventPattern);
    const to = moment(request.EndTime, 'EndTime') ?? clock.now();
    let from = moment(request.StartTime, 'StartTime') ?? to;
    if (request.EndTime !== undefined && from >= to) throw invalid('EndTime', 'it must be later than StartTime');
    const kept = await store.retentionOf(call.db, request.SubscriptionId);
    if (kept?.days !== null && kept?.days !== undefined) from = new Date(Math.max(from.getTime(), clock.now().getTime() - kept.days * 86_400_000));
    if (kept?.horizon !== null && kept?.horizon !== undefined) from = new Date(Math.max(from.getTime(), kept.horizon.getTime()));
    const range: ReplayRange = { from, to, end: await events.end() };
    const source = await readSource(call.db, request.SubscriptionId);
    if (source === undefined) throw notFound('Subscription', request.SubscriptionId);
    return { range, counted: await countRange(events, source, range, request.EventPattern ?? null) };
  }

  async function create(call: Call, request: Operations['CreateReplay']['request']) {
    const { range, counted } = await measure(call, request);
    return call.change(async (change) => {
      if ((await store.countRunning(change, request.SubscriptionId)) >= limits.replaysPerSubscription.value) {
        throw new ApiError('TooMany', { kind: 'Replay', label: 'replays under way for one subscription', limit: limits.replaysPerSubscription.value });
      }
      const row = {
        tenantId: call.tenantId,
        subscriptionId: request.SubscriptionId,
        startsAt: range.from,
        endsAt: range.to,
        pattern: request.EventPattern ?? null,
        rate: request.RatePerSecond ?? 50,
        total: counted.count,
        end: range.end,
        userId: call.caller.userId,
      };
      const id = await store.insertReplayOf(change, row, change.now);
      enqueueReplay(change, { id, tenantId: call.tenantId }, change.now);
      change.touch(`replay:${id}`);
      change.touch(`subscription:${request.SubscriptionId}`);
      return { ReplayId: id, TotalCount: counted.count };
    });
  }

  return {
    CountReplay: {
      access: inTenant('member'),
      async handle(call, request) {
        await requireSubscription(context, call, request.SubscriptionId);
        if ((await inspectable(context, call, request.SubscriptionId)).length === 0) throw new ApiError('Forbidden', { action: call.action, needed: 'a right over all workspaces of the subscription' });
        const { counted } = await measure(call, request);
        return { Count: counted.count, ByType: counted.byType, FirstTime: counted.first?.getTime(), LastTime: counted.last?.getTime() };
      },
    },
    CreateReplay: { access: inTenant('write-open-platform'), handle: create },
    GetReplay: {
      access: inTenant('member'),
      async handle(call, request) {
        const row = await store.findReplay(call.db, call.tenantId, request.ReplayId);
        if (row === undefined || (await inspectable(context, call, row.subscription_id)).length === 0) throw notFound('Replay', request.ReplayId);
        return { Replay: show(row) };
      },
    },
    ListReplays: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        if (request.SubscriptionId !== undefined) await requireSubscription(context, call, request.SubscriptionId);
        const seen = await inspectable(context, call, request.SubscriptionId);
        const rows = await store.listReplays(call.db, call.tenantId, seen, page.offset, page.size);
        return { PagingInfo: { ...pageCounters(page, await store.countReplays(call.db, call.tenantId, seen)), Replays: rows.map(show) } };
      },
    },
    CancelReplay: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        call.change(async (change) => {
          const known = await store.findReplay(change, call.tenantId, request.ReplayId);
          const row = known === undefined ? undefined : await store.lockReplay(change, known.id);
          if (row === undefined) throw notFound('Replay', request.ReplayId);
          if (row.state === 'succeeded' || row.state === 'canceled') throw new ApiError('WrongState', { kind: 'Replay', label: 'The replay', id: row.id, reason: 'it has ended.' });
          for (const eventId of await store.unqueueReplay(change, row.id)) change.notify('millrace_cache', `${CHANGE_PREFIX}${row.subscription_id}:${eventId}`);
          await store.moveReplay(change, row.id, { position: row.position, id: row.row_id }, 0, 'canceled', change.now);
          change.touch(`replay:${row.id}`);
          return {};
        }),
    },
  };
}
