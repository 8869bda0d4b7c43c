import { Query, type Client, type Connection, type CustomTypesConfig, type PoolClient, type QueryConfig, type QueryResult } from 'pg';

/** What the driver calls on a query whose answers come in. Its published types name only `submit`. */
interface Answering {
  callback: (error: Error | null, result: QueryResult) => void;
  submit(connection: Connection): Error | null;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
  handleEmptyQuery(connection: Connection): void;
  handleReadyForQuery(connection: Connection): void;
}

/** Statements that a connection has prepared, by name. */
const prepared = new WeakMap<object, Set<string>>();

type AnyClient = Client | PoolClient;

function preparedOn(client: AnyClient): Set<string> {
  let names = prepared.get(client);
  if (names === undefined) {
    names = new Set();
    prepared.set(client, names);
  }
  return names;
}

/**
 * Runs statements one after the other on a connection and resolves with their results. They share one message and one answer of the server, which runs
 * each only when the one before has succeeded, and takes the snapshot of each when its turn has come, just as if they had come apart. Those that the
 * connection has not prepared yet go the driver's usual way, so that it alone knows what is prepared. Rejects with the first error; the statements
 * behind it were not run then. Nothing else may be sent on the connection meanwhile.
 */
export async function runTogether(client: AnyClient, statements: readonly QueryConfig[], types: CustomTypesConfig): Promise<QueryResult[]> {
  const names = preparedOn(client);
  if (statements.length > 1 && statements.every(({ name }) => name !== undefined && names.has(name))) {
    return new Promise((resolve, reject) => {
      client.query(new Together(statements.map((statement) => ({ ...statement, types })), resolve, reject));
    });
  }
  const results: QueryResult[] = [];
  for (const statement of statements) {
    results.push(await client.query(statement));
    if (statement.name !== undefined) names.add(statement.name);
  }
  return results;
}

/** Several queries that the driver takes for one. */
class Together {
  readonly #steps: Answering[];
  readonly #resolve: (results: QueryResult[]) => void;
  readonly #reject: (error: unknown) => void;
  #answered = 0;

  constructor(statements: readonly QueryConfig[], resolve: (results: QueryResult[]) => void, reject: (error: unknown) => void) {
    this.#steps = statements.map((statement) => new Query(statement) as Query & Answering);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: Connection): void {
    // All parts go out as one piece: to hand the system several costs more than to copy them.
    const parts: Uint8Array[] = [];
    const stream = { writable: connection.stream.writable, write: (part: Uint8Array) => parts.push(part), cork() {}, uncork() {} };
    const gathering = Object.create(connection, { stream: { value: stream } }) as Connection;
    // Each query would end its message by itself; only the end of the last one counts.
    const inner = Object.create(gathering, { sync: { value: () => {} } }) as Connection;
    for (const step of this.#steps) {
      let refused: Error | undefined;
      step.callback = (error) => {
        refused = error ?? undefined;
      };
      const fault = step.submit(inner) ?? refused;
      if (fault === undefined) continue;
      // A value that cannot be written. What went before it is run, and the caller rolls back.
      this.#reject(fault);
      break;
    }
    gathering.sync();
    if (parts.length > 0) connection.stream.write(Buffer.concat(parts));
  }

  get #present(): Answering {
    const step = this.#steps[this.#answered];
    if (step === undefined) throw new Error('the server answered more statements than were sent');
    return step;
  }

  handleRowDescription(message: unknown): void {
    this.#present.handleRowDescription(message);
  }

  handleDataRow(message: unknown): void {
    this.#present.handleDataRow(message);
  }

  handleCommandComplete(message: unknown, connection: Connection): void {
    this.#present.handleCommandComplete(message, connection);
    this.#answered += 1;
  }

  handleEmptyQuery(): void {
    this.#answered += 1;
  }

  handleError(error: unknown): void {
    this.#reject(error);
  }

  handleReadyForQuery(connection: Connection): void {
    const results: QueryResult[] = [];
    let fault: Error | undefined;
    for (const step of this.#steps.slice(0, this.#answered)) {
      step.callback = (error, result) => {
        if (error === null || error === undefined) results.push(result);
        else fault = error;
      };
      step.handleReadyForQuery(connection);
    }
    if (fault === undefined) this.#resolve(results);
    else this.#reject(fault);
  }
}
