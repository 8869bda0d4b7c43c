import type { Change } from '../../../kernel/change.ts';
import { objectOf, textOf, type FlowEntity, type FlowSpecDocument, type JsonObject } from '../../flowspec/index.ts';
import { addObjects, checkContent, saveDraft } from '../drafts.ts';
import { TOP } from '../folders.ts';
import type { NodeKind } from '../model.ts';
import { nextNodeId } from '../store.ts';
import { lockObject, mergedBesides } from './nodes.ts';
import { checkFlowName, numberOfCommand, ownerOf, placeOf, type Site } from './plan.ts';
import { fault } from './read.ts';
import type { UploadedFile } from '../upload/index.ts';
import { besides, fromEntity } from './spec.ts';

/** Resources, functions and components: one FlowSpec object each, with its text as content. */

export type EntityKind = Extract<NodeKind, 'resource' | 'function' | 'component'>;

const lists = { resource: 'fileResources', function: 'functions', component: 'components' } as const;
const RESOURCE_COMMANDS: Readonly<Record<string, string>> = { python: 'ODPS_PYTHON', jar: 'ODPS_JAR', archive: 'ODPS_ARCHIVE', file: 'ODPS_FILE' };

function onlyEntity(document: FlowSpecDocument, kind: EntityKind): FlowEntity {
  const { resources, functions, components } = document.model;
  const [entity] = { resource: resources, function: functions, component: components }[kind];
  return entity ?? fault(`spec.${lists[kind]}`, `it must hold a ${kind}`);
}

function commandOf(kind: EntityKind, value: JsonObject): string {
  const command = textOf(objectOf(objectOf(value['script'])['runtime'])['command']);
  if (command !== undefined && command !== '') return command;
  if (kind === 'function') return 'ODPS_FUNCTION';
  return kind === 'component' ? 'SQL_COMPONENT' : (RESOURCE_COMMANDS[textOf(value['type']) ?? 'file'] ?? 'ODPS_FILE');
}

/** The object with a note of how its content is written, when that came as a file. */
export function withEncoding(value: JsonObject, uploaded: UploadedFile | undefined): JsonObject {
  return uploaded === undefined ? value : { ...value, file: { ...objectOf(value['file']), encoding: uploaded.encoding } };
}

/** Creates the resource, function or component of the document. `uploaded` is its content when that came beside the document. Returns its id. */
export async function createEntity(change: Change, site: Site, kind: EntityKind, document: FlowSpecDocument, uploaded?: UploadedFile): Promise<number> {
  const entity = onlyEntity(document, kind);
  const command = commandOf(kind, entity.value);
  const place = (await placeOf(change, site, entity.value, entity.path)) ?? TOP;
  const id = await nextNodeId(change);
  await addObjects(change, site.id, [
    {
      id,
      tenant_id: site.tenantId,
      workspace_id: site.id,
      kind,
      name: checkFlowName(entity.path, entity.name),
      command,
      file_type: numberOfCommand(command),
      folder_id: place.folderId,
      business_id: place.businessId,
      use_type: kind === 'component' ? 'COMPONENT' : 'NORMAL',
      spec: { ...fromEntity(withEncoding(entity.value, uploaded), undefined, { nodeId: id, workspaceName: site.name }), ...besides(document.model, undefined) },
      content: checkContent(uploaded?.content ?? textOf(objectOf(entity.value['script'])['content']) ?? '', 'Spec'),
      owner_id: await ownerOf(site, entity.value, change.actor.userId),
    },
  ]);
  return id;
}

/** Lays the document's object over one that is there. */
export async function updateEntity(change: Change, site: Site, kind: EntityKind, id: number, document: FlowSpecDocument, uploaded?: UploadedFile): Promise<void> {
  const row = await lockObject(change, site.id, kind, id);
  const entity = onlyEntity(document, kind);
  const command = textOf(objectOf(objectOf(entity.value['script'])['runtime'])['command']);
  if (command !== undefined && command !== '' && command !== row.command) fault(`${entity.path}.script.runtime.command`, `the command stays as it was created: ${row.command}`);
  const place = await placeOf(change, site, entity.value, entity.path);
  const content = uploaded?.content ?? textOf(objectOf(entity.value['script'])['content']);
  await saveDraft(change, row, {
    name: textOf(entity.value['name']) === undefined ? row.name : checkFlowName(entity.path, entity.name),
    ...(place === undefined ? {} : { folder_id: place.folderId, business_id: place.businessId }),
    spec: { ...fromEntity(withEncoding(entity.value, uploaded), row.spec, { nodeId: id, workspaceName: site.name }), ...mergedBesides(row, besides(document.model, undefined)) },
    ...(content === undefined ? {} : { content: checkContent(content, 'Spec') }),
    owner_id: await ownerOf(site, entity.value, row.owner_id),
  });
}
