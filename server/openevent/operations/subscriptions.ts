import { randomBytes } from 'node:crypto';
import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import { MASK, maskAddress } from '../../kernel/url-secrets.ts';
import { CHANGE_PREFIX } from '../delivery/engine.ts';
import { eventTypeByType, eventTypes as catalogue } from '../catalogue.ts';
import { ownerOfSubscription } from '../buses/rule-store.ts';
import { openDestination } from '../delivery/destination.ts';
import * as pauses from '../delivery/pause-store.ts';
import { secretFrom, secretKey } from '../delivery/signature.ts';
import { sampleEvent } from '../sample.ts';
import * as store from '../store.ts';
import { sightOf, type Sight } from '../visibility.ts';
import { requireSubscription, type OpenEventContext } from './context.ts';
import { readSettings, showSettings } from './settings.ts';

type Actions =
  | 'CreateSubscription'
  | 'UpdateSubscription'
  | 'DeleteSubscription'
  | 'GetSubscription'
  | 'ListSubscriptions'
  | 'TestSubscription'
  | 'RotateSubscriptionSecret'
  | 'PauseSubscription'
  | 'ResumeSubscription';

/** Who only reads the Open Platform sees where events go, but no more of the address than its host: receivers have their tokens in it, and in headers. */
function show(row: store.SubscriptionRow, now: Date, sight: Sight) {
  const settings = showSettings(row, now);
  return {
    SubscriptionId: row.id,
    Name: row.name,
    Url: sight.all ? row.url : maskAddress(row.url),
    Types: row.types,
    ProjectId: row.workspace_id ?? undefined,
    Enabled: row.enabled,
    ...settings,
    Headers: sight.all ? settings.Headers : settings.Headers.map((header) => ({ ...header, Value: MASK })),
    CreateUserId: row.created_by,
    CreateTime: row.created_at.getTime(),
    ModifyTime: row.modified_at.getTime(),
  };
}

/** Tells all deliverers that the subscription is another now. */
function announce(change: Change, id: number): void {
  change.touch(`subscription:${id}`);
  change.notify('millrace_cache', `${CHANGE_PREFIX}${id}`);
}

function nameTaken(error: unknown, name: string): unknown {
  return isUniqueViolation(error, 'subscription_name') ? new ApiError('AlreadyExists', { kind: 'Subscription', label: 'subscription', id: name }) : error;
}

function wrongState(id: number, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'Subscription', label: 'The subscription', id, reason });
}

