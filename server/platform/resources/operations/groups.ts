import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { isUniqueViolation, type Executor } from '../../../kernel/database.ts';
import { ApiError, invalid, missing } from '../../../kernel/errors.ts';
import type { IdSource } from '../../../kernel/ids.ts';
import { limits } from '../../../kernel/limits.ts';
import { inProject, inTenant, type Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readPage } from '../../dialect.ts';
import { defaultGroupOf, groupNotFound, groupOrThrow, slotsOf } from '../groups.ts';
import { associate, associatedWorkspaces, countGroups, deleteGroup, dissociate, groupOrders, insertGroup, listGroups, lockGroup, updateGroup, type GroupRow } from '../store.ts';
import { readMetric } from './metrics.ts';
import { readSort, type ResourceOperations } from './shared.ts';

/** Resource groups and their workspaces in 2024-05-18. */

function toWire(row: GroupRow) {
  return {
    Id: row.id,
    Name: row.name,
    Remark: row.remark,
    ResourceGroupType: 'CommonV2',
    PaymentType: row.payment_type,
    Spec: { Amount: slotsOf(row.spec), Standard: 'CU' },
    Status: row.status,
    AliyunResourceGroupId: row.resource_manager_group_id,
    AliyunResourceTags: [...row.tags],
    CreateTime: row.created_at.getTime(),
    CreateUser: row.created_by === 0 ? '' : String(row.created_by),
    DefaultVpcId: row.vpc_id,
    OrderInstanceId: '',
  };
}

function taken(name: string): ApiError {
  return new ApiError('AlreadyExists', { kind: 'ResourceGroup', label: 'resource group', id: name });
}

function refused(id: string, reason: string): ApiError {
  return new ApiError('WrongState', { kind: 'ResourceGroup', label: 'resource group', id, reason });
}

function readName(name: string): string {
  const text = checkText('Name', name, 128);
  if (text.trim() === '') throw invalid('Name', 'it may not be empty');
  return text;
}

function readSpec(spec: number | undefined, paymentType: string): number | null {
  if (spec === undefined) {
    if (paymentType === 'PrePaid') throw missing('Spec');
    return null;
  }
  if (!Number.isSafeInteger(spec) || spec < 1 || spec > limits.resourceGroupSlots.value) throw invalid('Spec', `it must be between 1 and ${limits.resourceGroupSlots.value}`);
  return spec;
}

async function locked(tx: Executor, tenantId: number, id: string): Promise<GroupRow> {
  await groupOrThrow(tx, tenantId, id);
  const group = await lockGroup(tx, tenantId, id);
  if (group === undefined) throw groupNotFound(id);
  return group;
}

