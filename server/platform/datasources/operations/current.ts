import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { ApiError, invalid } from '../../../kernel/errors.ts';
import { inProject, type Access, type Handlers } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import { checkText, pageCounters, readId, readPage, readSortOrder } from '../../dialect.ts';
import { environmentOf, readProperties, type Properties } from '../properties.ts';
import { sourceOrThrow, toRule } from '../sources.ts';
import { deleteRule, deleteSource, groupOrders, listGroups, ruleById, rulesOf, type SourceRow } from '../store.ts';
import { checkGroup, readEnvironment, sourceFor, type DataSourceOperations } from './shared.ts';

/** Data sources in 2024-05-18. */

/** Access to the workspace of the data source that `Id` names. */
function ofSource<Request extends { Id?: number | undefined; DataSourceId?: number | undefined }>(right: WorkspaceRight): Access<Request> {
  return { level: 'workspace', right, find: async (request, call) => (await sourceOrThrow(call.db, call.tenantId, request.Id ?? request.DataSourceId ?? 0)).workspace_id };
}

/** Properties as they were sent; those of the other dialect have the environment beside them. */
function propertiesOf(row: SourceRow): Properties {
  return 'envType' in row.properties ? row.properties : { envType: row.environment === 'DEV' ? 'Dev' : 'Prod', ...row.properties };
}

function toWire(row: SourceRow) {
  return {
    Id: row.id,
    ConnectionProperties: propertiesOf(row),
    ConnectionPropertiesMode: row.mode,
    Description: row.description,
    QualifiedName: `${row.workspace_id}.${row.environment.toLowerCase()}.${row.name}`,
    CreateTime: row.created_at.getTime(),
    CreateUser: String(row.created_by),
    ModifyTime: row.modified_at.getTime(),
    ModifyUser: String(row.modified_by),
  };
}

function ruleNotFound(id: number): ApiError {
  return new ApiError('SharedRuleNotFound', { id });
}

export function currentOperations({ sources, connectivity, groups }: DataSourceOperations): Handlers<Operations> {
  return {
    CreateDataSource: {
      access: inProject('operate'),
      async handle(call, request) {
        const properties = readProperties('ConnectionProperties', request.ConnectionProperties);
        const environment = environmentOf('ConnectionProperties', properties);
        const wanted = { name: request.Name, environment, type: request.Type, subType: '', mode: request.ConnectionPropertiesMode, properties, description: request.Description ?? '', enabled: true };
        return { Id: await call.change((change) => sources.create(change, call.workspace.id, wanted, 'ConnectionProperties')) };
      },
    },
    GetDataSource: {
      access: ofSource('read'),
      async handle(call, request) {
        const row = await sourceOrThrow(call.db, call.tenantId, request.Id);
        return { DataSource: { ...toWire(row), Name: row.name, ProjectId: row.workspace_id, Type: row.type } };
      },
    },
    ListDataSources: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const { by, direction } = readSortOrder(request, groupOrders, { sortBy: 'CreateTime', order: 'Desc' });
        const filter = {
          workspaceId: call.workspace.id,
          environment: request.EnvType === undefined ? undefined : readEnvironment(request.EnvType),
          name: request.Name === undefined ? undefined : checkText('Name', request.Name, 255),
          types: request.Types === undefined || request.Types.length === 0 ? undefined : request.Types.map((type) => checkText('Types', type, 64).toLowerCase()),
        };
        const found = await listGroups(call.db, filter, `${by} ${direction}`, page);
        const DataSources = found.groups.map(({ name, type, rows }) => ({ Name: name, Type: type, DataSource: rows.map(toWire) }));
        return { PagingInfo: { DataSources, ...pageCounters(page, found.total) } };
      },
    },
    UpdateDataSource: {
      access: ofSource('operate'),
      async handle(call, request) {
        const properties = readProperties('ConnectionProperties', request.ConnectionProperties);
        const row = await sourceOrThrow(call.db, call.tenantId, request.Id);
        if (row.workspace_id !== request.ProjectId) throw invalid('ProjectId', 'the data source belongs to another workspace');
        if (properties['envType'] !== undefined && environmentOf('ConnectionProperties', properties) !== row.environment) {
          throw invalid('ConnectionProperties', 'a data source stays in its environment; create another one instead');
        }
        await call.change((change) => sources.update(change, request.Id, { properties, mode: request.ConnectionPropertiesMode, description: request.Description }, 'ConnectionProperties'));
        return { Success: true };
      },
    },
    DeleteDataSource: {
      access: ofSource('operate'),
      async handle(call, request) {
        await call.change(async (change) => {
          await deleteSource(change, (await sourceOrThrow(change, call.tenantId, request.Id)).id);
          change.touch(`data-source:${request.Id}`);
        });
        return { Success: true };
      },
    },
    CloneDataSource: {
      access: ofSource('operate'),
      async handle(call, request) {
        return { Id: await call.change((change) => sources.clone(change, request.Id, request.CloneDataSourceName)) };
      },
    },
    TestDataSourceConnectivity: {
      access: inProject('read'),
      async handle(call, request) {
        const row = await sourceFor(call.db, call.tenantId, call.workspace.id, request.DataSourceId);
        await checkGroup(call.db, groups, call.tenantId, call.workspace.id, request.ResourceGroupId);
        const report = await connectivity.test({ connection: sources.connection(row), properties: sources.opened(row), workspaceId: row.workspace_id });
        return { Connectivity: { ConnectState: report.state, ConnectMessage: report.message, DetailLogs: [...report.details] } };
      },
    },
    CreateDataSourceSharedRule: {
      access: ofSource('operate'),
      async handle(call, request) {
        const environment = readEnvironment(request.EnvType);
        const user = request.SharedUser ?? '';
        if (user !== '') readId('SharedUser', user);
        const Id = await call.change(async (change) =>
          sources.share(change, await sourceOrThrow(change, call.tenantId, request.DataSourceId), { targetWorkspaceId: request.TargetProjectId, environment, user, permission: 'READ' }),
        );
        return { Id };
      },
    },
    DeleteDataSourceSharedRule: {
      access: {
        level: 'workspace',
        right: 'operate',
        async find(request, call) {
          const rule = await ruleById(call.db, call.tenantId, request.Id);
          if (rule === undefined) throw ruleNotFound(request.Id);
          return rule.source_workspace_id;
        },
      },
      async handle(call, request) {
        await call.change(async (change) => {
          const rule = await ruleById(change, call.tenantId, request.Id);
          if (rule === undefined) throw ruleNotFound(request.Id);
          await deleteRule(change, rule.id);
          change.touch(`data-source:${rule.data_source_id}`);
        });
        return { Success: true };
      },
    },
    ListDataSourceSharedRules: {
      access: ofSource('read'),
      async handle(call, request) {
        return { DataSourceSharedRules: (await rulesOf(call.db, request.DataSourceId, request.TargetProjectId)).map(toRule) };
      },
    },
  };
}
