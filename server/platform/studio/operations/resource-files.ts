import { fileTypeByNumber } from '../../../../contract/file-types.ts';
import type { Operations } from '../../../../contract/generated/dataworks-public-2020-05-18.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import { inProject, type Handlers } from '../../../kernel/operation.ts';
import { checkText, readId, success } from '../../dialect.ts';
import { objectOf, type JsonObject } from '../../flowspec/index.ts';
import { addObjects, checkContent, saveDraft } from '../drafts.ts';
import { withEncoding } from '../flow/entities.ts';
import { numberOfCommand } from '../flow/plan.ts';
import { fromEntity } from '../flow/spec.ts';
import { findPlace } from '../folders.ts';
import { checkName } from '../names.ts';
import { lockNode, nextNodeId } from '../store.ts';
import type { Uploads } from '../upload/index.ts';
import { readOwner, type Users } from './files.ts';

/** Resource and function files of the legacy dialect: the resources and functions of the new one, with flat parameters. */

const FUNCTION_TYPES = ['MATH', 'AGGREGATE', 'STRING', 'DATE', 'ANALYTIC', 'OTHER'];

function functionEntity(request: Operations['UpdateUdfFile']['request']): JsonObject {
  if (!FUNCTION_TYPES.includes(request.FunctionType)) throw invalid('FunctionType', `it must be one of ${FUNCTION_TYPES.join(', ')}`);
  const text = (name: 'UdfDescription' | 'CmdDescription' | 'ParameterDescription' | 'ReturnValue' | 'Example') => (request[name] === undefined ? {} : { [name]: checkText(name, request[name], 10_000) });
  const { UdfDescription, CmdDescription, ParameterDescription, ReturnValue, Example } = { ...text('UdfDescription'), ...text('CmdDescription'), ...text('ParameterDescription'), ...text('ReturnValue'), ...text('Example') } as Record<string, string>;
  return {
    type: request.FunctionType.toLowerCase(),
    className: checkText('ClassName', request.ClassName, 1_000),
    fileResources: checkText('Resources', request.Resources, 10_000).split(',').map((name) => name.trim()).filter((name) => name !== '').map((name) => ({ name })),
    ...(UdfDescription === undefined ? {} : { usageDescription: UdfDescription }),
    ...(CmdDescription === undefined ? {} : { commandDescription: CmdDescription }),
    ...(ParameterDescription === undefined ? {} : { argumentsDescription: ParameterDescription }),
    ...(ReturnValue === undefined ? {} : { returnValueDescription: ReturnValue }),
    ...(Example === undefined ? {} : { usageExample: Example }),
  };
}

export function resourceFileOperations(users: Users, uploads: Uploads): Handlers<Operations> {
  return {
    CreateResourceFile: {
      access: inProject('develop'),
      async handle(call, request) {
        const name = checkName('FileName', request.FileName);
        const type = fileTypeByNumber.get(request.FileType);
        if (type?.kind !== 'resource') throw invalid('FileType', 'it must be the type of a resource, such as 12 (Python), 13 (JAR), 14 (archive) or 15 (file).');
        const url = request.ResourceFile ?? request.StorageURL ?? '';
        const uploaded = url === '' ? undefined : await uploads.read(call.tenantId, request.ResourceFile === undefined ? 'StorageURL' : 'ResourceFile', url);
        const content = checkContent(uploaded?.content ?? request.Content ?? '');
        const owner = (await readOwner(users, call, request.Owner)) ?? call.caller.userId;
        const description = request.FileDescription === undefined ? {} : { description: checkText('FileDescription', request.FileDescription, 2_000) };
        const origin = checkText('OriginResourceName', request.OriginResourceName, 1_000);
        return call.change(async (change) => {
          const place = await findPlace(change, call.workspace.id, request.FileFolderPath, false);
          const id = await nextNodeId(change);
          const entity = { ...description, type: (/(PYTHON|JAR|ARCHIVE)$/.exec(type.command)?.[1] ?? 'FILE').toLowerCase(), file: { path: origin, storage: { type: 'local' } }, metadata: { registerToCalcEngine: request.RegisterToCalcEngine } };
          await addObjects(change, call.workspace.id, [
            {
              id, tenant_id: call.tenantId, workspace_id: call.workspace.id, kind: 'resource', name, command: type.command, file_type: request.FileType, folder_id: place.folderId,
              business_id: place.businessId, use_type: place.useType, spec: fromEntity(withEncoding(entity, uploaded), undefined, { nodeId: id, workspaceName: call.workspace.name }), content, owner_id: owner,
            },
          ]);
          return { ...success, Data: id };
        });
      },
    },
    CreateUdfFile: {
      access: inProject('develop'),
      handle(call, request) {
        const name = checkName('FileName', request.FileName);
        const entity = functionEntity({ ...request, FileId: '' });
        return call.change(async (change) => {
          const place = await findPlace(change, call.workspace.id, request.FileFolderPath ?? '', request.CreateFolderIfNotExists === true);
          const id = await nextNodeId(change);
          await addObjects(change, call.workspace.id, [
            {
              id, tenant_id: call.tenantId, workspace_id: call.workspace.id, kind: 'function', name, command: 'ODPS_FUNCTION', file_type: numberOfCommand('ODPS_FUNCTION'), folder_id: place.folderId,
              business_id: place.businessId, use_type: place.useType, spec: fromEntity(entity, undefined, { nodeId: id, workspaceName: call.workspace.name }), content: '', owner_id: call.caller.userId,
            },
          ]);
          return { ...success, Data: id };
        });
      },
    },
    UpdateUdfFile: {
      access: inProject('develop'),
      handle(call, request) {
        const entity = functionEntity(request);
        return call.change(async (change) => {
          const row = await lockNode(change, call.workspace.id, readId('FileId', request.FileId));
          if (row === undefined || row.state !== 'NORMAL' || row.kind !== 'function') throw notFound('File', request.FileId);
          const place = request.FileFolderPath === undefined || request.FileFolderPath === '' ? undefined : await findPlace(change, call.workspace.id, request.FileFolderPath, false);
          await saveDraft(change, row, {
            ...(place === undefined ? {} : { folder_id: place.folderId, business_id: place.businessId }),
            spec: fromEntity({ ...objectOf(row.spec.entity), ...entity }, row.spec, { nodeId: row.id, workspaceName: call.workspace.name }),
          });
          return { ...success };
        });
      },
    },
  };
}
