import type { Operations } from '../../../../contract/generated/dataworks-public-2024-05-18.ts';
import { invalid } from '../../../kernel/errors.ts';
import { inProject, type Handlers } from '../../../kernel/operation.ts';
import { checkText, pageCounters, readPage, readSortOrder } from '../../dialect.ts';
import { computeById, computeOrders, deleteCompute, listComputes, type ComputeRow } from '../compute-store.ts';
import { computeNotFound, type Computes } from '../computes.ts';
import { environmentOf, readProperties } from '../properties.ts';
import { readEnvironment } from './shared.ts';

/** Compute resources in 2024-05-18. */

function toWire(row: ComputeRow) {
  return {
    Id: row.id,
    ConnectionProperties: 'envType' in row.properties ? row.properties : { envType: row.environment === 'DEV' ? 'Dev' : 'Prod', ...row.properties },
    ConnectionPropertiesMode: row.mode,
    Description: row.description,
    WhetherDefault: row.is_default,
    CreateTime: row.created_at.getTime(),
    CreateUser: String(row.created_by),
    ModifyTime: row.modified_at.getTime(),
    ModifyUser: String(row.modified_by),
  };
}

export function computeOperations(computes: Computes): Handlers<Operations> {
  return {
    CreateComputeResource: {
      access: inProject('operate'),
      async handle(call, request) {
        const properties = readProperties('ConnectionProperties', request.ConnectionProperties);
        const environment = environmentOf('ConnectionProperties', properties);
        const wanted = { name: request.Name, environment, type: request.Type, mode: request.ConnectionPropertiesMode, properties, description: request.Description ?? '' };
        return { Id: await call.change((change) => computes.create(change, call.workspace.id, wanted)) };
      },
    },
    GetComputeResource: {
      access: inProject('read'),
      async handle(call, request) {
        const row = await computeById(call.db, call.workspace.id, request.Id);
        if (row === undefined) throw computeNotFound(request.Id);
        return { ComputeResource: { ...toWire(row), Name: row.name, Type: row.type, ProjectId: row.workspace_id, QualifiedName: `${row.workspace_id}.${row.environment.toLowerCase()}.${row.name}` } };
      },
    },
    ListComputeResources: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const order = readSortOrder(request, computeOrders, { sortBy: 'CreateTime', order: 'Desc' });
        const filter = {
          workspaceId: call.workspace.id,
          environment: request.EnvType === undefined ? undefined : readEnvironment(request.EnvType),
          name: request.Name === undefined ? undefined : checkText('Name', request.Name, 255),
          types: request.Types === undefined || request.Types.length === 0 ? undefined : request.Types.map((type) => checkText('Types', type, 64).toLowerCase()),
        };
        const found = await listComputes(call.db, filter, { ...order, defaultFirst: request.SortBy === 'CreateTimeWithDefaultFirst' }, page);
        const ComputeResources = found.groups.map(({ name, type, rows }) => ({ Name: name, Type: type, ComputeResource: rows.map(toWire) }));
        return { PagingInfo: { ComputeResources, ...pageCounters(page, found.total) } };
      },
    },
    UpdateComputeResource: {
      access: inProject('operate'),
      async handle(call, request) {
        const properties = readProperties('ConnectionProperties', request.ConnectionProperties);
        await call.change(async (change) => {
          const row = await computeById(change, call.workspace.id, request.Id);
          if (row === undefined) throw computeNotFound(request.Id);
          if (properties['envType'] !== undefined && environmentOf('ConnectionProperties', properties) !== row.environment) {
            throw invalid('ConnectionProperties', 'a compute resource stays in its environment; create another one instead');
          }
          await computes.update(change, call.workspace.id, row.id, { properties, mode: request.ConnectionPropertiesMode, description: request.Description });
        });
        return { Success: true };
      },
    },
    DeleteComputeResource: {
      access: inProject('operate'),
      async handle(call, request) {
        await call.change(async (change) => {
          if (!(await deleteCompute(change, call.workspace.id, request.Id))) throw computeNotFound(request.Id);
          change.touch(`compute-resource:${request.Id}`);
        });
        return { Success: true };
      },
    },
  };
}
