import type { Outbound } from '../../../kernel/outbound.ts';
import type { TcpOutbound } from '../../../kernel/outbound-tcp.ts';
import type { DataSourceConnection } from '../interface.ts';

/**
 * How a connectivity test ended: connected and signed in; refused because of what the properties say (`ConfigError`); not reached
 * (`Unreachable`); nothing here speaks the type (`Unsupport`).
 */
export type ConnectState = 'Connectable' | 'ConfigError' | 'Unreachable' | 'Unsupport';

/** Ends a test with a state and what to tell the caller. */
export class ProbeFailure extends Error {
  readonly state: ConnectState;

  constructor(state: ConnectState, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ProbeFailure';
    this.state = state;
  }
}

export interface ProbeContext {
  readonly connection: DataSourceConnection;
  readonly workspaceId: number;
  readonly outbound: Outbound;
  readonly tcp: TcpOutbound;
  readonly dataFolder: string;
  /** Ends the test when its time is up. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly now: () => Date;
  /** Runs one step and writes it to the detail log with its begin and end. */
  step<Result>(code: string, message: string, work: () => Promise<Result>): Promise<Result>;
}

/** Connects and signs in. Rejects with a `ProbeFailure`, or with the error of a client, which then counts as not reached. */
export type Probe = (context: ProbeContext) => Promise<void>;

/** Host and port that the properties must name. */
export function requireAddress(connection: DataSourceConnection): { host: string; port: number } {
  const { host, port } = connection;
  if (host === undefined) throw new ProbeFailure('ConfigError', 'The connection properties name no address. An instance of a cloud cannot be looked up from here; give its host and port, or a JDBC URL.');
  if (port === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) throw new ProbeFailure('ConfigError', 'The connection properties name no valid port.');
  return { host, port };
}
