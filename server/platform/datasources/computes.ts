import type { WorkspaceDirectory } from '../../identity/directory.ts';
import type { Change } from '../../kernel/change.ts';
import { isUniqueViolation, type Executor } from '../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import { checkText, readWord } from '../dialect.ts';
import { computeByName, countComputes, insertCompute, lockCompute, updateCompute, type ComputeRow } from './compute-store.ts';
import { connectionOf } from './connection.ts';
import type { DataSourceConnection } from './interface.ts';
import { masked, withFormerSecrets, type Properties } from './properties.ts';
import { lockSources, type Environment } from './store.ts';

/** Compute resources: what a node may name as its data source, to run on. Their secrets are kept as those of data sources are. */
export interface Computes {
  create(change: Change, workspaceId: number, wanted: { readonly name: string; readonly environment: Environment; readonly type: string; readonly mode: string; readonly properties: Properties; readonly description: string }): Promise<number>;
  update(change: Change, workspaceId: number, id: number, wanted: { readonly properties: Properties; readonly mode?: string | undefined; readonly description?: string | undefined }): Promise<void>;
  /** The connection with its secrets; undefined when there is no compute resource of the name. */
  open(db: Executor, workspaceId: number, environment: Environment, name: string): Promise<DataSourceConnection | undefined>;
}

const PARAMETER = 'ConnectionProperties';
const MODES = ['UrlMode', 'InstanceMode', 'CdhMode'];

export function computeNotFound(id: number): ApiError {
  return notFound('ComputeResource', id, 'compute resource');
}

/** What the sealed text is bound to. */
function purpose(of: Pick<ComputeRow, 'tenant_id' | 'workspace_id' | 'environment' | 'name'>): string {
  return `compute-resource:${of.tenant_id}:${of.workspace_id}:${of.environment}:${of.name}`;
}

const checkMode = (mode: string) => readWord('ConnectionPropertiesMode', mode, MODES);

export function createComputes(options: { secrets: SecretBox; directory: Pick<WorkspaceDirectory, 'byId'> }): Computes {
  const { secrets, directory } = options;
  const seal = (properties: Properties, of: Parameters<typeof purpose>[0]) => secrets.seal(JSON.stringify(properties), purpose(of));
  const opened = (row: ComputeRow) => JSON.parse(secrets.open(row.sealed, purpose(row))) as Properties;

  return {
    async create(change, workspaceId, wanted) {
      if (wanted.environment === 'DEV' && (await directory.byId(workspaceId))?.standardMode === false) throw invalid(PARAMETER, 'the workspace has no development environment');
      checkMode(wanted.mode);
      if (!/^[A-Za-z][\w .-]{0,63}$/.test(wanted.type)) throw invalid('Type', 'it must be a word of up to 64 letters, digits and underscores');
      const name = checkText('Name', wanted.name, 255);
      if (!/^[\p{L}_][\p{L}\p{N}_-]*$/u.test(name)) throw invalid('Name', 'it must begin with a letter and have letters, digits, hyphens and underscores only');
      const properties = withFormerSecrets(PARAMETER, wanted.properties, undefined);
      await lockSources(change, workspaceId);
      const most = limits.computeResourcesPerWorkspace.value;
      if ((await countComputes(change, workspaceId)) >= most) throw new ApiError('TooMany', { kind: 'ComputeResource', limit: most, label: 'compute resources of a workspace' });
      const key = { tenant_id: change.actor.tenantId, workspace_id: workspaceId, environment: wanted.environment, name };
      try {
        const description = checkText('Description', wanted.description, 3_000);
        const id = await insertCompute(change, { ...key, type: wanted.type, mode: wanted.mode, properties: masked(properties), sealed: seal(properties, key), description }, change.actor.userId, change.now);
        change.touch(`compute-resource:${id}`);
        return id;
      } catch (error) {
        if (isUniqueViolation(error, 'compute_resource_name')) throw new ApiError('AlreadyExists', { kind: 'ComputeResource', label: 'compute resource', id: name });
        throw error;
      }
    },
    async update(change, workspaceId, id, wanted) {
      const row = await lockCompute(change, workspaceId, id);
      if (row === undefined) throw computeNotFound(id);
      const properties = withFormerSecrets(PARAMETER, wanted.properties, opened(row));
      const description = checkText('Description', wanted.description ?? row.description, 3_000);
      await updateCompute(change, id, { mode: checkMode(wanted.mode ?? row.mode), properties: masked(properties), sealed: seal(properties, row), description }, change.actor.userId, change.now);
      change.touch(`compute-resource:${id}`);
    },
    async open(db, workspaceId, environment, name) {
      const row = await computeByName(db, workspaceId, environment, name);
      return row === undefined ? undefined : connectionOf({ id: row.id, name: row.name, type: row.type, subType: '' }, opened(row));
    },
  };
}
