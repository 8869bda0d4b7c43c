import type { Clock } from '../../kernel/clock.ts';
import { ApiError } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { OutboundError, type Outbound } from '../../kernel/outbound.ts';
import type { TcpOutbound } from '../../kernel/outbound-tcp.ts';
import { MASK } from '../../kernel/url-secrets.ts';
import type { DataSourceConnection, Protocol } from './interface.ts';
import { duckdbTables, probeDuckdb } from './probes/duckdb.ts';
import { probeHttp, probeOss, probeS3 } from './probes/http.ts';
import { probeKafka } from './probes/kafka.ts';
import { mysqlTables, probeMysql } from './probes/mysql.ts';
import { postgresTables, probePostgres } from './probes/postgresql.ts';
import { ProbeFailure, type ConnectState, type Probe, type ProbeContext } from './probes/probe.ts';
import { secretsOf, type Properties } from './properties.ts';

export interface DetailLog {
  readonly Code: string;
  readonly Message: string;
  readonly StartTime: number;
  readonly EndTime: number;
}

export interface ConnectivityReport {
  readonly state: ConnectState;
  readonly message: string;
  readonly details: readonly DetailLog[];
}

/** What is tested: the connection, and the properties it came from, whose secrets never stand in a report. */
export interface Tested {
  readonly connection: DataSourceConnection;
  readonly properties: Properties;
  readonly workspaceId: number;
}

export interface Connectivity {
  /** Connects and signs in, within `connectivityTimeoutMs`. Never rejects for what the other side does. Called outside of any change. */
  test(tested: Tested): Promise<ConnectivityReport>;
  /** Names of the tables, at most `most`; undefined with the report when it was not reached. */
  tables(tested: Tested, most: number): Promise<{ report: ConnectivityReport; tables: string[] | undefined }>;
}

const probes: Readonly<Record<Protocol, Probe>> = { postgresql: probePostgres, mysql: probeMysql, duckdb: probeDuckdb, kafka: probeKafka, http: probeHttp, s3: probeS3, oss: probeOss };
const listings: Partial<Record<Protocol, (context: ProbeContext, most: number) => Promise<string[]>>> = { postgresql: postgresTables, mysql: mysqlTables, duckdb: duckdbTables };

const LONGEST_MESSAGE = 500;

export function createConnectivity(options: { outbound: Outbound; tcp: TcpOutbound; dataFolder: string; clock: Clock; timeoutMs?: number }): Connectivity {
  const { outbound, tcp, dataFolder, clock, timeoutMs = limits.connectivityTimeoutMs.value } = options;
  let underWay = 0;

  async function carryOut<Result>(tested: Tested, work: ((context: ProbeContext) => Promise<Result>) | undefined): Promise<{ report: ConnectivityReport; result: Result | undefined }> {
    const { connection, properties, workspaceId } = tested;
    if (work === undefined) return { report: { state: 'Unsupport', message: `Nothing here speaks to data sources of the type ${connection.type}.`, details: [] }, result: undefined };
    if (underWay >= limits.connectivityTests.value) throw new ApiError('Throttling.System', {}, 1_000);
    underWay += 1;
    const details: DetailLog[] = [];
    const secrets = secretsOf(properties).filter((secret) => secret.length >= 4);
    const told = (message: string) => secrets.reduce((text, secret) => text.replaceAll(secret, MASK), message).slice(0, LONGEST_MESSAGE);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    const describe = (error: unknown): { state: ConnectState; message: string } => {
      if (error instanceof ProbeFailure) return { state: error.state, message: told(error.message) };
      if (timeout.signal.aborted) return { state: 'Unreachable', message: `Nothing came of it within ${timeoutMs} ms.` };
      if (error instanceof OutboundError) return { state: error.stage === 'url' ? 'ConfigError' : 'Unreachable', message: told(error.message) };
      const { message = '', code = '' } = error as { message?: string; code?: string };
      return { state: 'Unreachable', message: told(message === '' ? code || 'The connection failed.' : message) };
    };
    const context: ProbeContext = {
      connection,
      workspaceId,
      outbound,
      tcp,
      dataFolder,
      signal: timeout.signal,
      timeoutMs,
      now: () => clock.now(),
      async step(Code, message, run) {
        const StartTime = clock.now().getTime();
        try {
          const result = await run();
          details.push({ Code, Message: `${told(message)}: done`, StartTime, EndTime: clock.now().getTime() });
          return result;
        } catch (error) {
          details.push({ Code, Message: `${told(message)}: ${describe(error).message}`, StartTime, EndTime: clock.now().getTime() });
          throw error;
        }
      },
    };
    const expired = new Promise<never>((_fulfil, reject) => timeout.signal.addEventListener('abort', () => reject(new Error('time is up')), { once: true }));
    expired.catch(() => {});
    try {
      const running = work(context);
      // What fails after the time is up has nobody to tell any more.
      running.catch(() => {});
      const result = await Promise.race([running, expired]);
      return { report: { state: 'Connectable', message: 'Connected.', details: [...details] }, result };
    } catch (error) {
      return { report: { ...describe(error), details: [...details] }, result: undefined };
    } finally {
      clearTimeout(timer);
      underWay -= 1;
    }
  }

  return {
    async test(tested) {
      const { protocol } = tested.connection;
      return (await carryOut(tested, protocol === undefined ? undefined : probes[protocol])).report;
    },
    async tables(tested, most) {
      const { protocol } = tested.connection;
      const listing = protocol === undefined ? undefined : listings[protocol];
      const { report, result } = await carryOut(tested, listing === undefined ? undefined : (context) => listing(context, most));
      return { report, tables: result };
    },
  };
}
