import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { notFound } from '../../../kernel/errors.ts';
import { inProject, type Call, type Handlers } from '../../../kernel/operation.ts';
import { pageCounters, readId, readPage } from '../../dialect.ts';
import { listOf, objectOf, textOf, type JsonObject, type JsonValue } from '../../flowspec/index.ts';
import type { Commits } from '../commit.ts';
import { rowDocument } from '../flow/document.ts';
import { createEntity, updateEntity, type EntityKind } from '../flow/entities.ts';
import { millis, toDataSource, toScript } from '../flow/listed.ts';
import { kindName, moveObject, renameObject } from '../flow/nodes.ts';
import { readSpec } from '../flow/read.ts';
import { inProjectOf, siteOfCall } from '../flow/site.ts';
import type { NodeRow } from '../model.ts';
import { listNodes, nodeById } from '../store.ts';
import type { Uploads } from '../upload/index.ts';
import type { Users } from './files.ts';

/** Resources, functions and components of 2024-05-18. */

async function find(call: Call, kind: EntityKind, id: string, name = 'Id'): Promise<NodeRow> {
  const row = await nodeById(call.db, call.workspace.id, readId(name, id));
  if (row === undefined || row.kind !== kind || row.state === 'DELETED') throw notFound(kindName(kind), id);
  return row;
}

function common(row: NodeRow) {
  return { Id: String(row.id), Name: row.name, Owner: String(row.owner_id), ProjectId: row.workspace_id, CreateTime: millis(row.created_at), ModifyTime: millis(row.edited_at) };
}

function withSpec(row: NodeRow) {
  return { ...common(row), Spec: JSON.stringify(rowDocument(row, row)) };
}

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

function fields(entity: JsonObject, names: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(names).flatMap(([field, key]) => (textOf(entity[key]) === undefined ? [] : [[field, textOf(entity[key])]])));
}

async function page(call: Call, kind: EntityKind, request: { PageNumber?: number | undefined; PageSize?: number | undefined; Name?: string | undefined; Owner?: string | undefined; Type?: string | undefined }) {
  const wanted = readPage(request);
  const text = (value: string | undefined) => (value === undefined || value === '' ? undefined : value);
  const { rows, total } = await listNodes(
    call.db,
    {
      workspaceId: call.workspace.id,
      kinds: [kind],
      keyword: text(request.Name),
      owner: text(request.Owner) === undefined ? undefined : readId('Owner', request.Owner ?? ''),
      entityType: text(request.Type)?.toLowerCase(),
    },
    false,
    wanted,
  );
  return { rows, counters: pageCounters(wanted, total) };
}

/** Operations that are the same for resources and functions but for their names. */
function moving(commits: Commits, kind: 'resource' | 'function') {
  return {
    move: {
      access: inProject<{ ProjectId: number }>('develop'),
      handle: (call: Call, request: { Id: string; Path: string }) =>
        call.change(async (change) => {
          await moveObject(change, call.workspace.id, kind, readId('Id', request.Id), request.Path);
          return { Success: true };
        }),
    },
    rename: {
      access: inProject<{ ProjectId: number }>('develop'),
      handle: (call: Call, request: { Id: string; Name: string }) =>
        call.change(async (change) => {
          await renameObject(change, call.workspace.id, kind, readId('Id', request.Id), request.Name);
          return { Success: true };
        }),
    },
    remove: {
      access: inProject<{ ProjectId: number }>('develop'),
      handle: (call: Call, request: { Id: string }) =>
        call.change(async (change) => {
          await commits.discard(change, call.workspace, kind, readId('Id', request.Id));
          return { Success: true };
        }),
    },
  };
}

function toResource(row: NodeRow) {
  const entity = objectOf(row.spec.entity);
  const file = objectOf(entity['file']);
  const storage = objectOf(file['storage']);
  return {
    ...common(row),
    Script: toScript(row),
    ...toDataSource(entity),
    Type: capital(textOf(entity['type']) ?? 'file'),
    SourceType: textOf(storage['type']) === 'oss' ? 'Oss' : 'Local',
    SourcePath: textOf(file['path']) ?? '',
    TargetType: 'Gateway',
    TargetPath: '',
  };
}

function toFunction(row: NodeRow) {
  const entity = objectOf(row.spec.entity);
  const resource = objectOf(entity['runtimeResource']);
  const embedded = textOf(entity['embeddedCodeType']);
  return {
    ...common(row),
    Script: toScript(row),
    ...toDataSource(entity),
    Type: capital(textOf(entity['type']) ?? 'other'),
    ...fields(entity, {
      ClassName: 'className', ArmResource: 'armResource', Description: 'usageDescription', ParameterDescription: 'argumentsDescription', ReturnValueDescription: 'returnValueDescription',
      ExampleDescription: 'usageExample', EmbeddedCode: 'embeddedCode', DatabaseName: 'databaseName', CommandDescription: 'commandDescription',
    }),
    ...(embedded === undefined ? {} : { EmbeddedCodeType: capital(embedded) }),
    EmbeddedResourceType: capital(textOf(entity['resourceType']) ?? 'file'),
    FileResource: listOf(entity['fileResources']).map((one) => textOf(one) ?? textOf(objectOf(one)['name']) ?? '').join(','),
    ...(Object.keys(resource).length === 0 ? {} : { RuntimeResource: { ResourceGroupId: textOf(resource['resourceGroupId']) ?? textOf(resource['resourceGroup']) ?? '' } }),
  };
}

