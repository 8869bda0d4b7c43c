import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { ApiError } from './errors.ts';
import { limits } from './limits.ts';
import { createGuard, type GuardOptions } from './outbound-guard.ts';
import { maskAddress } from './url-secrets.ts';

export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** For everything together: resolving, connecting, sending, and the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OutboundAnswer {
  readonly status: number;
  /** Names in lower case; repeated ones joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as UTF-8 text, at most `outboundResponseBytes` of it. */
  readonly text: string;
  /** True when the body was longer than that. */
  readonly truncated: boolean;
  readonly durationMs: number;
}

/**
 * How far a request came: the address itself was wrong (`url`), it may not be called (`forbidden`), its name was not resolved (`resolve`), no
 * connection (`connect`), no trust (`tls`), no time left (`timeout`), no readable answer (`answer`), or the caller called it off (`cancelled`).
 */
export type OutboundStage = 'url' | 'forbidden' | 'resolve' | 'connect' | 'tls' | 'timeout' | 'answer' | 'cancelled';

/** Why there is no answer. An answer with any status, also 500, is no error. */
export class OutboundError extends Error {
  readonly stage: OutboundStage;
  readonly durationMs: number;

  constructor(stage: OutboundStage, message: string, durationMs: number, cause?: unknown) {
    super(message, { cause });
    this.name = 'OutboundError';
    this.stage = stage;
    this.durationMs = durationMs;
  }
}

export interface Outbound {
  /** Rejects with an `OutboundError`. Redirects are not followed: a 3xx is the answer. */
  request(request: OutboundRequest): Promise<OutboundAnswer>;
  /** What can be said of a URL before it is called, when somebody enters it: its form, and its address if it is a literal one. Throws `TargetForbidden`, which does not repeat what may be a token: refusals are logged for many to read. */
  checkTarget(url: string): void;
  close(): Promise<void>;
}

export interface OutboundOptions extends GuardOptions {
  /** All addresses of a host name. The system's resolver when absent. */
  readonly lookup?: (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;
  /** Connections to one origin. */
  readonly connections?: number;
  /** Further trusted certificates in PEM, for targets with a private authority. */
  readonly ca?: string | undefined;
}

/** Thrown inside a resolver for an address that may not be called. */
export class Refused extends Error {}

/** Makes the one client through which the server calls others. Every address is checked at the moment of connecting, and it is the address connected to. */
export function createOutbound(options: OutboundOptions): Outbound {
  const guard = createGuard(options);
  const resolve = options.lookup ?? ((host: string) => systemLookup(host, { all: true, verbatim: true }));

  /** Resolves and checks in one step, inside the connect: no moment lies between the check and the use of an address. */
  async function permittedAddresses(host: string, port: number): Promise<{ address: string; family: number }[]> {
    const found = await resolve(host);
    const permitted = found.filter(({ address }) => guard.refuse(address, host, port) === undefined);
    if (permitted.length === 0) throw new Refused(found[0] === undefined ? `${host} has no address` : `${host}: ${guard.refuse(found[0].address, host, port)}`);
    return permitted;
  }

  const guardedLookup = (port: number): LookupFunction => {
    return (host, lookupOptions, callback) => {
      const answer = callbackify(permittedAddresses);
      answer(host, port, (error, permitted) => {
        if (error !== null) callback(error, '');
        else if (lookupOptions.all === true) callback(null, permitted);
        else callback(null, permitted[0]?.address ?? '', permitted[0]?.family);
      });
    };
  };

  const connectors = new Map<number, buildConnector.connector>();
  const connect: buildConnector.connector = (target, callback) => {
    const port = Number(target.port) || (target.protocol === 'https:' ? 443 : 80);
    let connector = connectors.get(port);
    if (connector === undefined) {
      connector = buildConnector({ lookup: guardedLookup(port), timeout: limits.deliveryTimeoutMs.value, ...(options.ca === undefined ? {} : { ca: options.ca }) });
      if (connectors.size < 1_000) connectors.set(port, connector);
    }
    connector(target, callback);
  };
  const agent = new Agent({ connect, connections: options.connections ?? limits.outboundConnections.value, pipelining: 1, keepAliveTimeout: 4_000 });

  type Inspected = { readonly url: URL } | { readonly stage: 'url' | 'forbidden'; readonly reason: string };

  function judge(url: string): Inspected {
    const parsed = URL.parse(url);
    if (parsed === null) return { stage: 'url', reason: 'it is not a URL' };
    if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') return { stage: 'url', reason: 'only http and https are called' };
    if (parsed.username !== '' || parsed.password !== '') return { stage: 'url', reason: 'it must not hold a user or password' };
    const host = parsed.hostname.replace(/^\[|\]$/g, '');
    // A literal address never reaches the lookup, so it is checked here; the URL parser has already unfolded forms such as 0x7f.1.
    const reason = isIP(host) === 0 ? undefined : guard.refuse(host, host, Number(parsed.port) || (parsed.protocol === 'https:' ? 443 : 80));
    return reason === undefined ? { url: parsed } : { stage: 'forbidden', reason };
  }

  /** What was found of the addresses in use: it depends on the text and the configuration alone. */
  const inspected = new Map<string, Inspected>();
  function inspect(url: string): Inspected {
    let found = inspected.get(url);
    if (found === undefined) {
      found = judge(url);
      if (inspected.size >= 1_000) inspected.clear();
      inspected.set(url, found);
    }
    return found;
  }

  return {
    async request(request) {
      const target = inspect(request.url);
      if ('stage' in target) throw new OutboundError(target.stage, target.reason, 0);
      return exchange(agent, target.url, request);
    },
    checkTarget(url) {
      const target = inspect(url);
      if ('stage' in target) throw new ApiError('TargetForbidden', { url: maskAddress(url), reason: target.reason });
    },
    close: () => agent.destroy(),
  };
}

/**
 * One request and its answer, on the dispatcher itself: with a stream and two signals for each, deliveries would cost a third more. The one timer is for
 * everything, so those of the dispatcher are off. Whoever calls it off, or runs out of time, is answered at once, also while a connection is made.
 */
function exchange(agent: Dispatcher, target: URL, request: OutboundRequest): Promise<OutboundAnswer> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const elapsed = () => Math.round(performance.now() - started);
    const parts: Buffer[] = [];
    let size = 0;
    let status = 0;
    let headers: Record<string, string> = {};
    let controller: Dispatcher.DispatchController | undefined;
    let over = false;

