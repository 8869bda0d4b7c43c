import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import { hasTenantRight } from '../../identity/roles.ts';
import type { Tenants } from '../../identity/tenants.ts';
import { invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import type { CallLog } from '../call-log.ts';
import { planNamed } from '../plans.ts';
import { startOfMonth, type Quotas } from '../quota.ts';
import type { Registry } from '../registry.ts';
import * as store from '../store.ts';

export interface UsageServices {
  readonly registry: () => Registry;
  readonly quotas: Quotas;
  readonly tenants: Pick<Tenants, 'plan' | 'setPlan'>;
  readonly callLog: Pick<CallLog, 'flush'>;
}

const DAY_MS = 86_400_000;

interface Range {
  StartTime?: number | undefined;
  EndTime?: number | undefined;
}

/** What lists and statistics of calls can be limited to alike. */
type Selection = Pick<Operations['ListCalls']['request'], 'StartTime' | 'EndTime' | 'Product' | 'ApiVersion' | 'Operation' | 'UserAccessKeyId' | 'UserId'>;

/** The range asked for; the last 24 hours without one. */
function rangeOf(request: Range, now: Date): { from: Date; to: Date } {
  const to = request.EndTime ?? now.getTime() + 1;
  const from = request.StartTime ?? to - DAY_MS;
  if (from > to) throw invalid('StartTime', 'it is after EndTime.');
  const latest = 8.64e15;
  if (to > latest || from < -latest) throw invalid('EndTime', 'it is not a moment in milliseconds since 1970.');
  return { from: new Date(from), to: new Date(to) };
}

function toCall(row: store.StoredCall) {
  return {
    RequestId: row.request_id,
    Time: row.at.getTime(),
    Product: row.product,
    Version: row.version,
    Operation: row.action,
    Access: row.access,
    UserId: row.user_id,
    UserName: row.user_name,
    AccessKeyId: row.access_key_id,
    RegionId: row.region,
    HttpStatus: row.status,
    Code: row.code,
    DurationMillis: row.duration_us / 1_000,
    SourceAddress: row.source_address,
  };
}

/** Statistics and limits of the first door. All of them are read from the call log's own rows. */
export function usageOperations(services: UsageServices): Handlers<Operations> {
  const filterOf = (call: Call, request: Selection): store.CallFilter => ({
    tenantId: call.tenantId,
    region: call.region,
    ...rangeOf(request, call.clock.now()),
    product: request.Product,
    version: request.ApiVersion,
    action: request.Operation,
    accessKeyId: request.UserAccessKeyId,
    userId: request.UserId,
  });
  return {
    GetQuota: {
      access: inTenant('member'),
      async handle(call) {
        const now = call.clock.now();
        const plan = planNamed(await services.tenants.plan(call.tenantId));
        await services.callLog.flush();
        const used = await services.quotas.usage(call.tenantId, call.region, now);
        return {
          Quota: {
            Plan: plan.name,
            RegionId: call.region,
            Period: now.toISOString().slice(0, 7),
            PeriodStart: startOfMonth(now).getTime(),
            PeriodEnd: startOfMonth(now, 1).getTime(),
            Used: used.month,
            DailyUsed: used.day,
            ...(plan.perMonth === undefined ? {} : { Limit: plan.perMonth, Remaining: Math.max(0, plan.perMonth - used.month) }),
            ...(plan.perDay === undefined ? {} : { DailyLimit: plan.perDay }),
            ...(plan.readRate === undefined ? {} : { ReadRate: plan.readRate }),
            ...(plan.writeRate === undefined ? {} : { WriteRate: plan.writeRate }),
          },
        };
      },
    },
    UpdatePlan: {
      access: inTenant('administer-tenant'),
      handle(call, request) {
        return call.change(async (change) => {
          await services.tenants.setPlan(change, call.tenantId, request.Plan);
          change.touch(`plan:${request.Plan}`);
          return {};
        });
      },
    },
    ListCalls: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        await services.callLog.flush();
        const filter: store.CallFilter = {
          ...filterOf(call, request),
          access: request.Access,
          status: request.HttpStatus,
          code: request.Code,
          failed: request.Failed,
          requestId: request.RequestId,
        };
        const [rows, count] = await Promise.all([store.listCalls(call.db, filter, { limit: page.size, offset: page.offset }), store.countCalls(call.db, filter)]);
        return { PagingInfo: { ...pageCounters(page, count), Calls: rows.map(toCall) } };
      },
    },
    GetCall: {
      access: inTenant('member'),
      async handle(call, request) {
        await services.callLog.flush();
        const row = await store.findCall(call.db, call.tenantId, request.CallRequestId);
        if (row === undefined) throw notFound('Call', request.CallRequestId);
        // They may hold code of a workspace that the caller may not read.
        const open = row.user_id === call.caller.userId || hasTenantRight(call.caller.tenantRoles, 'administer-tenant');
        return { Call: { ...toCall(row), Message: row.message, ...(open ? { Parameters: JSON.parse(row.parameters) as Record<string, string> } : {}) } };
      },
    },
    GetCallStatistics: {
      access: inTenant('member'),
      async handle(call, request) {
        await services.callLog.flush();
        const groups = await store.groupCalls(call.db, filterOf(call, request), request.GroupBy);
        return {
          Statistics: {
            TotalCount: groups.reduce((sum, group) => sum + group.count, 0),
            FailedCount: groups.reduce((sum, group) => sum + group.failed, 0),
            Groups: groups.map((group) => ({
              Key: group.key,
              Count: group.count,
              FailedCount: group.failed,
              ReadCount: group.reads,
              WriteCount: group.writes,
              AverageMillis: group.average_us / 1_000,
              MaximumMillis: group.maximum_us / 1_000,
            })),
          },
        };
      },
    },
    ListOperations: {
      access: inTenant('member'),
      async handle(_call, request) {
        const page = readPage(request);
        const keyword = request.Keyword?.toLowerCase();
        const matching = services.registry().entries.filter(
          ({ operation, declaration }) =>
            (request.Product === undefined || operation.product === request.Product) &&
            (request.ApiVersion === undefined || operation.version === request.ApiVersion) &&
            (request.Module === undefined || operation.module === request.Module) &&
            (request.Access === undefined || operation.access === request.Access) &&
            (request.Implemented === undefined || (declaration !== undefined) === request.Implemented) &&
            (keyword === undefined || operation.name.toLowerCase().includes(keyword)),
        );
        return {
          PagingInfo: {
            ...pageCounters(page, matching.length),
            Operations: matching.slice(page.offset, page.offset + page.size).map(({ operation, declaration }) => ({
              Product: operation.product,
              Version: operation.version,
              Name: operation.name,
              Module: operation.module,
              Access: operation.access,
              Method: operation.method,
              Summary: operation.summary ?? '',
              Implemented: declaration !== undefined,
              Deprecated: operation.deprecated,
              ...(operation.replacedBy === undefined ? {} : { ReplacedBy: operation.replacedBy }),
            })),
          },
        };
      },
    },
    GetLimits: {
      access: inTenant('member'),
      async handle() {
        return { Limits: Object.entries(limits).map(([name, limit]) => ({ Name: name, Value: limit.value, Unit: limit.unit, Description: limit.what })) };
      },
    },
  };
}