/** Push subscriptions: who is told of what, and where. */
export function subscriptionOperations(context: OpenEventContext): Pick<Handlers<Operations>, Actions> {
  const { directory, events, outbound, secrets, send, ids, clock } = context;

  function checkTypes(types: readonly string[] | undefined): string[] {
    const unknown = types?.find((type) => !eventTypeByType.has(type));
    if (unknown !== undefined) throw invalid('Types', `there is no event type ${unknown}; ListEventTypes tells all`);
    return [...new Set(types)];
  }

  async function checkWorkspace(call: Call, id: number | undefined): Promise<number | null> {
    if (id === undefined) return null;
    const workspace = await directory.find(call.tenantId, id);
    if (workspace === undefined) throw new ApiError('WorkspaceNotFound', { id });
    return workspace.id;
  }

  function checkSecret(secret: string | undefined): string | undefined {
    if (secret !== undefined && secretKey(secret) === undefined) throw invalid('Secret', 'it must be whsec_ and 24 to 64 bytes in base64');
    return secret;
  }

  async function create(call: Call, request: Operations['CreateSubscription']['request']) {
    const types = checkTypes(request.Types);
    const workspaceId = await checkWorkspace(call, request.ProjectId);
    const secret = checkSecret(request.Secret) ?? secretFrom(randomBytes(32));
    outbound.checkTarget(request.Url);
    const name = request.Name.trim();
    if (name === '') throw invalid('Name', 'it is empty');
    const answer = await call.change(async (change) => {
      if ((await store.lockSubscriptions(change, call.tenantId)) >= limits.subscriptionsPerTenant.value) {
        throw new ApiError('TooMany', { kind: 'Subscription', label: 'subscriptions of a tenant', limit: limits.subscriptionsPerTenant.value });
      }
      const id = await store.nextSubscriptionId(change);
      const row = {
        id,
        tenant_id: call.tenantId,
        workspace_id: workspaceId,
        name,
        url: request.Url,
        types,
        secret: secrets.seal(secret, store.secretPurpose(id)),
        enabled: request.Enabled ?? true,
        created_by: call.caller.userId,
        settings: readSettings(request, id, [], secrets),
      };
      await store.insertSubscription(change, row, await events.end(change), change.now);
      announce(change, id);
      return { SubscriptionId: id };
    }).catch((error: unknown) => {
      throw nameTaken(error, name);
    });
    // Beside the change, whose answer may be kept for a repeated request.
    return { ...answer, Secret: secret };
  }

  async function update(call: Call, request: Operations['UpdateSubscription']['request']) {
    const types = request.Types === undefined ? undefined : checkTypes(request.Types);
    const workspaceId = request.ProjectId === undefined ? undefined : await checkWorkspace(call, request.ProjectId);
    const secret = checkSecret(request.Secret);
    if (request.Url !== undefined) outbound.checkTarget(request.Url);
    const name = request.Name?.trim();
    if (name === '') throw invalid('Name', 'it is empty');
    return call.change(async (change) => {
      const id = request.SubscriptionId;
      const row = await lock(change, call, id);
      const given = [request.Name, request.Types, request.ProjectId, request.Enabled].some((value) => value !== undefined);
      const owned = given ? await ownerOfSubscription(change, id) : undefined;
      if (owned !== undefined) throw wrongState(id, `what it is called and what reaches it is decided by rule ${owned.rule_id} and target ${owned.target_id}.`);
      const next = {
        id,
        workspace_id: workspaceId === undefined ? row.workspace_id : workspaceId,
        name: name ?? row.name,
        url: request.Url ?? row.url,
        types: types ?? row.types,
        pattern: row.pattern,
        secret: secret === undefined ? row.secret : secrets.seal(secret, store.secretPurpose(id)),
        enabled: request.Enabled ?? row.enabled,
        format: row.format,
        timeout_ms: row.timeout_ms,
        concurrency: row.concurrency,
        rate: row.rate,
        retry: row.retry,
        headers: row.headers,
        pause_after_ms: row.pause_after_ms,
        ...readSettings(request, id, row.headers, secrets),
      };
      await store.updateSubscription(change, next, change.now);
      // Another address is another target: what the former one failed at says nothing of it.
      if (next.url !== row.url && row.pause_reason !== 'manual') await pauses.resume(change, id, change.now);
      announce(change, id);
      return {};
    }).catch((error: unknown) => {
      throw nameTaken(error, name ?? '');
    });
  }

  async function lock(change: Change, call: Call, id: number): Promise<store.SubscriptionRow> {
    const row = await store.lockSubscription(change, call.tenantId, id);
    if (row === undefined) throw notFound('Subscription', id);
    return row;
  }

  async function rotate(call: Call, request: Operations['RotateSubscriptionSecret']['request']) {
    const secret = checkSecret(request.Secret) ?? secretFrom(randomBytes(32));
    const seconds = request.OverlapSeconds ?? 86_400;
    if (seconds > limits.secretOverlapSeconds.value) throw invalid('OverlapSeconds', `it may be at most ${limits.secretOverlapSeconds.value}`);
    const answer = await call.change(async (change) => {
      const row = await lock(change, call, request.SubscriptionId);
      const until = new Date(change.now.getTime() + seconds * 1_000);
      await store.rotateSecret(change, row.id, secrets.seal(secret, store.secretPurpose(row.id)), until, change.now);
      announce(change, row.id);
      return { PreviousSecretEndTime: until.getTime() };
    });
    // Beside the change, whose answer may be kept for a repeated request.
    return { ...answer, Secret: secret };
  }

  return {
    CreateSubscription: { access: inTenant('write-open-platform'), handle: create },

    UpdateSubscription: { access: inTenant('write-open-platform'), handle: update },

    DeleteSubscription: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        call.change(async (change) => {
          if (!(await store.deleteSubscription(change, call.tenantId, request.SubscriptionId))) throw notFound('Subscription', request.SubscriptionId);
          announce(change, request.SubscriptionId);
          return {};
        }),
    },

    GetSubscription: {
      access: inTenant('member'),
      handle: async (call, request) => ({ Subscription: show(await requireSubscription(context, call, request.SubscriptionId), clock.now(), sightOf(call, directory)) }),
    },

    ListSubscriptions: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const sight = sightOf(call, directory);
        const filter = {
          tenantId: call.tenantId,
          workspaces: sight.all ? undefined : await visibleWorkspaces(call),
          workspaceId: request.ProjectId,
          enabled: request.Enabled,
          keyword: request.Keyword,
        };
        const rows = await store.listSubscriptions(call.db, filter, page.offset, page.size);
        return { PagingInfo: { ...pageCounters(page, await store.countSubscriptions(call.db, filter)), Subscriptions: rows.map((row) => show(row, clock.now(), sight)) } };
      },
    },

    TestSubscription: {
      access: inTenant('write-open-platform'),
      async handle(call, request) {
        const row = await requireSubscription(context, call, request.SubscriptionId);
        const wanted = request.Type ?? row.types[0] ?? catalogue[0]?.type ?? '';
        const type = eventTypeByType.get(wanted);
        if (type === undefined) throw invalid('Type', `there is no event type ${wanted}; ListEventTypes tells all`);
        await call.change(async (change) => change.touch(`subscription:${row.id}`));
        if (call.dryRun === true) return { Result: { Delivered: false, ErrorMessage: 'Nothing was sent: this was a dry run.' } };
        const event = sampleEvent(type, { tenantId: call.tenantId, workspaceId: row.workspace_id ?? undefined, eventId: ids.eventId(), now: clock.now() });
        const outcome = await send(openDestination(row, secrets), [event], 1);
        return {
          Result: {
            Delivered: outcome.delivered,
            HttpStatus: outcome.httpStatus,
            DurationMillis: outcome.durationMs,
            Stage: outcome.stage,
            ErrorMessage: outcome.message,
            ResponseBody: outcome.excerpt,
          },
        };
      },
    },

    RotateSubscriptionSecret: { access: inTenant('write-open-platform'), handle: rotate },

    PauseSubscription: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        call.change(async (change) => {
          const row = await lock(change, call, request.SubscriptionId);
          if (row.pause_reason === 'manual') throw wrongState(row.id, 'it is paused already.');
          await pauses.pauseByHand(change, row.id, change.now);
          announce(change, row.id);
          return {};
        }),
    },

    ResumeSubscription: {
      access: inTenant('write-open-platform'),
      handle: (call, request) =>
        call.change(async (change) => {
          const row = await lock(change, call, request.SubscriptionId);
          if (row.pause_reason === null) throw wrongState(row.id, 'it is not paused.');
          await pauses.resume(change, row.id, change.now);
          announce(change, row.id);
          return {};
        }),
    },
  };

  async function visibleWorkspaces(call: Call): Promise<number[]> {
    const sight = sightOf(call, directory);
    const all = new Set((await store.listWorkspacesOfSubscriptions(call.db, call.tenantId)).flatMap((row) => row.workspace_id ?? []));
    const seen = await Promise.all([...all].map(async (id) => ((await sight.workspace(id)) ? [id] : [])));
    return seen.flat();
  }
}