    function end(): void {
      over = true;
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onCancel);
    }
    function fail(stage: OutboundStage, message: string, cause?: unknown): void {
      if (over) return;
      end();
      reject(new OutboundError(stage, message, elapsed(), cause));
      controller?.abort(callOff);
    }
    function succeed(truncated: boolean): void {
      if (over) return;
      end();
      resolve({ status, headers, text: size === 0 ? '' : Buffer.concat(parts).toString('utf8'), truncated, durationMs: elapsed() });
    }
    const onCancel = () => fail('cancelled', 'the request was called off');
    const timer = setTimeout(() => fail('timeout', `no complete answer within ${request.timeoutMs} ms`), request.timeoutMs);
    if (request.signal?.aborted === true) {
      onCancel();
      return;
    }
    request.signal?.addEventListener('abort', onCancel);

    const call = { origin: target.origin, path: target.pathname + target.search, method: request.method, headers: { 'user-agent': 'Millrace', ...request.headers }, body: request.body ?? null, headersTimeout: 0, bodyTimeout: 0 };
    agent.dispatch(call, {
      onRequestStart(connected) {
        controller = connected;
        if (over) connected.abort(callOff);
      },
      onResponseStart(_, code, fields) {
        // Answers below 200 are followed by the real one.
        if (code < 200) return;
        status = code;
        headers = joinHeaders(fields);
      },
      onResponseData(connected, part) {
        const room = limits.outboundResponseBytes.value - size;
        parts.push(part.length > room ? part.subarray(0, room) : part);
        size += part.length;
        if (part.length <= room) return;
        succeed(true);
        // The rest is not read; the connection ends with it.
        connected.abort(callOff);
      },
      onResponseEnd: () => succeed(false),
      onResponseError(_, error) {
        const { stage, message } = classify(error);
        fail(stage, message, error);
      },
    });
  });
}

/** Given to the dispatcher as the reason; nobody reads it, since whoever called has been answered. */
const callOff = new Error('called off');

function joinHeaders(fields: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) joined[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  return joined;
}

const TLS_CODE = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|ERR_OSSL)/;
const CONNECT_CODES = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'ENETDOWN', 'EACCES', 'EPERM']);
const RESOLVE_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENODATA', 'ESERVFAIL']);
const TIMEOUT_CODES = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);

/** Tells the stage from the error of the socket, the resolver or the HTTP parser. The message names no internal address that the caller did not give. */
export function classify(error: unknown): { stage: OutboundStage; message: string } {
  // Several addresses were tried: the first failure stands for all.
  if (error instanceof AggregateError && error.errors.length > 0) return classify(error.errors[0]);
  if (error instanceof Refused) return { stage: 'forbidden', message: error.message };
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const message = error instanceof Error && error.message !== '' ? error.message : code;
  if (RESOLVE_CODES.has(code)) return { stage: 'resolve', message };
  if (CONNECT_CODES.has(code)) return { stage: 'connect', message };
  if (TIMEOUT_CODES.has(code)) return { stage: 'timeout', message };
  if (TLS_CODE.test(code)) return { stage: 'tls', message };
  return { stage: 'answer', message };
}
