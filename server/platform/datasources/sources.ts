import type { WorkspaceDirectory } from '../../identity/directory.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation, type Executor } from '../../kernel/database.ts';
import { ApiError, invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import { checkText } from '../dialect.ts';
import type { Computes } from './computes.ts';
import { connectionOf } from './connection.ts';
import type { DataSourceConnection, DataSources } from './interface.ts';
import { masked, withFormerSecrets, type Properties } from './properties.ts';
import {
  countSources,
  deleteRules,
  deleteSourcesOf,
  insertRule,
  insertSource,
  lockSource,
  lockSources,
  rulesOf,
  sharedSource,
  sourceById,
  sourceByName,
  updateSource,
  type Environment,
  type RuleRow,
  type SourceRow,
} from './store.ts';

/** What a caller wants a new data source to be. */
export interface WantedSource {
  readonly name: string;
  readonly environment: Environment;
  readonly type: string;
  readonly subType: string;
  readonly mode: string;
  readonly properties: Properties;
  readonly description: string;
  readonly enabled: boolean;
}

export interface WantedRule {
  readonly targetWorkspaceId: number;
  readonly environment: Environment;
  /** Empty: every user of the target. */
  readonly user: string;
  readonly permission: 'READ' | 'WRITE';
}

/** How data sources come to be and change; both dialects call these. `parameter` is the name that errors give to the properties. */
export interface Sources {
  create(change: Change, workspaceId: number, wanted: WantedSource, parameter: string): Promise<number>;
  update(
    change: Change,
    id: number,
    wanted: { readonly properties?: Properties | undefined; readonly mode?: string | undefined; readonly description?: string | undefined; readonly enabled?: boolean | undefined },
    parameter: string,
  ): Promise<void>;
  clone(change: Change, id: number, name: string): Promise<number>;
  share(change: Change, source: SourceRow, wanted: WantedRule): Promise<number>;
  /** Replaces all rules of a data source. */
  shareOnlyWith(change: Change, source: SourceRow, wanted: readonly WantedRule[]): Promise<void>;
  /** The properties with their secrets. */
  opened(source: SourceRow): Properties;
  connection(source: SourceRow): DataSourceConnection;
  readonly dataSources: DataSources;
}

const MODES = new Set(['UrlMode', 'InstanceMode', 'CdhMode']);

export function sourceNotFound(id: number | string): ApiError {
  return new ApiError('DataSourceNotFound', { id: typeof id === 'string' ? id.slice(0, 128) : id });
}

export async function sourceOrThrow(db: Executor, tenantId: number, id: number): Promise<SourceRow> {
  const source = await sourceById(db, tenantId, id);
  if (source === undefined) throw sourceNotFound(id);
  return source;
}

/** What the sealed text is bound to: copied to another row it opens no more. */
function purpose(source: Pick<SourceRow, 'tenant_id' | 'workspace_id' | 'environment' | 'name'>): string {
  return `data-source:${source.tenant_id}:${source.workspace_id}:${source.environment}:${source.name}`;
}

/** A name of letters, digits and underscores; other signs would not be told apart in code and in the names of shared ones. */
function readName(name: string, text: string): string {
  const value = checkText(name, text, 255);
  if (!/^[\p{L}_][\p{L}\p{N}_-]*$/u.test(value)) throw invalid(name, 'it must begin with a letter and have letters, digits, hyphens and underscores only');
  return value;
}

export function createSources(options: { secrets: SecretBox; directory: WorkspaceDirectory; computes: Pick<Computes, 'open'> }): Sources {
  const { secrets, directory, computes } = options;

  const seal = (properties: Properties, of: Parameters<typeof purpose>[0]) => secrets.seal(JSON.stringify(properties), purpose(of));
  const opened = (source: SourceRow) => JSON.parse(secrets.open(source.sealed, purpose(source))) as Properties;
  const connection = (source: SourceRow) => connectionOf({ id: source.id, name: source.name, type: source.type, subType: source.sub_type }, opened(source));

  async function insert(change: Change, workspaceId: number, wanted: WantedSource): Promise<number> {
    await lockSources(change, workspaceId);
    if ((await countSources(change, workspaceId)) >= limits.dataSourcesPerWorkspace.value) {
      throw new ApiError('TooMany', { kind: 'DataSource', limit: limits.dataSourcesPerWorkspace.value, label: 'data sources of a workspace' });
    }
    const key = { tenant_id: change.actor.tenantId, workspace_id: workspaceId, environment: wanted.environment, name: wanted.name };
    try {
      const id = await insertSource(
        change,
        {
          ...key,
          type: wanted.type,
          sub_type: wanted.subType,
          mode: wanted.mode,
          properties: masked(wanted.properties),
          sealed: seal(wanted.properties, key),
          description: wanted.description,
          enabled: wanted.enabled,
        },
        change.actor.userId,
        change.now,
      );
      change.touch(`data-source:${id}`);
      return id;
    } catch (error) {
      if (isUniqueViolation(error, 'data_source_name')) throw new ApiError('AlreadyExists', { kind: 'DataSource', label: 'data source', id: wanted.name });
      throw error;
    }
  }

  async function share(change: Change, source: SourceRow, wanted: WantedRule): Promise<number> {
    if (wanted.targetWorkspaceId === source.workspace_id) throw invalid('TargetProjectId', 'the data source belongs to this workspace already');
    const target = await directory.find(source.tenant_id, wanted.targetWorkspaceId);
    if (target === undefined) throw new ApiError('WorkspaceNotFound', { id: wanted.targetWorkspaceId });
    if (wanted.environment === 'DEV' && !target.standardMode) throw invalid('EnvType', 'the target workspace has no development environment');
    const home = await directory.byId(source.workspace_id);
    if ((await rulesOf(change, source.id)).length >= limits.dataSourceRules.value) throw new ApiError('TooMany', { kind: 'DataSourceSharedRule', limit: limits.dataSourceRules.value, label: 'shared rules of a data source' });
    try {
      const id = await insertRule(change, {
        data_source_id: source.id,
        target_workspace_id: target.id,
        environment: wanted.environment,
        shared_user: wanted.user,
        permission: wanted.permission,
        shared_name: `${home?.name ?? source.workspace_id}.${source.name}`,
        created_by: change.actor.userId,
        created_at: change.now,
      });
      change.touch(`data-source:${source.id}`);
      return id;
    } catch (error) {
      if (isUniqueViolation(error, 'data_source_rule_target')) throw new ApiError('AlreadyExists', { kind: 'DataSourceSharedRule', label: 'shared rule for workspace', id: target.id });
      throw error;
    }
  }

  return {
    async create(change, workspaceId, wanted, parameter) {
      const workspace = await directory.byId(workspaceId);
      if (wanted.environment === 'DEV' && workspace?.standardMode === false) throw invalid('EnvType', 'the workspace has no development environment');
      if (!MODES.has(wanted.mode)) throw invalid('ConnectionPropertiesMode', 'it must be UrlMode or InstanceMode');
      if (!/^[A-Za-z][\w .-]{0,63}$/.test(wanted.type)) throw invalid('Type', 'it must be a word of up to 64 letters, digits and underscores');
      return insert(change, workspaceId, {
        ...wanted,
        name: readName('Name', wanted.name),
        subType: checkText('SubType', wanted.subType, 64),
        description: checkText('Description', wanted.description, 3_000),
        properties: withFormerSecrets(parameter, wanted.properties, undefined),
      });
    },
    async update(change, id, wanted, parameter) {
      const source = await lockSource(change, change.actor.tenantId, id);
      if (source === undefined) throw sourceNotFound(id);
      if (wanted.mode !== undefined && !MODES.has(wanted.mode)) throw invalid('ConnectionPropertiesMode', 'it must be UrlMode or InstanceMode');
      const before = opened(source);
      const properties = wanted.properties === undefined ? before : withFormerSecrets(parameter, wanted.properties, before);
      await updateSource(
        change,
        id,
        {
          mode: wanted.mode ?? source.mode,
          properties: masked(properties),
          sealed: seal(properties, source),
          description: checkText('Description', wanted.description ?? source.description, 3_000),
          enabled: wanted.enabled ?? source.enabled,
        },
        change.actor.userId,
        change.now,
      );
      change.touch(`data-source:${id}`);
    },
    async clone(change, id, name) {
      const source = await lockSource(change, change.actor.tenantId, id);
      if (source === undefined) throw sourceNotFound(id);
      return insert(change, source.workspace_id, {
        name: readName('CloneDataSourceName', checkText('CloneDataSourceName', name, 60)),
        environment: source.environment,
        type: source.type,
        subType: source.sub_type,
        mode: source.mode,
        properties: opened(source),
        description: source.description,
        enabled: source.enabled,
      });
    },
    share,
    async shareOnlyWith(change, source, wanted) {
      await lockSource(change, change.actor.tenantId, source.id);
      await deleteRules(change, source.id);
      for (const rule of wanted) await share(change, source, rule);
      change.touch(`data-source:${source.id}`);
    },
    opened,
    connection,
    dataSources: {
      async open(db, workspaceId, environment, name, userId) {
        if (name.includes('\u0000')) return undefined;
        const source = (await sourceByName(db, workspaceId, environment, name)) ?? (await sharedSource(db, workspaceId, environment, name, userId === undefined ? undefined : String(userId)));
        if (source === undefined) return computes.open(db, workspaceId, environment, name);
        return source.enabled ? connection(source) : undefined;
      },
      async removeWorkspace(change, workspaceId) {
        await deleteSourcesOf(change, workspaceId);
      },
    },
  };
}

/** A rule as 2024-05-18 shows it. */
export function toRule(row: RuleRow) {
  return {
    Id: row.id,
    DataSourceId: row.data_source_id,
    EnvType: row.environment === 'DEV' ? 'Dev' : 'Prod',
    SharedDataSourceName: row.shared_name,
    SharedUser: row.shared_user,
    SourceProjectId: row.source_workspace_id,
    TargetProjectId: row.target_workspace_id,
    CreateTime: row.created_at.getTime(),
    CreateUser: String(row.created_by),
  };
}
