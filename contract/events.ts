/** The catalogue of events: what the platform tells, and at which of its points an extension decides. */

import { readData } from './load.ts';

/** A JSON Schema (draft 2020-12) of one payload. Open to further properties. */
export type PayloadSchema = Readonly<Record<string, unknown>>;

export interface EventType {
  /** Kebab-case code inside the payload; names the event in extension bindings and parameters. */
  readonly eventCode: string;
  /** CloudEvents type, `dataworks:<Category>:<Name>`. */
  readonly type: string;
  /** The type's name in the first generation of messages, where it is known. */
  readonly formerType?: string;
  /** `R`: tells only. `X`: an extension point, where the operation waits for verdicts. */
  readonly class: 'R' | 'X';
  /** Whether the event belongs to one workspace or to the tenant. */
  readonly level: 'workspace' | 'tenant';
  readonly module: string;
  readonly category: string;
  /** The payload's name in `payloadSchemas`. */
  readonly payload: string;
  /** The payload field that holds the workspace id; text in `queryDwProjectId`, else a number. */
  readonly workspaceField: 'projectId' | 'appId' | 'queryDwProjectId';
  readonly name: string;
  readonly nameZh: string;
  /** When the event is raised, in one sentence. */
  readonly trigger: string;
}

/** All 51 events. */
export const events: readonly EventType[] = readData('events.json');

/** By CloudEvents type. */
export const eventByType: ReadonlyMap<string, EventType> = new Map(events.map((event) => [event.type, event]));

/** By eventCode. */
export const eventByCode: ReadonlyMap<string, EventType> = new Map(events.map((event) => [event.eventCode, event]));

/** The 33 events of class X. */
export const extensionPoints: readonly EventType[] = events.filter((event) => event.class === 'X');

/** The JSON Schema of every payload by its name, such as `P2`. */
export const payloadSchemas: ReadonlyMap<string, PayloadSchema> = new Map(
  Object.entries(readData<Record<string, PayloadSchema>>('events.schemas.json')),
);
