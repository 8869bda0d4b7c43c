import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid, missing } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import { inProject, type Access, type Call, type Handlers } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import { checkText, momentText, pageCounters, readId, readPage, success } from '../../dialect.ts';
import { readImport } from '../import.ts';
import { environmentOf, readProperties, type Properties } from '../properties.ts';
import { sourceOrThrow, type WantedRule } from '../sources.ts';
import { deleteSource, listSources, type SourceRow } from '../store.ts';
import { checkGroup, readEnvironment, sourceNamed, type DataSourceOperations } from './shared.ts';

/** Data sources in 2020-05-18, under their present name and under the former one, `Connection`. */

const done = { Success: true, HttpStatusCode: '200' } as const;

/** Tables that one answer of `GetDataSourceMeta` may hold. */
const MOST_TABLES = 10_000;

function ofSource<Request extends { DataSourceId?: number | undefined; ConnectionId?: number | undefined }>(right: WorkspaceRight): Access<Request> {
  return { level: 'workspace', right, find: async (request, call) => (await sourceOrThrow(call.db, call.tenantId, request.DataSourceId ?? request.ConnectionId ?? 0)).workspace_id };
}

/** What a URL or a public address in the content says of its mode. */
function modeOf(content: Properties): string {
  return content['tag'] === 'public' || ['jdbcUrl', 'url', 'address', 'endpoint', 'host'].some((name) => Object.hasOwn(content, name)) ? 'UrlMode' : 'InstanceMode';
}

/** The properties without the environment, which this dialect has in a field of its own. */
function contentOf(row: SourceRow): string {
  const { envType: _, ...content } = row.properties;
  return JSON.stringify(content);
}

function toWire(row: SourceRow & { readonly shared: boolean }, index: number) {
  return {
    Id: row.id,
    Name: row.name,
    Description: row.description,
    SubType: row.sub_type,
    Content: contentOf(row),
    EnvType: row.environment === 'DEV' ? 0 : 1,
    ProjectId: row.workspace_id,
    TenantId: row.tenant_id,
    Operator: String(row.modified_by),
    Sequence: index + 1,
    Shared: row.shared,
    DefaultEngine: false,
    GmtCreate: momentText(row.created_at),
    GmtModified: momentText(row.modified_at),
  };
}

function readStatus(text: string): boolean {
  if (text === 'ENABLED') return true;
  if (text === 'DISABLED') return false;
  throw invalid('Status', 'it must be ENABLED or DISABLED');
}

interface CreateRequest {
  readonly Content: string;
  readonly Description?: string | undefined;
  readonly EnvType: number;
  readonly Name: string;
  readonly SubType?: string | undefined;
}

interface UpdateRequest {
  readonly Content?: string | undefined;
  readonly Description?: string | undefined;
  readonly EnvType?: number | undefined;
  readonly Status?: string | undefined;
}

interface ListRequest {
  readonly EnvType?: number | undefined;
  readonly Name?: string | undefined;
  readonly PageNumber?: number | undefined;
  readonly PageSize?: number | undefined;
  readonly Status?: string | undefined;
  readonly SubType?: string | undefined;
}

/** `[{"projectId": 1, "permission": "READ", "users": ["2"]}]`; users only where `withUsers`. */
function readShares(name: string, text: string, environment: WantedRule['environment'], withUsers: boolean): WantedRule[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw invalid(name, 'it must be a JSON list such as [{"projectId":10001,"permission":"READ"}]');
  }
  if (!Array.isArray(list) || list.length > limits.dataSourceRules.value) throw invalid(name, `it must be a JSON list of up to ${limits.dataSourceRules.value} elements`);
  return list.flatMap((one: unknown) => {
    const { projectId, permission, users } = (typeof one === 'object' && one !== null ? one : {}) as { projectId?: unknown; permission?: unknown; users?: unknown };
    const targetWorkspaceId = readId(name, String(projectId));
    if (permission !== 'READ' && permission !== 'WRITE') throw invalid(name, 'permission must be READ or WRITE');
    if (!withUsers) return [{ targetWorkspaceId, environment, user: '', permission }];
    if (!Array.isArray(users) || users.length === 0 || users.length > limits.dataSourceRules.value) throw invalid(name, 'users must be a list of user ids');
    return users.map((user: unknown) => ({ targetWorkspaceId, environment, user: String(readId(name, String(user))), permission }) as const);
  });
}

