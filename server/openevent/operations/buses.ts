import type { Operations } from '../../../contract/generated/open-platform-2026-12-01.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { Call, Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import * as store from '../buses/store.ts';
import { CHANGE_PREFIX } from '../delivery/engine.ts';
import { sightOf } from '../visibility.ts';
import type { OpenEventContext } from './context.ts';

type Actions =
  | `${'Create' | 'Get' | 'Update' | 'Delete' | 'Enable' | 'Disable'}${'EventBus' | 'DistributionChannel'}`
  | 'ListEventBuses'
  | 'ListDistributionChannels'
  | `${'Get' | 'Enable' | 'Disable'}MessageSubscription`;

function showBus(row: store.BusRow) {
  return {
    EventBusName: row.name,
    Description: row.description,
    Enabled: row.enabled,
    IsDefault: row.name === store.DEFAULT_BUS,
    RetentionDays: row.retention_days ?? undefined,
    RetentionBytes: row.retention_bytes ?? undefined,
    RuleCount: row.rules,
    ChannelCount: row.channels,
    CreateTime: row.created_at?.getTime(),
    ModifyTime: row.modified_at?.getTime(),
  };
}

function showChannel(row: store.ChannelRow) {
  return {
    ChannelId: row.id,
    ProjectId: row.workspace_id,
    EventBusName: row.bus_name,
    Enabled: row.enabled,
    CreateUserId: row.created_by,
    CreateTime: row.created_at.getTime(),
    ModifyTime: row.modified_at.getTime(),
  };
}

/** Letters, digits, `-`, `_` and `.`, as names in other systems are made of. */
const busName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export function wrongBusState(name: string, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'EventBus', label: 'The event bus', id: name, reason });
}

/** Carries what follows from a change of buses, channels or rules into the subscriptions of targets, and tells their deliverers. */
export async function refresh(context: Pick<OpenEventContext, 'events'>, change: Change, place: { tenantId: number; busId?: number; ruleId?: number }): Promise<void> {
  for (const id of await store.refreshTargets(change, place, await context.events.end(change), change.now)) change.notify('millrace_cache', `${CHANGE_PREFIX}${id}`);
}

/** The bus, locked. Throws NotFound. */
export async function lockBus(change: Change, tenantId: number, name: string): Promise<store.BusRow> {
  const bus = await store.lockBus(change, tenantId, name, change.now);
  if (bus === undefined) throw notFound('EventBus', name, 'event bus');
  return bus;
}

