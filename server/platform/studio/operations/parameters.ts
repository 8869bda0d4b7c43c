import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { isUniqueViolation } from '../../../kernel/database.ts';
import { ApiError, invalid, notFound } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import { inProject, type Access, type Call, type Handlers } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import type { SecretBox } from '../../../kernel/secrets.ts';
import { checkText, pageCounters, readId, readPage, readSortBy } from '../../dialect.ts';
import {
  countParameters, deleteParameter, insertParameter, insertParameterVersion, listParameters, listParameterVersions, lockParameter, parameterById, parameterOrders, workspaceOfParameter,
  type NewVersion, type ParameterRow, type ParameterType,
} from '../parameter-store.ts';
import { readOwner, type Users } from './files.ts';

/** Parameters of a workspace with their versions. The values of a SecretConstant are sealed as they come and never answered. */

const TYPES: readonly string[] = ['PlainConstant', 'SecretConstant', 'Variable'] satisfies ParameterType[];
const ENVIRONMENTS = ['Prod', 'Dev'];
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/;
const SCOPE = 'Project';

type Given = readonly { EnvType?: string | undefined; Value?: string | undefined }[];

function readProperties(given: Given): { EnvType: string; Value: string }[] {
  const seen = new Set<string>();
  return given.map(({ EnvType = 'Prod', Value = '' }) => {
    if (!ENVIRONMENTS.includes(EnvType)) throw invalid('Properties', `EnvType must be one of ${ENVIRONMENTS.join(', ')}`);
    if (seen.has(EnvType)) throw invalid('Properties', `it names the environment ${EnvType} twice`);
    seen.add(EnvType);
    return { EnvType, Value: checkText('Properties', Value, limits.parameterValueCharacters.value) };
  });
}

function toVersion(secrets: SecretBox, id: number, type: ParameterType, properties: { EnvType: string; Value: string }[]): Pick<NewVersion, 'properties' | 'sealed'> {
  if (type !== 'SecretConstant') return { properties, sealed: null };
  return { properties: properties.map(({ EnvType }) => ({ EnvType })), sealed: secrets.seal(JSON.stringify(properties), `parameter:${id}`) };
}

function toParameter(row: ParameterRow) {
  return {
    Id: row.id,
    Name: row.name,
    Type: row.type,
    Scope: SCOPE,
    Description: row.description,
    Owner: String(row.owner_id),
    ProjectId: row.workspace_id,
    Properties: row.properties.map((property) => ({ ...property })),
    Version: row.version,
    CreateTime: row.created_at.getTime(),
    CreateUser: String(row.created_by),
    ModifyTime: row.version_at.getTime(),
    ModifyUser: String(row.version_by),
  };
}

function ofParameter<Request extends { Id: number }>(right: WorkspaceRight): Access<Request> {
  return {
    level: 'workspace',
    right,
    async find(request, { db, tenantId }) {
      const workspaceId = await workspaceOfParameter(db, tenantId, request.Id);
      if (workspaceId === undefined) throw notFound('Parameter', request.Id);
      return workspaceId;
    },
  };
}

async function find(call: Call, id: number): Promise<ParameterRow> {
  const row = await parameterById(call.db, call.workspace.id, id);
  if (row === undefined) throw notFound('Parameter', id);
  return row;
}