export function legacyOperations({ sources, connectivity, groups }: DataSourceOperations): Handlers<Operations> {
  async function create(call: Call, type: string, request: CreateRequest) {
    const properties = readProperties('Content', request.Content);
    const environment = readEnvironment(request.EnvType);
    if (properties['envType'] !== undefined && environmentOf('Content', properties) !== environment) throw invalid('Content', 'its envType is not that of EnvType');
    const wanted = { name: request.Name, environment, type, subType: request.SubType ?? '', mode: modeOf(properties), properties, description: request.Description ?? '', enabled: true };
    return { Data: await call.change((change) => sources.create(change, call.workspace.id, wanted, 'Content')), ...done };
  }

  async function update(call: Call, id: number, request: UpdateRequest) {
    const properties = request.Content === undefined ? undefined : readProperties('Content', request.Content);
    const enabled = request.Status === undefined ? undefined : readStatus(request.Status);
    const row = await sourceOrThrow(call.db, call.tenantId, id);
    if (request.EnvType !== undefined && readEnvironment(request.EnvType) !== row.environment) throw invalid('EnvType', 'a data source stays in its environment; create another one instead');
    await call.change((change) => sources.update(change, id, { properties, mode: properties === undefined ? undefined : modeOf(properties), description: request.Description, enabled }, 'Content'));
    return { Data: true, ...done };
  }

  async function remove(call: Call, id: number) {
    await call.change(async (change) => {
      await deleteSource(change, (await sourceOrThrow(change, call.tenantId, id)).id);
      change.touch(`data-source:${id}`);
    });
    return { Data: true, ...done };
  }

  async function list(call: Call, type: string | undefined, request: ListRequest) {
    const page = readPage(request);
    const filter = {
      workspaceId: call.workspace.id,
      environment: request.EnvType === undefined ? undefined : readEnvironment(request.EnvType),
      name: request.Name === undefined ? undefined : checkText('Name', request.Name, 255),
      types: type === undefined ? undefined : [checkText('DataSourceType', type, 64).toLowerCase()],
      subType: request.SubType === undefined ? undefined : checkText('SubType', request.SubType, 64),
      enabled: request.Status === undefined ? undefined : readStatus(request.Status),
    };
    const { rows, total } = await listSources(call.db, filter, page);
    return { rows, counters: pageCounters(page, total) };
  }

  return {
    CreateDataSource: { access: inProject('operate'), handle: (call, request) => create(call, request.DataSourceType, request) },
    CreateConnection: { access: inProject('operate'), handle: (call, request) => create(call, request.ConnectionType, request) },
    UpdateDataSource: { access: ofSource('operate'), handle: (call, request) => update(call, request.DataSourceId, request) },
    UpdateConnection: { access: ofSource('operate'), handle: (call, request) => update(call, request.ConnectionId, request) },
    DeleteDataSource: { access: ofSource('operate'), handle: (call, request) => remove(call, request.DataSourceId) },
    DeleteConnection: { access: ofSource('operate'), handle: (call, request) => remove(call, request.ConnectionId) },
    ListDataSources: {
      access: inProject('read'),
      async handle(call, request) {
        const { rows, counters } = await list(call, request.DataSourceType, request);
        return { Data: { DataSources: rows.map((row, index) => ({ ...toWire(row, index), DataSourceType: row.type, Status: row.enabled ? 1 : 2 })), ...counters }, ...success };
      },
    },
    ListConnections: {
      access: inProject('read'),
      async handle(call, request) {
        const { rows, counters } = await list(call, request.ConnectionType, request);
        return { Data: { Connections: rows.map((row, index) => ({ ...toWire(row, index), ConnectionType: row.type, Status: row.enabled ? 1 : 2 })), ...counters }, ...success };
      },
    },
    ExportDataSources: {
      access: inProject('read'),
      async handle(call, request) {
        const { rows, counters } = await list(call, request.DataSourceType, request);
        // Here a disabled one has the number 0.
        return { Data: { DataSources: rows.map((row, index) => ({ ...toWire(row, index), DataSourceType: row.type, Status: row.enabled ? 1 : 0 })), ...counters }, ...success };
      },
    },
    ImportDataSources: {
      access: inProject('operate'),
      async handle(call, request) {
        const wanted = readImport(request.DataSources, modeOf);
        await call.change(async (change) => {
          for (const source of wanted) await sources.create(change, call.workspace.id, source, 'DataSources');
        });
        return { Data: { Status: true, Message: `${wanted.length} data sources were created.` }, Success: true };
      },
    },
    GetDataSourceMeta: {
      access: inProject('develop'),
      async handle(call, request) {
        const size = request.PageSize ?? 10;
        const number = request.PageNumber ?? 1;
        const page = readPage({ PageNumber: number, PageSize: size });
        const row = await sourceNamed(call.db, call.workspace.id, readEnvironment(request.EnvType ?? '1'), request.DatasourceName);
        const { report, tables } = await connectivity.tables({ connection: sources.connection(row), properties: sources.opened(row), workspaceId: row.workspace_id }, MOST_TABLES);
        if (tables === undefined) return { Data: { Status: 'fail', Message: report.message, Meta: '' }, Success: true };
        const dbTables = tables.slice(page.offset, page.offset + page.size).map((name) => {
          const [schema, ...rest] = name.split('.');
          return { schema, table: rest.join('.') };
        });
        return { Data: { Status: 'success', Message: '', Meta: JSON.stringify({ dbTables, totalNum: tables.length }) }, Success: true };
      },
    },
    SetDataSourceShare: {
      access: inProject('operate'),
      async handle(call, request) {
        const { ProjectPermissions, UserPermissions } = request;
        if (ProjectPermissions === undefined && UserPermissions === undefined) throw missing('ProjectPermissions');
        const environment = readEnvironment(request.EnvType ?? '1');
        const wanted = [
          ...(ProjectPermissions === undefined ? [] : readShares('ProjectPermissions', ProjectPermissions, environment, false)),
          ...(UserPermissions === undefined ? [] : readShares('UserPermissions', UserPermissions, environment, true)),
        ];
        await call.change(async (change) => sources.shareOnlyWith(change, await sourceNamed(change, call.workspace.id, environment, request.DatasourceName), wanted));
        return { Data: { Status: 'success', Message: '' }, Success: true };
      },
    },
    TestNetworkConnection: {
      access: inProject('read'),
      async handle(call, request) {
        const row = await sourceNamed(call.db, call.workspace.id, readEnvironment(request.EnvType), request.DatasourceName);
        await checkGroup(call.db, groups, call.tenantId, call.workspace.id, request.ResourceGroup);
        const report = await connectivity.test({ connection: sources.connection(row), properties: sources.opened(row), workspaceId: row.workspace_id });
        return { TaskList: { ConnectStatus: report.state === 'Connectable', ConnectMessage: report.message }, Success: true };
      },
    },
  };
}