/** Event buses, the channels by which events of workspaces reach them, and the switch over all of it. */
export function busOperations(context: OpenEventContext): Pick<Handlers<Operations>, Actions> {
  const { directory } = context;

  async function checkWorkspace(call: Call, id: number): Promise<number> {
    const workspace = await directory.find(call.tenantId, id);
    if (workspace === undefined) throw new ApiError('WorkspaceNotFound', { id });
    return workspace.id;
  }

  async function createBus(call: Call, request: Operations['CreateEventBus']['request']) {
    const name = request.EventBusName;
    if (!busName.test(name)) throw invalid('EventBusName', 'it may have letters, digits, dots, hyphens and underscores, and begins with a letter or digit');
    return call
      .change(async (change) => {
        await store.lockTenantBuses(change, call.tenantId);
        if (name === store.DEFAULT_BUS) throw new ApiError('AlreadyExists', { kind: 'EventBus', label: 'event bus', id: name });
        if ((await store.countBuses(change, call.tenantId, undefined)) >= limits.eventBusesPerTenant.value) {
          throw new ApiError('TooMany', { kind: 'EventBus', label: 'event buses of a tenant', limit: limits.eventBusesPerTenant.value });
        }
        const row = { tenantId: call.tenantId, name, description: request.Description ?? '', retentionDays: request.RetentionDays ?? null, retentionBytes: request.RetentionBytes ?? null, userId: call.caller.userId };
        await store.insertBus(change, row, change.now);
        change.touch(`event-bus:${name}`);
        return { EventBusName: name };
      })
      .catch((error: unknown) => {
        throw isUniqueViolation(error, 'event_bus_name') ? new ApiError('AlreadyExists', { kind: 'EventBus', label: 'event bus', id: name }) : error;
      });
  }

  function changeBus(call: Call, name: string, next: (bus: store.BusRow) => Partial<store.BusRow>): Promise<Record<string, never>> {
    return call.change(async (change) => {
      const bus = await lockBus(change, call.tenantId, name);
      await store.updateBus(change, { ...bus, ...next(bus) }, change.now);
      change.touch(`event-bus:${name}`);
      await refresh(context, change, { tenantId: call.tenantId, busId: bus.id });
      return {};
    });
  }

  function changeChannel(call: Call, id: number, next: (change: Change) => Promise<Partial<store.ChannelRow>>): Promise<Record<string, never>> {
    return call
      .change(async (change) => {
        const row = await store.lockChannel(change, call.tenantId, id);
        if (row === undefined) throw notFound('DistributionChannel', id, 'distribution channel');
        const changed = { ...row, ...(await next(change)) };
        await store.updateChannel(change, changed, change.now);
        change.touch(`channel:${id}`);
        for (const busId of new Set([row.bus_id, changed.bus_id])) await refresh(context, change, { tenantId: call.tenantId, busId });
        return {};
      })
      .catch((error: unknown) => {
        throw channelTaken(error, id);
      });
  }

  function channelTaken(error: unknown, id: number): unknown {
    return isUniqueViolation(error, 'event_channel_place') ? new ApiError('AlreadyExists', { kind: 'DistributionChannel', label: 'channel between this event bus and workspace', id }) : error;
  }

  async function createChannel(call: Call, request: Operations['CreateDistributionChannel']['request']) {
    const workspaceId = await checkWorkspace(call, request.ProjectId);
    return call
      .change(async (change) => {
        const bus = await lockBus(change, call.tenantId, request.EventBusName);
        if (bus.channels >= limits.eventChannelsPerBus.value) throw new ApiError('TooMany', { kind: 'DistributionChannel', label: 'channels into an event bus', limit: limits.eventChannelsPerBus.value });
        const id = await store.insertChannel(change, { tenantId: call.tenantId, busId: bus.id, workspaceId, enabled: request.Enabled ?? false, userId: call.caller.userId }, change.now);
        change.touch(`channel:${id}`);
        await refresh(context, change, { tenantId: call.tenantId, busId: bus.id });
        return { ChannelId: id };
      })
      .catch((error: unknown) => {
        throw channelTaken(error, workspaceId);
      });
  }

  const writes = { level: 'tenant', right: 'write-open-platform' } as const;
  const reads = { level: 'tenant', right: 'member' } as const;
  const setBus = (enabled: boolean) => ({ access: writes, handle: (call: Call, request: { EventBusName: string }) => changeBus(call, request.EventBusName, () => ({ enabled })) });
  const setChannel = (enabled: boolean) => ({ access: writes, handle: (call: Call, request: { ChannelId: number }) => changeChannel(call, request.ChannelId, async () => ({ enabled })) });
  const setSwitch = (on: boolean) => ({
    access: writes,
    handle: (call: Call) =>
      call.change(async (change) => {
        await (on ? store.switchOn(change, call.tenantId) : store.switchOff(change, call.tenantId, call.caller.userId, change.now));
        change.touch('message-subscription');
        await refresh(context, change, { tenantId: call.tenantId });
        return {};
      }),
  });

  return {
    CreateEventBus: { access: writes, handle: createBus },
    UpdateEventBus: {
      access: writes,
      handle: (call, request) =>
        changeBus(call, request.EventBusName, (bus) => ({
          description: request.Description ?? bus.description,
          retention_days: request.RetentionDays ?? (request.ClearRetention === true ? null : bus.retention_days),
          retention_bytes: request.RetentionBytes ?? (request.ClearRetention === true ? null : bus.retention_bytes),
        })),
    },
    EnableEventBus: setBus(true),
    DisableEventBus: setBus(false),
    DeleteEventBus: {
      access: writes,
      handle: (call, request) =>
        call.change(async (change) => {
          const bus = await lockBus(change, call.tenantId, request.EventBusName);
          if (bus.name === store.DEFAULT_BUS) throw wrongBusState(bus.name, 'every tenant keeps it.');
          if (bus.rules + bus.channels > 0) throw wrongBusState(bus.name, `it has ${bus.rules} rules and ${bus.channels} channels; delete them first.`);
          await store.deleteBus(change, bus.id);
          change.touch(`event-bus:${bus.name}`);
          return {};
        }),
    },
    GetEventBus: {
      access: reads,
      async handle(call, request) {
        const bus = await store.findBus(call.db, call.tenantId, request.EventBusName);
        if (bus === undefined) throw notFound('EventBus', request.EventBusName, 'event bus');
        return { EventBus: showBus(bus) };
      },
    },
    ListEventBuses: {
      access: reads,
      async handle(call, request) {
        const page = readPage(request);
        const rows = await store.listBuses(call.db, call.tenantId, request.Keyword, page.offset, page.size);
        return { PagingInfo: { ...pageCounters(page, await store.countBuses(call.db, call.tenantId, request.Keyword)), EventBuses: rows.map(showBus) } };
      },
    },

    CreateDistributionChannel: { access: writes, handle: createChannel },
    UpdateDistributionChannel: {
      access: writes,
      handle: (call, request) => changeChannel(call, request.ChannelId, async (change) => ({ bus_id: (await lockBus(change, call.tenantId, request.EventBusName)).id })),
    },
    EnableDistributionChannel: setChannel(true),
    DisableDistributionChannel: setChannel(false),
    DeleteDistributionChannel: {
      access: writes,
      handle: (call, request) =>
        call.change(async (change) => {
          const row = await store.lockChannel(change, call.tenantId, request.ChannelId);
          if (row === undefined) throw notFound('DistributionChannel', request.ChannelId, 'distribution channel');
          await store.deleteChannel(change, row.id);
          change.touch(`channel:${row.id}`);
          await refresh(context, change, { tenantId: call.tenantId, busId: row.bus_id });
          return {};
        }),
    },
    GetDistributionChannel: {
      access: reads,
      async handle(call, request) {
        const row = await store.findChannel(call.db, call.tenantId, request.ChannelId);
        if (row === undefined || !(await sightOf(call, directory).workspace(row.workspace_id))) throw notFound('DistributionChannel', request.ChannelId, 'distribution channel');
        return { Channel: showChannel(row) };
      },
    },
    ListDistributionChannels: {
      access: reads,
      async handle(call, request) {
        const page = readPage(request);
        const sight = sightOf(call, directory);
        const rows = await store.listChannels(call.db, call.tenantId, request.ProjectId, request.EventBusName);
        const seen = await Promise.all(rows.map((row) => sight.workspace(row.workspace_id)));
        const visible = rows.filter((_, index) => seen[index]);
        return { PagingInfo: { ...pageCounters(page, visible.length), Channels: visible.slice(page.offset, page.offset + page.size).map(showChannel) } };
      },
    },

    GetMessageSubscription: {
      access: reads,
      async handle(call) {
        const off = await store.findSwitchedOff(call.db, call.tenantId);
        return { Enabled: off === undefined, ModifyUserId: off?.changed_by, ModifyTime: off?.changed_at.getTime() };
      },
    },
    EnableMessageSubscription: setSwitch(true),
    DisableMessageSubscription: setSwitch(false),
  };
}
