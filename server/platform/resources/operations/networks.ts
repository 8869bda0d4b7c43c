import ipaddr from 'ipaddr.js';
import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { isUniqueViolation, type Executor } from '../../../kernel/database.ts';
import { ApiError, invalid } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import { inTenant, type Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readPage } from '../../dialect.ts';
import { groupNotFound, groupOrThrow } from '../groups.ts';
import {
  countRoutes,
  deleteNetwork,
  deleteRoute,
  insertNetwork,
  insertRoute,
  listNetworks,
  listRoutes,
  lockGroup,
  lockNetwork,
  networkById,
  networkOrders,
  routeById,
  routeOrders,
  updateRoute,
  type NetworkRow,
  type RouteRow,
} from '../store.ts';
import { readSort } from './shared.ts';

/** Networks and routes in 2024-05-18. They are records: tasks reach what the machines of the workers reach. */

function toNetwork(row: NetworkRow) {
  return {
    Id: row.id,
    ResourceGroupId: row.group_id,
    VpcId: row.vpc_id,
    VswitchId: row.vswitch_id,
    Status: 'Running',
    CreateTime: row.created_at.getTime(),
    CreateUser: String(row.created_by),
  };
}

function toRoute(row: RouteRow) {
  return { Id: row.id, NetworkId: row.network_id, ResourceGroupId: row.group_id, ResourceId: String(row.network_id), DestinationCidr: row.destination_cidr, CreateTime: row.created_at.getTime() };
}

async function networkOrThrow(db: Executor, tenantId: number, id: number): Promise<NetworkRow> {
  const network = await networkById(db, tenantId, id);
  if (network === undefined) throw groupNotFound(id, 'network');
  return network;
}

async function routeOrThrow(db: Executor, tenantId: number, id: number): Promise<RouteRow> {
  const route = await routeById(db, tenantId, id);
  if (route === undefined) throw groupNotFound(id, 'route');
  return route;
}

function readDestination(text: string): string {
  if (!ipaddr.isValidCIDR(text)) throw invalid('DestinationCidr', 'it must be an address range such as 10.0.0.0/8');
  return text;
}

/** Turns the refusal of a second row into an answer. */
async function unlessThere<Result>(work: Promise<Result>, constraint: string, kind: string, id: string): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (isUniqueViolation(error, constraint)) throw new ApiError('AlreadyExists', { kind, label: kind.toLowerCase(), id });
    throw error;
  }
}

export function networkOperations(): Handlers<Operations> {
  return {
    CreateNetwork: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        const vpc = checkText('VpcId', request.VpcId, 128);
        const vswitch = checkText('VswitchId', request.VswitchId, 128);
        return call.change(async (change) => {
          const group = await groupOrThrow(change, call.tenantId, request.ResourceGroupId);
          await lockGroup(change, call.tenantId, group.id);
          const { total } = await listNetworks(change, group.id, 'id', { size: 0, offset: 0 });
          if (total >= limits.resourceGroupNetworks.value) throw new ApiError('TooMany', { kind: 'Network', limit: limits.resourceGroupNetworks.value, label: 'networks of a resource group' });
          const network = { group_id: group.id, vpc_id: vpc, vswitch_id: vswitch, created_by: call.caller.userId, created_at: change.now };
          const Id = await unlessThere(insertNetwork(change, network), 'resource_network_switch', 'Network', vswitch);
          change.touch(`network:${Id}`);
          return { Id, Success: true };
        });
      },
    },
    GetNetwork: {
      access: inTenant('member'),
      async handle(call, request) {
        return { Network: toNetwork(await networkOrThrow(call.db, call.tenantId, request.Id)), Success: true };
      },
    },
    ListNetworks: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const group = await groupOrThrow(call.db, call.tenantId, request.ResourceGroupId);
        const { rows, total } = await listNetworks(call.db, group.id, readSort(request.SortBy, networkOrders, 'CreateTime Asc'), page);
        return { PagingInfo: { NetworkList: rows.map(toNetwork), ...pageCounters(page, total) }, Success: true };
      },
    },
    DeleteNetwork: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        return call.change(async (change) => {
          const network = await networkOrThrow(change, call.tenantId, request.Id);
          await deleteNetwork(change, network.id);
          change.touch(`network:${network.id}`);
          return { Success: true };
        });
      },
    },
    CreateRoute: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        const destination = readDestination(request.DestinationCidr);
        return call.change(async (change) => {
          const network = await lockNetwork(change, call.tenantId, request.NetworkId);
          if (network === undefined) throw groupNotFound(request.NetworkId, 'network');
          if (request.ResourceGroupId !== undefined && request.ResourceGroupId !== network.group_id) throw invalid('ResourceGroupId', 'the network belongs to another resource group');
          if ((await countRoutes(change, network.id)) >= limits.networkRoutes.value) throw new ApiError('TooMany', { kind: 'Route', limit: limits.networkRoutes.value, label: 'routes of a network' });
          const Id = await unlessThere(insertRoute(change, network.id, destination, change.now), 'resource_route_destination', 'Route', destination);
          change.touch(`route:${Id}`);
          return { Id, Success: true };
        });
      },
    },
    GetRoute: {
      access: inTenant('member'),
      async handle(call, request) {
        return { Route: toRoute(await routeOrThrow(call.db, call.tenantId, request.Id)), Success: true };
      },
    },
    ListRoutes: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const group = await groupOrThrow(call.db, call.tenantId, request.ResourceGroupId);
        const { rows, total } = await listRoutes(call.db, group.id, request.NetworkId, readSort(request.SortBy, routeOrders, 'CreateTime Asc'), page);
        return { PagingInfo: { RouteList: rows.map(toRoute), ...pageCounters(page, total) }, Success: true };
      },
    },
    UpdateRoute: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        const destination = readDestination(request.DestinationCidr);
        return call.change(async (change) => {
          const route = await routeOrThrow(change, call.tenantId, request.Id);
          await unlessThere(updateRoute(change, route.id, destination), 'resource_route_destination', 'Route', destination);
          change.touch(`route:${route.id}`);
          return { Success: true };
        });
      },
    },
    DeleteRoute: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        return call.change(async (change) => {
          const route = await routeOrThrow(change, call.tenantId, request.Id);
          await deleteRoute(change, route.id);
          change.touch(`route:${route.id}`);
          return { Success: true };
        });
      },
    },
  };
}
