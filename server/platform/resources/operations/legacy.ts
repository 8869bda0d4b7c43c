import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { limits } from '../../../kernel/limits.ts';
import { inTenant, type Handlers } from '../../../kernel/operation.ts';
import { checkText, momentText, success } from '../../dialect.ts';
import { defaultGroupOf, slotsOf } from '../groups.ts';
import { groupOrders, listGroups } from '../store.ts';

/** Numbers of the types in 2020-05-18: a question for 1 means everything that schedules, of which a group of one's own is type 7. */
const SCHEDULING = 1;
const OWN_SCHEDULING = 7;
/** Number of the status Normal. */
const NORMAL = 0;

/** Resource groups in 2020-05-18. */
export function legacyOperations(): Handlers<Operations> {
  return {
    ListResourceGroups: {
      access: inTenant('member'),
      async handle(call, request) {
        await defaultGroupOf(call.db, call.tenantId);
        const filter = {
          tenantId: call.tenantId,
          keyword: request.Keyword === undefined ? undefined : checkText('Keyword', request.Keyword, 128),
          resourceManagerGroupId: request.ResourceManagerResourceGroupId,
          tags: request.Tags,
        };
        // Groups serve scheduling only, so a question for other types finds none.
        const other = ![SCHEDULING, OWN_SCHEDULING].includes(request.ResourceGroupType ?? SCHEDULING);
        const { rows } = other ? { rows: [] } : await listGroups(call.db, filter, `${groupOrders['CreateTime']} asc`, { size: limits.resourceGroupsPerTenant.value, offset: 0 });
        const Data = rows
          .map((row, index) => ({
            Id: row.number,
            Identifier: row.id,
            Name: row.name,
            IsDefault: row.is_default,
            BizExtKey: row.is_default ? 'default' : 'single',
            Mode: row.is_default ? 'SHARE' : 'ISOLATE',
            ResourceGroupType: String(OWN_SCHEDULING),
            ResourceManagerResourceGroupId: row.resource_manager_group_id,
            Sequence: index + 1,
            Specs: { cu: slotsOf(row.spec) },
            Status: NORMAL,
            Tags: [...row.tags],
            TenantId: row.tenant_id,
            EnableKp: false,
            Cluster: '',
            CreateTime: momentText(row.created_at),
            UpdateTime: momentText(row.modified_at),
          }))
          .filter((group) => request.BizExtKey === undefined || group.BizExtKey === request.BizExtKey);
        return { Data, ...success };
      },
    },
  };
}
