import { lookup as systemLookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createGuard, type GuardOptions } from './outbound-guard.ts';
import { classify, OutboundError, Refused } from './outbound.ts';

/** What the guarded HTTP client is to URLs, this is to hosts and ports: for protocols that have clients of their own. */
export interface TcpOutbound {
  /**
   * A permitted address of the host. A client that is given this address instead of the name connects to what was checked. Rejects with an
   * `OutboundError` of the stage `resolve` or `forbidden`.
   */
  resolve(host: string, port: number): Promise<string>;
  /** Connects to a permitted address, with TLS for the name when asked. Rejects with an `OutboundError`. The signal ends it at any time. */
  connect(target: TcpTarget): Promise<Socket>;
}

export interface TcpTarget {
  readonly host: string;
  readonly port: number;
  readonly tls?: boolean;
  /** Whether a certificate that nobody vouches for is refused; true unless said otherwise. */
  readonly verify?: boolean;
  readonly signal: AbortSignal;
}

export interface TcpOutboundOptions extends GuardOptions {
  /** All addresses of a host name. The system's resolver when absent. */
  readonly lookup?: (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;
}

/** Makes the guarded way to hosts and ports, under the same rule on addresses as the HTTP client. */
export function createTcpOutbound(options: TcpOutboundOptions): TcpOutbound {
  const guard = createGuard(options);
  const lookup = options.lookup ?? ((host: string) => systemLookup(host, { all: true, verbatim: true }));

  async function resolve(name: string, port: number): Promise<string> {
    const host = name.replace(/^\[|\]$/g, '');
    const started = performance.now();
    try {
      const found = isIP(host) === 0 ? await lookup(host) : [{ address: host }];
      const permitted = found.find(({ address }) => guard.refuse(address, host, port) === undefined);
      if (permitted === undefined) throw new Refused(found[0] === undefined ? `${host} has no address` : `${host}: ${guard.refuse(found[0].address, host, port)}`);
      return permitted.address;
    } catch (error) {
      const { stage, message } = classify(error);
      throw new OutboundError(stage === 'answer' ? 'resolve' : stage, message, Math.round(performance.now() - started), error);
    }
  }

  return {
    resolve,
    async connect({ host, port, tls = false, verify = true, signal }) {
      const address = await resolve(host, port);
      const started = performance.now();
      return await new Promise<Socket>((fulfil, reject) => {
        const socket = tls ? connectTls({ host: address, port, rejectUnauthorized: verify, ...(isIP(host) === 0 ? { servername: host } : {}) }) : connectTcp({ host: address, port });
        const abort = () => socket.destroy(new OutboundError('timeout', 'no connection in the time given', Math.round(performance.now() - started)));
        const fail = (error: Error) => {
          const elapsed = Math.round(performance.now() - started);
          if (error instanceof OutboundError) return reject(error);
          const { stage, message } = classify(error);
          reject(new OutboundError(stage === 'answer' ? 'connect' : stage, message, elapsed, error));
        };
        if (signal.aborted) abort();
        signal.addEventListener('abort', abort, { once: true });
        socket.once('close', () => signal.removeEventListener('abort', abort));
        socket.once('error', fail);
        socket.once(tls ? 'secureConnect' : 'connect', () => {
          socket.off('error', fail);
          fulfil(socket);
        });
      });
    },
  };
}
