import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { DryRun, List, Product, WireOperation } from './contract.ts';
import { encodeRequest } from './encode.ts';
import { MillraceError, retryAfter } from './error.ts';
import { encodePairs, sign, type Credential } from './sign.ts';

export interface ConnectOptions extends Credential {
  /** Address of the server, such as `https://millrace.example.com` or `http://127.0.0.1:8080`. */
  readonly endpoint: string;
  readonly regionId?: string | undefined;
  readonly retry?: Partial<RetryOptions> | undefined;
  /** Longest wait for one answer, in milliseconds; 60,000 when absent. */
  readonly timeoutMs?: number | undefined;
  /** Language of error messages; English when absent. */
  readonly language?: 'en' | 'zh' | undefined;
  /** For tests and proxies; the global ones when absent. */
  readonly fetch?: typeof fetch | undefined;
  readonly now?: (() => Date) | undefined;
  readonly sleep?: ((ms: number, signal: AbortSignal | undefined) => Promise<void>) | undefined;
}

export interface RetryOptions {
  /** Tries of one call, the first included. */
  readonly attempts: number;
  /** First pause when the server names none; it doubles with each try. */
  readonly baseMs: number;
  /** Longest pause. When the server asks for a longer one, the error is thrown at once. */
  readonly maxMs: number;
}

const RETRY: RetryOptions = { attempts: 4, baseMs: 200, maxMs: 20_000 };

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The token under which a write happens once. The client makes one for each write that it may have to repeat. */
  readonly clientToken?: string | undefined;
  readonly retry?: Partial<RetryOptions> | undefined;
}

type Shapes<Operations> = { readonly [Action in keyof Operations]: { request: object; response: object } };

/** What an operation answers; empty fields are left out. */
export type Answer<Response> = Response & { RequestId: string };

/** An optional argument where the operation requires nothing. */
type Arguments<Request> = Record<string, never> extends Request ? [request?: Request, options?: CallOptions] : [request: Request, options?: CallOptions];

/** A request whose pages the client numbers itself. */
type Paged<Request> = Omit<Request, PageField> & Partial<Pick<Request, PageField & keyof Request>>;
type PageField = 'PageNumber' | 'PageSize' | 'PageNo' | 'PageNum' | 'NextToken' | 'MaxResults';

/** Every operation as a method, `each` for lists and `dryRun` for writes. */
export type Api<Operations extends Shapes<Operations>, Lists> = {
  readonly [Action in keyof Operations]: (...given: Arguments<Operations[Action]['request']>) => Promise<Answer<Operations[Action]['response']>>;
} & {
  /** Goes through a list, page after page, item by item. */
  each<Action extends keyof Lists & keyof Operations & string>(action: Action, ...given: Arguments<Paged<Operations[Action]['request']>>): AsyncGenerator<Lists[Action], void, undefined>;
  /** Tells what a write would change, raise and ask; nothing happens. `Answer` is what it would answer, with ids that do not exist. */
  dryRun<Action extends keyof Operations & string>(action: Action, ...given: Arguments<Operations[Action]['request']>): Promise<DryRun & { readonly Answer: Answer<Operations[Action]['response']> }>;
};

/**
 * A client of one version of a product. Every call is signed anew; calls that were throttled, not answered or met an unavailable server are repeated,
 * writes under one ClientToken so that they happen once. Rejects with `MillraceError`.
 */