export function parameterOperations(users: Users, secrets: SecretBox): Handlers<Operations> {
  return {
    CreateParameter: {
      access: inProject('develop'),
      async handle(call, request) {
        if (!NAME.test(request.Name)) throw invalid('Name', 'it must begin with a letter or _ and hold letters, digits, and _ . - only, at most 255');
        if (!TYPES.includes(request.Type)) throw invalid('Type', `it must be one of ${TYPES.join(', ')}`);
        if ((request.Scope ?? SCOPE) !== SCOPE) throw invalid('Scope', `it must be ${SCOPE}`);
        const type = request.Type as ParameterType;
        const properties = readProperties(request.Properties);
        if (properties.length === 0) throw invalid('Properties', 'it must give a value');
        const description = checkText('Description', request.Description ?? '', 2_000);
        const owner = (await readOwner(users, call, request.Owner)) ?? call.caller.userId;
        return call.change(async (change) => {
          if ((await countParameters(change, call.workspace.id)) >= limits.parametersPerWorkspace.value) throw new ApiError('TooMany', { kind: 'Parameter', limit: limits.parametersPerWorkspace.value, label: 'parameters' });
          try {
            const id = await insertParameter(change, { tenantId: call.tenantId, workspaceId: call.workspace.id, name: request.Name, type, userId: change.actor.userId }, change.now);
            await insertParameterVersion(change, id, { description, owner_id: owner, ...toVersion(secrets, id, type, properties) }, change.actor.userId, change.now);
            change.touch(`parameter:${id}`);
            return { Id: id };
          } catch (error) {
            if (isUniqueViolation(error, 'parameter_name')) throw new ApiError('AlreadyExists', { kind: 'Parameter', label: 'parameter', id: request.Name });
            throw error;
          }
        });
      },
    },
    UpdateParameter: {
      access: ofParameter('develop'),
      async handle(call, request) {
        const owner = await readOwner(users, call, request.Owner);
        const properties = request.Properties === undefined ? undefined : readProperties(request.Properties);
        const description = request.Description === undefined ? undefined : checkText('Description', request.Description, 2_000);
        return call.change(async (change) => {
          await lockParameter(change, call.workspace.id, request.Id);
          const row = await parameterById(change, call.workspace.id, request.Id);
          if (row === undefined) throw notFound('Parameter', request.Id);
          const values = properties === undefined ? { properties: row.properties, sealed: row.sealed } : toVersion(secrets, row.id, row.type, properties);
          const version = await insertParameterVersion(change, row.id, { description: description ?? row.description, owner_id: owner ?? row.owner_id, ...values }, change.actor.userId, change.now);
          change.touch(`parameter:${row.id}`);
          return { Version: version };
        });
      },
    },
    RollbackParameter: {
      access: ofParameter('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await lockParameter(change, call.workspace.id, request.Id);
          const row = await parameterById(change, call.workspace.id, request.Id, request.RollbackVersion);
          if (row === undefined) throw notFound('ParameterVersion', request.RollbackVersion, 'parameter version');
          await insertParameterVersion(change, row.id, row, change.actor.userId, change.now);
          change.touch(`parameter:${row.id}`);
          return { Success: true };
        }),
    },
    GetParameter: { access: ofParameter('read'), handle: async (call, request) => ({ Parameter: toParameter(await find(call, request.Id)) }) },
    ListParameters: {
      access: {
        level: 'workspace',
        right: 'read',
        find: async (request, { db, tenantId }) => request.ProjectId ?? (request.Ids?.[0] === undefined ? undefined : await workspaceOfParameter(db, tenantId, request.Ids[0])),
      },
      async handle(call, request) {
        const page = readPage({ PageNumber: request.PageNumber, PageSize: request.PageSize ?? 20 });
        if ((request.Scope ?? SCOPE) !== SCOPE) throw invalid('Scope', `it must be ${SCOPE}`);
        const owner = request.Owner === undefined || request.Owner === '' ? undefined : readId('Owner', request.Owner);
        const order = readSortBy(request.SortBy, parameterOrders, 'Id Desc');
        const { rows, total } = await listParameters(call.db, { workspaceId: call.workspace.id, ids: request.Ids, names: request.Names, owner, type: request.Type === '' ? undefined : request.Type }, order, page);
        return { PagingInfo: { ...pageCounters(page, total), Parameters: rows.map(toParameter) } };
      },
    },
    ListParameterVersions: {
      access: ofParameter('read'),
      async handle(call, request) {
        const page = readPage({ PageNumber: request.PageNumber, PageSize: request.PageSize ?? 20 });
        const { descending } = readSortBy(request.SortBy, { Version: 'version' }, 'Version Desc');
        const { id } = await find(call, request.Id);
        const { rows, total } = await listParameterVersions(call.db, id, descending, page);
        return { PagingInfo: { ...pageCounters(page, total), ParameterVersion: rows.map(toParameter) } };
      },
    },
    DeleteParameter: {
      access: ofParameter('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await lockParameter(change, call.workspace.id, request.Id);
          await deleteParameter(change, request.Id);
          change.touch(`parameter:${request.Id}`);
          return { Success: true };
        }),
    },
  };
}
