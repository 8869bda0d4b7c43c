import type { WorkspaceDirectory } from '../../../identity/directory.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { Database } from '../../../kernel/database.ts';
import type { Cluster } from '../cluster.ts';
import type { Coordinator } from '../coordinator.ts';
import type { Api } from '../protocol/messages.ts';
import { readRequest, writeResponse, type RequestHeader } from '../protocol/frame.ts';
import type { Reader as Bytes } from '../protocol/wire.ts';
import type { Compression } from '../protocol/compression.ts';
import type { Records } from '../records.ts';
import { readCounters } from '../store.ts';
import { mayRead, TENANT, ALL, type Reader } from '../topics.ts';
import type { Watermarks } from '../watermarks.ts';

/** What requests are answered from. */
export interface Services {
  readonly database: Database;
  readonly clock: Clock;
  readonly directory: Pick<WorkspaceDirectory, 'find'>;
  readonly cluster: Cluster;
  readonly coordinator: Coordinator;
  readonly records: Records;
  readonly watermarks: Watermarks;
  readonly compression: Compression;
  /** False while this process still gives offsets that were there before it took over. */
  readonly settled: () => boolean;
  /** Bytes that an answer may have now. */
  readonly room: () => number;
}

/** The client that asks. */
export interface Client {
  readonly reader: Reader;
  readonly clientId: string;
  readonly host: string;
  /** Aborted when the connection is gone. */
  readonly gone: AbortSignal;
  /** Stretches of topics in which this client's view has nothing, by topic and partition. */
  readonly passed: Map<string, { readonly from: number; readonly to: number }>;
}

export type Handler<Request, Response> = (services: Services, client: Client, request: Request, header: RequestHeader) => Promise<Response | undefined> | Response | undefined;

/** An api with its handler, its types put away. */
export interface Route {
  readonly api: Api<unknown, unknown>;
  /** The answer in parts, or undefined where none is wanted and the connection is to be closed. */
  run(services: Services, client: Client, header: RequestHeader, body: Bytes): Promise<Buffer[] | undefined>;
}

export function route<Request, Response>(api: Api<Request, Response>, handle: Handler<Request, Response>): Route {
  return {
    api,
    async run(services, client, header, body) {
      const answer = await handle(services, client, readRequest(api, header.apiVersion, body), header);
      return answer === undefined ? undefined : writeResponse(api, header.apiVersion, header.correlationId, answer);
    },
  };
}

/** True when there is such a topic and the client may know of it. Checked before anything is kept for a topic. */
export async function topicExists({ database, directory, watermarks }: Services, reader: Reader, workspaceId: number): Promise<boolean> {
  if (!mayRead(reader, workspaceId)) return false;
  const stream = { tenantId: reader.tenantId, workspaceId };
  if (workspaceId === ALL || workspaceId === TENANT || watermarks.watched(stream) || reader.workspaces?.has(workspaceId) === true) return true;
  if ((await directory.find(reader.tenantId, workspaceId)) !== undefined) return true;
  // A deleted workspace keeps its topic as long as it has events. Asked for here, so that nothing is kept, and kept up, of topics that are not there.
  return (await readCounters(database, stream)).length > 0;
}
