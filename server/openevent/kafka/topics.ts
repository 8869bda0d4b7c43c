import { createHash } from 'node:crypto';

/** The topic of all events of a tenant that its reader may see. */
export const ALL = -1;
/** The topic of the tenant's own events, which belong to no workspace. */
export const TENANT = 0;

/** A topic as the server keeps it: a tenant and a workspace id, `ALL` or `TENANT`. */
export interface Stream {
  readonly tenantId: number;
  readonly workspaceId: number;
}

const PREFIX = 'dataworks';

/** The name of a topic, within its tenant: a Kafka user sees the topics of the own tenant only. */
export function topicName(workspaceId: number): string {
  if (workspaceId === ALL) return `${PREFIX}.all`;
  return workspaceId === TENANT ? `${PREFIX}.tenant` : `${PREFIX}.workspace.${workspaceId}`;
}

/** The workspace of a topic's name, or undefined for a name that no topic can have. */
export function workspaceOfTopic(name: string): number | undefined {
  if (name === `${PREFIX}.all`) return ALL;
  if (name === `${PREFIX}.tenant`) return TENANT;
  const [, id] = /^dataworks\.workspace\.([1-9]\d{0,14})$/.exec(name) ?? [];
  return id === undefined ? undefined : Number(id);
}

/** The id that newer clients name a topic by. It tells tenant and workspace, so that nothing need be kept to read it back. */
export function topicId({ tenantId, workspaceId }: Stream): string {
  const check = createHash('sha256').update(`${tenantId}/${workspaceId}`).digest('hex').slice(0, 4);
  const hex = `${check}${(workspaceId + 1).toString(16).padStart(14, '0')}${tenantId.toString(16).padStart(14, '0')}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function streamOfTopicId(id: string): Stream | undefined {
  const hex = id.replaceAll('-', '');
  const stream = { workspaceId: Number.parseInt(hex.slice(4, 18), 16) - 1, tenantId: Number.parseInt(hex.slice(18), 16) };
  return topicId(stream) === id ? stream : undefined;
}

export function streamKey({ tenantId, workspaceId }: Stream): string {
  return `${tenantId}/${workspaceId}`;
}

/** What a Kafka user is subscribed to. */
export interface Reader {
  readonly userId: number;
  readonly tenantId: number;
  readonly login: string;
  /** Undefined for all workspaces. */
  readonly workspaces: ReadonlySet<number> | undefined;
  readonly tenantEvents: boolean;
  /** CloudEvents types; undefined for all. */
  readonly types: ReadonlySet<string> | undefined;
}

/** True when the user may read the topic of the workspace. The topic of all events is everybody's: it holds what the user may see. */
export function mayRead(reader: Reader, workspaceId: number): boolean {
  if (workspaceId === ALL) return true;
  return workspaceId === TENANT ? reader.tenantEvents : (reader.workspaces?.has(workspaceId) ?? true);
}

/** The part of a topic that a user sees. Users with the same `key` see the same, so that they share what is encoded. */
export interface View {
  readonly key: string;
  /** Undefined when everything is seen. */
  readonly sees: ((entry: { readonly workspaceId: number; readonly type: string }) => boolean) | undefined;
}

const EVERYTHING: View = { key: '', sees: undefined };

export function viewOf(reader: Reader, workspaceId: number): View {
  const narrow = workspaceId === ALL && (reader.workspaces !== undefined || !reader.tenantEvents);
  const { types } = reader;
  if (!narrow && types === undefined) return EVERYTHING;
  const place = narrow ? `${reader.tenantEvents}:${[...(reader.workspaces ?? ['*'])].toSorted().join(',')}` : '';
  return {
    key: `${place}|${[...(types ?? [])].toSorted().join(',')}`,
    sees: (entry) => (!narrow || mayRead(reader, entry.workspaceId)) && (types?.has(entry.type) ?? true),
  };
}
