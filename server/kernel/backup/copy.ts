import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Client, Connection } from 'pg';

/** The calls of `pg` by which a connection moves copied rows; its types leave them out. */
interface CopyConnection {
  readonly stream: Duplex;
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/** What `pg` tells a statement about its way. */
interface Statement {
  submit(connection: Connection): void;
  handleRowDescription(): void;
  handleDataRow(): void;
  handlePortalSuspended(): void;
  handleEmptyQuery(): void;
  handleCommandComplete(): void;
  handleReadyForQuery(): void;
  handleError(error: Error): void;
  handleCopyInResponse(): void;
  handleCopyData(message: { readonly chunk: Buffer }): void;
}

/** Rows are handed on when so many bytes are there. */
const CHUNK_BYTES = 256 * 1024;

function statement(client: Client, text: string, handlers: (connection: CopyConnection) => Partial<Statement>): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    let own: Partial<Statement> = {};
    const nothing = (): void => {};
    const running: Statement = {
      submit(connection) {
        const copying = connection as Connection & CopyConnection;
        own = handlers(copying);
        copying.query(text);
      },
      handleRowDescription: nothing,
      handleDataRow: nothing,
      handlePortalSuspended: nothing,
      handleEmptyQuery: nothing,
      handleCommandComplete: nothing,
      handleError(error) {
        failure ??= error;
        own.handleError?.(error);
        // A broken connection tells nothing more; after an error of the statement the server still says that it is ready.
        reject(failure);
      },
      handleReadyForQuery() {
        if (failure === undefined) resolve();
      },
      handleCopyInResponse: () => own.handleCopyInResponse?.(),
      handleCopyData: (message) => own.handleCopyData?.(message),
    };
    client.query(running);
  });
}

/** Runs a `copy … to stdout` and hands its bytes to `take`, which the server waits for. */
export async function copyOut(client: Client, text: string, take: (bytes: Buffer) => Promise<void>): Promise<void> {
  let parts: Buffer[] = [];
  let size = 0;
  let taking: Promise<void> = Promise.resolve();
  let refusal: Error | undefined;
  const hand = (): Promise<void> => {
    const bytes = Buffer.concat(parts);
    parts = [];
    size = 0;
    taking = taking.then(() => (refusal === undefined && bytes.length > 0 ? take(bytes) : undefined)).catch((error: unknown) => void (refusal ??= error as Error));
    return taking;
  };
  await statement(client, text, (connection) => ({
    handleCopyData({ chunk }) {
      parts.push(Buffer.from(chunk));
      size += chunk.length;
      if (size < CHUNK_BYTES) return;
      connection.stream.pause();
      void hand().finally(() => connection.stream.resume());
    },
  }));
  await hand();
  if (refusal !== undefined) throw refusal;
}

/** Runs a `copy … from stdin` with the bytes of `source`. A source that throws undoes the statement. */
export async function copyIn(client: Client, text: string, source: AsyncIterable<Buffer>): Promise<void> {
  let sent: Promise<void> = Promise.resolve();
  let refusal: Error | undefined;
  let over: (error: Error) => void = () => {};
  const broken = new Promise<never>((_resolve, reject) => {
    over = reject;
  });
  broken.catch(() => {});
  const running = statement(client, text, (connection) => ({
    handleError: (error) => over(error),
    handleCopyInResponse() {
      sent = (async () => {
        try {
          for await (const bytes of source) {
            connection.sendCopyFromChunk(bytes);
            if (connection.stream.writableNeedDrain) await Promise.race([once(connection.stream, 'drain'), broken]);
          }
          connection.endCopyFrom();
        } catch (error) {
          refusal = error as Error;
          connection.sendCopyFail('the source ended early');
        }
      })();
    },
  }));
  const failed = await running.then(
    () => undefined,
    (error: Error) => error,
  );
  await sent;
  if (refusal !== undefined) throw refusal;
  if (failed !== undefined) throw failed;
}