export function connect<Operations extends Shapes<Operations>, Lists>(product: Product<Operations, Lists>, options: ConnectOptions): Api<Operations, Lists> {
  const endpoint = new URL(options.endpoint);
  const send = options.fetch ?? fetch;
  const now = options.now ?? (() => new Date());
  const sleep = options.sleep ?? ((ms: number, signal: AbortSignal | undefined) => pause(ms, undefined, signal === undefined ? {} : { signal }));
  const table = new Map<string, WireOperation>(Object.entries<WireOperation>(product.operations));

  async function attempt(action: string, operation: WireOperation, request: object, common: Readonly<Record<string, string>>, tries: number, signal: AbortSignal | undefined): Promise<Record<string, unknown>> {
    const encoded = encodeRequest(operation, request as Record<string, unknown>, common);
    const body = encodePairs(encoded.form);
    const extra = tries === 0 ? {} : { 'x-acs-retry-attempts': String(tries) };
    const signed = sign(options, { verb: encoded.verb, host: endpoint.host, version: product.version, action, query: encoded.query, body, nonce: randomUUID(), at: now(), extra });
    const { host: _host, ...headers } = signed.headers;
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 60_000);
    let response: Response;
    let text: string;
    try {
      response = await send(`${endpoint.origin}/${signed.query === '' ? '' : `?${signed.query}`}`, {
        method: encoded.verb,
        headers: { accept: 'application/json', 'accept-language': options.language ?? 'en', ...headers },
        ...(body === '' ? {} : { body }),
        redirect: 'error',
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      throw new MillraceError({ code: 'ConnectionFailed', status: 0, message: `${action}: no answer from ${endpoint.origin}`, cause });
    }
    return readAnswer(response, text, action, now());
  }

  async function call(action: string, request: object = {}, given: CallOptions = {}, dryRun = false): Promise<Record<string, unknown>> {
    const operation = table.get(action);
    if (operation === undefined) throw new TypeError(`${product.product} ${product.version} has no operation ${action}`);
    const retry = { ...RETRY, ...options.retry, ...given.retry };
    const token = operation.write === true && !dryRun && !('ClientToken' in request) ? (given.clientToken ?? (retry.attempts > 1 ? randomUUID() : undefined)) : undefined;
    const common = {
      ...(options.regionId === undefined ? {} : { RegionId: options.regionId }),
      ...(token === undefined ? {} : { ClientToken: token }),
      ...(dryRun ? { DryRun: 'true' } : {}),
    };
    for (let tries = 0; ; tries += 1) {
      try {
        return await attempt(action, operation, request, common, tries, given.signal);
      } catch (error) {
        if (!(error instanceof MillraceError) || !error.passing || tries + 1 >= retry.attempts) throw error;
        // Between half and all of the growing pause, so that many clients do not come back together.
        const wait = error.retryAfterMs ?? Math.min(retry.maxMs, retry.baseMs * 2 ** tries * (0.5 + Math.random() / 2));
        if (wait > retry.maxMs) throw error;
        await sleep(wait, given.signal);
      }
    }
  }

  async function* each(action: string, request: Readonly<Record<string, unknown>> = {}, given: CallOptions = {}): AsyncGenerator<unknown, void, undefined> {
    const list = table.get(action)?.list;
    if (list === undefined) throw new TypeError(`${action} does not list in pages`);
    let page: Record<string, unknown> = { ...(list.next === undefined ? { [list.at]: 1 } : {}), ...(list.size !== undefined && list.sizeNeeded !== undefined ? { [list.size]: list.sizeNeeded } : {}), ...request };
    let seen = 0;
    for (;;) {
      const answer = await call(action, page, given);
      const found = at(answer, list.items);
      const items: readonly unknown[] = Array.isArray(found) ? found : [];
      yield* items;
      seen += items.length;
      const next = nextPage(list, page, answer, items.length, seen);
      if (next === undefined) return;
      page = { ...page, ...next };
    }
  }

  const methods = Object.fromEntries([...table.keys()].map((action) => [action, (request?: object, given?: CallOptions) => call(action, request, given)]));
  const helpers = {
    each,
    async dryRun(action: string, request?: object, given?: CallOptions) {
      const { DryRun: told, ...answer } = await call(action, request, given, true);
      if (typeof told !== 'object' || told === null) throw new TypeError(`${action} is no write: there is nothing to try`);
      return { ...told, Answer: answer };
    },
  };
  // The table and the types come from the same contract.
  return { ...methods, ...helpers } as unknown as Api<Operations, Lists>;
}

/** The parameters of the page that follows, or undefined at the end. `seen` counts from the page that the caller began with. */
function nextPage(list: List, page: Readonly<Record<string, unknown>>, answer: unknown, count: number, seen: number): Record<string, unknown> | undefined {
  if (list.next !== undefined) {
    const token = at(answer, list.next);
    return typeof token === 'string' && token !== '' && token !== page[list.at] ? { [list.at]: token } : undefined;
  }
  const number = Number(page[list.at] ?? 1);
  const total = Number(at(answer, list.total ?? []));
  const size = Number(list.size === undefined ? Number.NaN : page[list.size]);
  const before = Number.isNaN(size) ? 0 : (number - 1) * size + count;
  if (count === 0 || Math.max(seen, before) >= total) return undefined;
  return { [list.at]: number + 1 };
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[name] : undefined), value);
}

function readAnswer(response: Response, text: string, action: string, now: Date): Record<string, unknown> {
  const retryAfterMs = retryAfter(response.headers, now);
  let body: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new TypeError('not an object');
    body = parsed as Record<string, unknown>;
  } catch (cause) {
    throw new MillraceError({ code: 'UnreadableAnswer', status: response.status, message: `${action}: the answer with status ${response.status} is no JSON object`, retryAfterMs, cause });
  }
  if (response.ok) return body;
  const said = (name: string) => (typeof body[name] === 'string' ? body[name] : undefined);
  throw new MillraceError({ code: said('Code') ?? 'Unknown', status: response.status, message: `${action}: ${said('Message') ?? `status ${response.status}`}`, requestId: said('RequestId'), recommend: said('Recommend'), retryAfterMs });
}