export function groupOperations(services: ResourceOperations & { readonly ids: IdSource }): Handlers<Operations> {
  const { directory, workspaceIds, usage, ids } = services;

  /** Living workspaces that use the group; all of the tenant for its default one. */
  async function workspacesOf(db: Executor, group: GroupRow): Promise<number[]> {
    const living = await workspaceIds(db, group.tenant_id);
    if (group.is_default) return [...living];
    const associated = new Set(await associatedWorkspaces(db, group.id));
    return living.filter((id) => associated.has(id));
  }

  return {
    CreateResourceGroup: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        if (request.PaymentType !== 'PrePaid' && request.PaymentType !== 'PostPaid') throw invalid('PaymentType', 'it must be PrePaid or PostPaid');
        const name = readName(request.Name);
        const group = {
          tenant_id: call.tenantId,
          is_default: false,
          name,
          remark: checkText('Remark', request.Remark ?? '', 128),
          payment_type: request.PaymentType,
          spec: readSpec(request.Spec, request.PaymentType),
          vpc_id: checkText('VpcId', request.VpcId, 128),
          vswitch_id: checkText('VswitchId', request.VswitchId, 128),
          resource_manager_group_id: checkText('AliyunResourceGroupId', request.AliyunResourceGroupId ?? '', 128),
          tags: (request.AliyunResourceTags ?? []).map((tag) => ({ Key: checkText('AliyunResourceTags', tag.Key ?? '', 128), Value: checkText('AliyunResourceTags', tag.Value ?? '', 256) })),
          created_by: call.caller.userId,
        };
        // Random, so that ids of two tenants never meet and nobody can count the groups of another.
        const id = `Serverless_res_group_${call.tenantId}_${ids.text(16)}`;
        return call.change(async (change) => {
          // The default group's row is the lock under which groups are counted.
          const first = await defaultGroupOf(change, call.tenantId);
          await lockGroup(change, call.tenantId, first.id);
          if ((await countGroups(change, call.tenantId)) >= limits.resourceGroupsPerTenant.value) {
            throw new ApiError('TooMany', { kind: 'ResourceGroup', limit: limits.resourceGroupsPerTenant.value, label: 'resource groups of a tenant' });
          }
          try {
            await insertGroup(change, { ...group, id, created_at: change.now });
          } catch (error) {
            if (isUniqueViolation(error, 'resource_group_name')) throw taken(name);
            throw error;
          }
          change.touch(`resource-group:${id}`);
          return { ResourceGroupOrder: { Id: id }, Success: true };
        });
      },
    },
    GetResourceGroup: {
      access: inTenant('member'),
      async handle(call, request) {
        const group = await groupOrThrow(call.db, call.tenantId, request.Id);
        return { ResourceGroup: { ...toWire(group), DefaultVswitchId: group.vswitch_id }, Success: true };
      },
    },
    ListResourceGroups: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        await defaultGroupOf(call.db, call.tenantId);
        if (request.ProjectId !== undefined && (await directory.find(call.tenantId, request.ProjectId)) === undefined) throw new ApiError('WorkspaceNotFound', { id: request.ProjectId });
        const filter = {
          tenantId: call.tenantId,
          name: request.Name === undefined ? undefined : checkText('Name', request.Name, 128),
          paymentType: request.PaymentType,
          statuses: request.Statuses,
          resourceManagerGroupId: request.AliyunResourceGroupId,
          tags: request.AliyunResourceTags,
          workspaceId: request.ProjectId,
        };
        const order = readSort(request.SortBy, groupOrders, 'CreateTime Asc');
        const none = request.ResourceGroupTypes !== undefined && request.ResourceGroupTypes.length > 0 && !request.ResourceGroupTypes.includes('CommonV2');
        const { rows, total } = none ? { rows: [], total: 0 } : await listGroups(call.db, filter, order, page);
        // The list spells the switch's field in a way of its own; that is the contract.
        return { PagingInfo: { ResourceGroupList: rows.map((row) => ({ ...toWire(row), DefaultVswicthId: row.vswitch_id })), ...pageCounters(page, total) }, Success: true };
      },
    },
    UpdateResourceGroup: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        return call.change(async (change) => {
          const group = await locked(change, call.tenantId, request.Id);
          const name = request.Name === undefined ? group.name : readName(request.Name);
          try {
            await updateGroup(change, group.id, change.now, {
              name,
              remark: checkText('Remark', request.Remark ?? group.remark, 128),
              resource_manager_group_id: checkText('AliyunResourceGroupId', request.AliyunResourceGroupId ?? group.resource_manager_group_id, 128),
            });
          } catch (error) {
            if (isUniqueViolation(error, 'resource_group_name')) throw taken(name);
            throw error;
          }
          change.touch(`resource-group:${group.id}`);
          return { Success: true };
        });
      },
    },
    DeleteResourceGroup: {
      access: inTenant('administer-tenant'),
      async handle(call, request) {
        return call.change(async (change) => {
          const group = await locked(change, call.tenantId, request.Id);
          if (group.is_default) throw refused(group.id, 'it is the default group of the tenant');
          const users = await workspacesOf(change, group);
          if (users.length > 0) throw refused(group.id, `${users.length} workspaces use it`);
          const [load] = (await usage?.(change, [group.id])) ?? [];
          if (load !== undefined && load.running + load.waiting > 0) throw refused(group.id, 'tasks run or wait in it');
          await deleteGroup(change, group.id);
          change.touch(`resource-group:${group.id}`);
          return { Success: true };
        });
      },
    },
    AssociateProjectToResourceGroup: {
      access: inProject('operate'),
      async handle(call, request) {
        return call.change(async (change) => {
          const group = await locked(change, call.tenantId, request.ResourceGroupId);
          if (!group.is_default) await associate(change, group.id, call.workspace.id, change.now);
          change.touch(`resource-group:${group.id}`);
          return { Success: true };
        });
      },
    },
    DissociateProjectFromResourceGroup: {
      access: inProject('operate'),
      async handle(call, request) {
        return call.change(async (change) => {
          const group = await locked(change, call.tenantId, request.ResourceGroupId);
          if (group.is_default) throw refused(group.id, 'the default group belongs to every workspace');
          await dissociate(change, group.id, call.workspace.id);
          change.touch(`resource-group:${group.id}`);
          return { Success: true };
        });
      },
    },
    ListResourceGroupAssociateProjects: {
      access: inTenant('member'),
      async handle(call, request) {
        return { ProjectIdList: await workspacesOf(call.db, await groupOrThrow(call.db, call.tenantId, request.ResourceGroupId)), Success: true };
      },
    },
    ListResourceGroupMetricData: {
      access: inTenant('member'),
      async handle(call, request) {
        const group = await groupOrThrow(call.db, call.tenantId, request.ResourceGroupId);
        return { MetricData: { Id: group.id, MetricName: request.MetricName, Metrics: await readMetric(call, group, request, usage) }, Success: true };
      },
    },
  };
}
