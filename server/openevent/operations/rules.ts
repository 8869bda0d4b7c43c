import { randomBytes } from 'node:crypto';
import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { Call, Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import { maskAddress } from '../../kernel/url-secrets.ts';
import * as store from '../buses/rule-store.ts';
import { DEFAULT_BUS, presentPlace } from '../buses/store.ts';
import { CHANGE_PREFIX } from '../delivery/engine.ts';
import { secretFrom, secretKey } from '../delivery/signature.ts';
import { typesOf } from '../patterns/index.ts';
import { deleteSubscription, insertSubscription, nextSubscriptionId, secretPurpose } from '../store.ts';
import { sightOf, type Sight } from '../visibility.ts';
import { lockBus, refresh } from './buses.ts';
import type { OpenEventContext } from './context.ts';
import { readPattern } from './patterns.ts';

type Actions = `${'Create' | 'Get' | 'Update' | 'Delete' | 'Enable' | 'Disable'}${'EventRule' | 'RuleTarget'}` | 'ListEventRules' | 'ListRuleTargets';

function showRule(row: store.RuleRow) {
  return {
    RuleId: row.id,
    EventBusName: row.bus_name,
    RuleName: row.name,
    Description: row.description,
    EventPattern: row.pattern,
    Enabled: row.enabled,
    TargetCount: row.targets,
    CreateUserId: row.created_by,
    CreateTime: row.created_at.getTime(),
    ModifyTime: row.modified_at.getTime(),
  };
}

/** As with a subscription, who only reads sees the host of the address. */
function showTarget(row: store.TargetRow, sight: Sight) {
  return {
    TargetId: row.id,
    RuleId: row.rule_id,
    TargetName: row.name,
    Url: sight.all ? row.url : maskAddress(row.url),
    Enabled: row.enabled,
    SubscriptionId: row.subscription_id,
    CreateUserId: row.created_by,
    CreateTime: row.created_at.getTime(),
    ModifyTime: row.modified_at.getTime(),
  };
}

function taken(error: unknown, name: string): unknown {
  if (isUniqueViolation(error, 'event_rule_name')) return new ApiError('AlreadyExists', { kind: 'EventRule', label: 'rule of this event bus', id: name });
  if (isUniqueViolation(error, 'event_target_name') || isUniqueViolation(error, 'subscription_name')) return new ApiError('AlreadyExists', { kind: 'RuleTarget', label: 'target of this rule', id: name });
  return error;
}

function checkName(parameter: string, text: string): string {
  const name = text.trim();
  if (name === '') throw invalid(parameter, 'it is empty');
  return name;
}

/** What the subscription of a target is called. */
const subscriptionName = (ruleId: number, target: string) => `rule ${ruleId}: ${target}`;

/** Rules on event buses, and their targets. A target is delivered by the push subscription that it owns. */
export function ruleOperations(context: OpenEventContext): Pick<Handlers<Operations>, Actions> {
  const { directory, events, outbound, secrets } = context;

  async function lockRule(change: Change, call: Call, id: number): Promise<store.RuleRow> {
    const row = await store.lockRule(change, call.tenantId, id);
    if (row === undefined) throw notFound('EventRule', id, 'rule');
    return row;
  }

  async function lockTarget(change: Change, call: Call, id: number): Promise<store.TargetRow> {
    const row = await store.lockTarget(change, call.tenantId, id);
    if (row === undefined) throw notFound('RuleTarget', id, 'target');
    return row;
  }

  async function createRule(call: Call, request: Operations['CreateEventRule']['request']) {
    readPattern(request.EventPattern);
    const name = checkName('RuleName', request.RuleName);
    return call
      .change(async (change) => {
        const bus = await lockBus(change, call.tenantId, request.EventBusName ?? DEFAULT_BUS);
        if (bus.rules >= limits.eventRulesPerBus.value) throw new ApiError('TooMany', { kind: 'EventRule', label: 'rules on an event bus', limit: limits.eventRulesPerBus.value });
        const row = { tenantId: call.tenantId, busId: bus.id, name, description: request.Description ?? '', pattern: request.EventPattern, enabled: request.Enabled ?? true, userId: call.caller.userId };
        const id = await store.insertRule(change, row, change.now);
        change.touch(`event-rule:${id}`);
        return { RuleId: id };
      })
      .catch((error: unknown) => {
        throw taken(error, name);
      });
  }

  function changeRule(call: Call, id: number, next: (row: store.RuleRow) => Partial<store.RuleRow>): Promise<Record<string, never>> {
    return call
      .change(async (change) => {
        const row = await lockRule(change, call, id);
        const changed = { ...row, ...next(row) };
        await store.updateRule(change, changed, change.now);
        if (changed.pattern !== row.pattern) await store.narrowTargets(change, id, typesOf(readPattern(changed.pattern)) ?? []);
        change.touch(`event-rule:${id}`);
        await refresh(context, change, { tenantId: call.tenantId, ruleId: id });
        return {};
      })
      .catch((error: unknown) => {
        throw taken(error, String(id));
      });
  }

  function checkSecret(secret: string | undefined): string | undefined {
    if (secret !== undefined && secretKey(secret) === undefined) throw invalid('Secret', 'it must be whsec_ and 24 to 64 bytes in base64');
    return secret;
  }

  async function createTarget(call: Call, request: Operations['CreateRuleTarget']['request']) {
    outbound.checkTarget(request.Url);
    const secret = checkSecret(request.Secret) ?? secretFrom(randomBytes(32));
    const name = checkName('TargetName', request.TargetName);
    const answer = await call
      .change(async (change) => {
        const rule = await lockRule(change, call, request.RuleId);
        if (rule.targets >= limits.eventTargetsPerRule.value) throw new ApiError('TooMany', { kind: 'RuleTarget', label: 'targets of a rule', limit: limits.eventTargetsPerRule.value });
        if ((await store.countTargets(change, call.tenantId, undefined)) >= limits.eventTargetsPerTenant.value) {
          throw new ApiError('TooMany', { kind: 'RuleTarget', label: 'targets of a tenant', limit: limits.eventTargetsPerTenant.value });
        }
        const subscriptionId = await nextSubscriptionId(change);
        const enabled = request.Enabled ?? true;
        const subscription = {
          id: subscriptionId,
          tenant_id: call.tenantId,
          workspace_id: null,
          name: subscriptionName(rule.id, name),
          url: request.Url,
          types: typesOf(readPattern(rule.pattern)) ?? [],
          secret: secrets.seal(secret, secretPurpose(subscriptionId)),
          enabled,
          created_by: call.caller.userId,
          pattern: JSON.parse(rule.pattern) as unknown,
        };
        await insertSubscription(change, subscription, await presentPlace(change, await events.end(change)), change.now);
        const id = await store.insertTarget(change, { tenantId: call.tenantId, ruleId: rule.id, subscriptionId, name, enabled, userId: call.caller.userId }, change.now);
        change.touch(`rule-target:${id}`);
        change.touch(`subscription:${subscriptionId}`);
        await refresh(context, change, { tenantId: call.tenantId, ruleId: rule.id });
        return { TargetId: id, SubscriptionId: subscriptionId };
      })
      .catch((error: unknown) => {
        throw taken(error, name);
      });
    // Beside the change, whose answer may be kept for a repeated request.
    return { ...answer, Secret: secret };
  }

  function changeTarget(call: Call, id: number, work: (change: Change, row: store.TargetRow) => Promise<Pick<store.TargetRow, 'name' | 'enabled'>>): Promise<Record<string, never>> {
    return call
      .change(async (change) => {
        const row = await lockTarget(change, call, id);
        await store.updateTarget(change, { id, ...(await work(change, row)) }, change.now);
        change.touch(`rule-target:${id}`);
        change.touch(`subscription:${row.subscription_id}`);
        change.notify('millrace_cache', `${CHANGE_PREFIX}${row.subscription_id}`);
        await refresh(context, change, { tenantId: call.tenantId, ruleId: row.rule_id });
        return {};
      })
      .catch((error: unknown) => {
        throw taken(error, String(id));
      });
  }

  function updateTarget(call: Call, request: Operations['UpdateRuleTarget']['request']): Promise<Record<string, never>> {
    if (request.Url !== undefined) outbound.checkTarget(request.Url);
    const secret = checkSecret(request.Secret);
    const wanted = request.TargetName === undefined ? undefined : checkName('TargetName', request.TargetName);
    return changeTarget(call, request.TargetId, async (change, row) => {
      const name = wanted ?? row.name;
      const sealed = secret === undefined ? null : secrets.seal(secret, secretPurpose(row.subscription_id));
      await store.updateTargetSubscription(change, row.subscription_id, subscriptionName(row.rule_id, name), request.Url ?? row.url, sealed, change.now);
      return { name, enabled: row.enabled };
    });
  }

  const writes = { level: 'tenant', right: 'write-open-platform' } as const;
  const reads = { level: 'tenant', right: 'member' } as const;
  const setRule = (enabled: boolean) => ({ access: writes, handle: (call: Call, request: { RuleId: number }) => changeRule(call, request.RuleId, () => ({ enabled })) });
  const setTarget = (enabled: boolean) => ({ access: writes, handle: (call: Call, request: { TargetId: number }) => changeTarget(call, request.TargetId, async (_change, { name }) => ({ name, enabled })) });

  return {
    CreateEventRule: { access: writes, handle: createRule },
    UpdateEventRule: {
      access: writes,
      async handle(call, request) {
        if (request.EventPattern !== undefined) readPattern(request.EventPattern);
        const name = request.RuleName === undefined ? undefined : checkName('RuleName', request.RuleName);
        return changeRule(call, request.RuleId, (row) => ({ name: name ?? row.name, description: request.Description ?? row.description, pattern: request.EventPattern ?? row.pattern }));
      },
    },
    EnableEventRule: setRule(true),
    DisableEventRule: setRule(false),
    DeleteEventRule: {
      access: writes,
      handle: (call, request) =>
        call.change(async (change) => {
          const row = await lockRule(change, call, request.RuleId);
          for (const id of await store.deleteRule(change, row.id)) change.notify('millrace_cache', `${CHANGE_PREFIX}${id}`);
          change.touch(`event-rule:${row.id}`);
          return {};
        }),
    },
    GetEventRule: {
      access: reads,
      async handle(call, request) {
        const row = await store.findRule(call.db, call.tenantId, request.RuleId);
        if (row === undefined) throw notFound('EventRule', request.RuleId, 'rule');
        return { Rule: showRule(row) };
      },
    },
    ListEventRules: {
      access: reads,
      async handle(call, request) {
        const page = readPage(request);
        const rows = await store.listRules(call.db, call.tenantId, request.EventBusName, request.Keyword, page.offset, page.size);
        return { PagingInfo: { ...pageCounters(page, await store.countRules(call.db, call.tenantId, request.EventBusName, request.Keyword)), Rules: rows.map(showRule) } };
      },
    },

    CreateRuleTarget: { access: writes, handle: createTarget },
    UpdateRuleTarget: { access: writes, handle: async (call, request) => updateTarget(call, request) },
    EnableRuleTarget: setTarget(true),
    DisableRuleTarget: setTarget(false),
    DeleteRuleTarget: {
      access: writes,
      handle: (call, request) =>
        call.change(async (change) => {
          const row = await lockTarget(change, call, request.TargetId);
          // The target goes with it.
          await deleteSubscription(change, call.tenantId, row.subscription_id);
          change.touch(`rule-target:${row.id}`);
          change.touch(`subscription:${row.subscription_id}`);
          change.notify('millrace_cache', `${CHANGE_PREFIX}${row.subscription_id}`);
          return {};
        }),
    },
    GetRuleTarget: {
      access: reads,
      async handle(call, request) {
        const row = await store.findTarget(call.db, call.tenantId, request.TargetId);
        if (row === undefined) throw notFound('RuleTarget', request.TargetId, 'target');
        return { Target: showTarget(row, sightOf(call, directory)) };
      },
    },
    ListRuleTargets: {
      access: reads,
      async handle(call, request) {
        const page = readPage(request);
        const rows = await store.listTargets(call.db, call.tenantId, request.RuleId, page.offset, page.size);
        return { PagingInfo: { ...pageCounters(page, await store.countTargets(call.db, call.tenantId, request.RuleId)), Targets: rows.map((row) => showTarget(row, sightOf(call, directory))) } };
      },
    },
  };
}