function toParameters(list: JsonValue | undefined) {
  return listOf(list).map((one) => fields(objectOf(one), { Name: 'name', Type: 'type', DefaultValue: 'defaultValue', Description: 'description' }));
}

/** `yyyy-MM-dd HH:mm:ss` and ISO 8601 in UTC, which the answers of components use side by side. */
const spaced = (moment: Date) => moment.toISOString().slice(0, 19).replace('T', ' ');
const iso = (moment: Date) => `${moment.toISOString().slice(0, 19)}Z`;

export function entityOperations(users: Users, commits: Commits, uploads: Uploads): Handlers<Operations> {
  const resources = moving(commits, 'resource');
  const functions = moving(commits, 'function');
  const uploaded = async (call: Call, url: string | undefined) => (url === undefined || url === '' ? undefined : await uploads.read(call.tenantId, 'ResourceFile', url));
  return {
    CreateResource: {
      access: inProject('develop'),
      async handle(call, request) {
        const document = readSpec(request.Spec, ['Resource']);
        const content = await uploaded(call, request.ResourceFile);
        return call.change(async (change) => ({ Id: String(await createEntity(change, siteOfCall(users, call), 'resource', document, content)) }));
      },
    },
    UpdateResource: {
      access: inProject('develop'),
      async handle(call, request) {
        const document = readSpec(request.Spec, ['Resource'], false);
        const content = await uploaded(call, request.ResourceFile);
        return call.change(async (change) => {
          await updateEntity(change, siteOfCall(users, call), 'resource', readId('Id', request.Id), document, content);
          return { Success: true };
        });
      },
    },
    GetResource: { access: inProjectOf('read', (request) => request.Id), handle: async (call, request) => ({ Resource: withSpec(await find(call, 'resource', request.Id)) }) },
    ListResources: {
      access: inProject('read'),
      async handle(call, request) {
        const { rows, counters } = await page(call, 'resource', request);
        return { PagingInfo: { ...counters, Resources: rows.map(toResource) } };
      },
    },
    MoveResource: resources.move,
    RenameResource: resources.rename,
    DeleteResource: resources.remove,
    CreateFunction: {
      access: inProject('develop'),
      handle(call, request) {
        const document = readSpec(request.Spec, ['Function']);
        return call.change(async (change) => ({ Id: String(await createEntity(change, siteOfCall(users, call), 'function', document)) }));
      },
    },
    UpdateFunction: {
      access: inProject('develop'),
      handle(call, request) {
        const document = readSpec(request.Spec, ['Function'], false);
        return call.change(async (change) => {
          await updateEntity(change, siteOfCall(users, call), 'function', readId('Id', request.Id), document);
          return { Success: true };
        });
      },
    },
    GetFunction: { access: inProjectOf('read', (request) => request.Id), handle: async (call, request) => ({ Function: withSpec(await find(call, 'function', request.Id)) }) },
    ListFunctions: {
      access: inProject('read'),
      async handle(call, request) {
        const { rows, counters } = await page(call, 'function', request);
        return { PagingInfo: { ...counters, Functions: rows.map(toFunction) } };
      },
    },
    MoveFunction: functions.move,
    // The contract has a text here, and a boolean in all its siblings.
    RenameFunction: { ...functions.rename, handle: async (call, request) => ({ Success: String((await functions.rename.handle(call, request)).Success) }) },
    DeleteFunction: functions.remove,
    CreateComponent: {
      access: inProject('develop'),
      handle(call, request) {
        const document = readSpec(request.Spec, ['Component']);
        return call.change(async (change) => ({ ComponentId: String(await createEntity(change, siteOfCall(users, call), 'component', document)) }));
      },
    },
    UpdateComponent: {
      access: inProject('develop'),
      handle(call, request) {
        const document = readSpec(request.Spec, ['Component'], false);
        return call.change(async (change) => {
          await updateEntity(change, siteOfCall(users, call), 'component', readId('ComponentId', request.ComponentId), document);
          return { Success: true };
        });
      },
    },
    GetComponent: {
      access: inProjectOf('read', (request) => request.ComponentId, 'ComponentId'),
      async handle(call, request) {
        const row = await find(call, 'component', request.ComponentId, 'ComponentId');
        return {
          Component: {
            ComponentId: String(row.id), Name: row.name, Description: row.spec.description ?? '', Owner: String(row.owner_id), ProjectId: row.workspace_id, RegionId: call.workspace.region,
            CreateTime: iso(row.created_at), ModifyTime: iso(row.edited_at), Spec: JSON.stringify(rowDocument(row, row)),
          },
        };
      },
    },
    ListComponents: {
      access: inProject('read'),
      async handle(call, request) {
        const { rows, counters } = await page(call, 'component', request);
        return {
          PagingInfo: {
            ...counters,
            Components: rows.map((row) => {
              const entity = objectOf(row.spec.entity);
              return {
                ComponentId: String(row.id), Name: row.name, Description: row.spec.description ?? '', Owner: String(row.owner_id), ProjectId: row.workspace_id,
                CreateTime: spaced(row.created_at), ModifyTime: iso(row.edited_at), Script: toScript(row),
                Inputs: toParameters(entity['inputs'] ?? entity['input']), Outputs: toParameters(entity['outputs'] ?? entity['output']),
              };
            }),
          },
        };
      },
    },
    DeleteComponent: {
      access: inProject('develop'),
      handle: (call, request) =>
        call.change(async (change) => {
          await commits.discard(change, call.workspace, 'component', readId('ComponentId', request.ComponentId));
          return { Success: true };
        }),
    },
  };
}
