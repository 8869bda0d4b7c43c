import type { WorkspaceDirectory } from '../identity/directory.ts';
import type { KeyDirectory, KeyRecord } from '../identity/keys.ts';
import type { Sessions } from '../identity/sessions.ts';
import type { Tenants } from '../identity/tenants.ts';
import type { Actor, Changes } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import { sqlState, type Database } from '../kernel/database.ts';
import { ApiError, describeError } from '../kernel/errors.ts';
import type { IdSource } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import type { Call, Caller, WorkspaceReference } from '../kernel/operation.ts';
import type { SecretBox } from '../kernel/secrets.ts';
import { readTraceparent } from '../kernel/trace.ts';
import type { Unit } from '../kernel/unit.ts';
import { streamOf } from '../kernel/stream.ts';
import { authenticateSignature, callerOf, type Claim } from './authenticate.ts';
import { authorise } from './authorise.ts';
import type { CallLog } from './call-log.ts';
import { carryOut, hashRequest, keptAnswer, readManner, type Manner } from './carry-out.ts';
import { mergeParameters } from './decode/index.ts';
import { header, languageOf, type Answer, type Exchange } from './exchange.ts';
import { maskedParameters } from './mask.ts';
import { keyOfBearer } from './mcp/bearer.ts';
import type { Nonces } from './nonces.ts';
import { readParameters, textParameter, type RawParameters } from './parameters.ts';
import { counts, planNamed, plans, type Plan } from './plans.ts';
import type { Admission, Quotas } from './quota.ts';
import type { Regions } from './regions.ts';
import type { Entry, Registry } from './registry.ts';
import type { Throttle } from './throttle.ts';

export interface GatewayServices {
  readonly registry: Registry;
  readonly database: Database;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  /** Seals kept answers, which may hold secrets. */
  readonly secrets: SecretBox;
  readonly keys: KeyDirectory;
  readonly sessions: Pick<Sessions, 'authenticate'>;
  readonly tenants: Pick<Tenants, 'plan'>;
  readonly directory: WorkspaceDirectory;
  readonly nonces: Nonces;
  readonly throttle: Throttle;
  readonly quotas: Quotas;
  readonly callLog: CallLog;
  readonly regions: Regions;
  /** Told of each answer, in tests, to hold it against the contract. */
  readonly inspect?: ((entry: Entry, response: object) => void) | undefined;
}

export interface Gateway {
  /** The signed door: `GET` or `POST /`, operation named by header or parameter. */
  handleSigned(exchange: Exchange): Promise<Answer>;
  /** The console's door to the same operations: a session instead of a signature. */
  handleSession(exchange: Exchange, target: { readonly product: string; readonly version: string; readonly action: string }, sessionToken: string | undefined): Promise<Answer>;
  /** Knows the key of a request to MCP, by its bearer or its signature. Its operations follow by `handleKnown`. */
  identify(exchange: Exchange): Promise<{ readonly key: KeyRecord; readonly now: Date } | { readonly refused: Answer }>;
  /** An operation of a caller whom `identify` has known, with its parameters as JSON. */
  handleKnown(exchange: Exchange, target: { readonly product: string; readonly version: string; readonly action: string }, key: KeyRecord, parameters: RawParameters['json']): Promise<Answer>;
  /** The answer for an error outside an operation, such as a path that does not exist. */
  refuse(error: unknown, exchange: Pick<Exchange, 'headers'>): Answer;
}

/** What is known of a call so far; becomes its row in the log however it ends. */
interface Trace {
  readonly requestId: string;
  readonly startedAt: Date;
  readonly startedNs: bigint;
  readonly exchange: Exchange;
  readonly claim: Claim;
  product: string;
  version: string;
  action: string;
  access: 'read' | 'write';
  region: string;
  plan: Plan;
  caller: Caller | undefined;
  request: Record<string, unknown> | undefined;
  admission: Admission | undefined;
}

/** A call goes through these steps, in this order: find the operation, know the caller, throttle, decode, authorise, handle, log. */
export function createGateway(services: GatewayServices): Gateway {
  const { registry, clock, ids, log, regions } = services;

  function begin(exchange: Exchange): Trace {
    return {
      requestId: ids.requestId(),
      startedAt: clock.now(),
      startedNs: process.hrtime.bigint(),
      exchange,
      claim: { accessKeyId: '' },
      product: '',
      version: '',
      action: '',
      access: 'read',
      region: regions.default,
      plan: plans.Unlimited,
      caller: undefined,
      request: undefined,
      admission: undefined,
    };
  }

  async function run(trace: Trace, steps: () => Promise<Answer>): Promise<Answer> {
    let answer: Answer;
    try {
      answer = await steps();
    } catch (error) {
      answer = errorAnswer(trace.requestId, error, trace.exchange, trace.version);
    }
    record(trace, answer);
    return answer;
  }

  function record(trace: Trace, answer: Answer): void {
    services.callLog.add({
      at: trace.startedAt,
      tenantId: trace.caller?.tenantId ?? 0,
      region: trace.region,
      userId: trace.caller?.userId ?? 0,
      userName: trace.caller?.userName ?? '',
      accessKeyId: trace.caller === undefined ? trace.claim.accessKeyId : (trace.caller.accessKeyId ?? ''),
      product: trace.product,
      version: trace.version,
      action: trace.action,
      access: trace.access,
      status: answer.status,
      code: answer.status < 400 ? '' : String(answer.body['Code'] ?? ''),
      message: answer.status < 400 ? '' : String(answer.body['Message'] ?? '').slice(0, 500),
      durationUs: Number((process.hrtime.bigint() - trace.startedNs) / 1_000n),
      requestId: trace.requestId,
      sourceAddress: trace.exchange.sourceAddress,
      parameters: trace.request === undefined ? '{}' : maskedParameters(trace.request),
      counted: trace.caller !== undefined && counts(trace.plan, answer.status),
    });
    trace.admission?.done();
  }

  function findEntry(trace: Trace, product: string, version: string, action: string): Entry {
    const entry = registry.find(product, version, action);
    trace.product = product;
    trace.version = version;
    trace.action = action.slice(0, 128);
    if (entry === undefined) throw new ApiError('InvalidAction.NotFound', { action: action.slice(0, 128), product, version });
    trace.action = entry.operation.name;
    trace.access = entry.operation.access;
    return entry;
  }

  /** From a known caller (or none, for signing in) to the answer. */
  async function proceed(trace: Trace, entry: Entry, parameters: RawParameters): Promise<Answer> {
    const { caller } = trace;
    trace.region = regions.choose(header(trace.exchange, 'host'), textParameter(parameters, 'RegionId'));
    const headers: Record<string, string> = {};
    if (caller !== undefined) {
      trace.plan = planNamed(await services.tenants.plan(caller.tenantId));
      services.throttle.take(caller.tenantId, trace.region, entry.operation.access, trace.plan, trace.startedAt.getTime());
      trace.admission = await services.quotas.admit(caller.tenantId, trace.region, trace.plan, trace.startedAt);
      headers['x-millrace-quota-remaining'] = trace.admission.remaining === undefined ? 'unlimited' : String(trace.admission.remaining);
    }
    const decoded = entry.decode(mergeParameters(parameters.query, parameters.form, parameters.json));
    if (!decoded.ok) throw decodeError(decoded.problems);
    const manner: Manner = trace.access === 'write' && caller !== undefined ? readManner(trace.exchange, parameters, entry.operation) : { token: undefined, dryRun: false };
    trace.request = { ...decoded.request, ...(manner.token === undefined ? {} : { ClientToken: manner.token }), ...(manner.dryRun ? { DryRun: true } : {}) };
    const { declaration } = entry;
    if (declaration === undefined) throw new ApiError('NotImplemented', { action: entry.operation.name });
    const actor = actorOf(trace, manner);
    const requestHash = actor.token === undefined ? '' : hashRequest(trace, decoded.request);
    const kept = manner.dryRun || actor.token === undefined ? undefined : await keptAnswer(services, actor, requestHash);
    if (kept !== undefined) return { status: 200, body: { ...kept, RequestId: trace.requestId }, headers };
    const workspace = await authorise(declaration, decoded.request, caller, { db: services.database, directory: services.directory, region: trace.region });

    let session: Answer['session'];
    const streaming = entry.operation.stream === 'sse' && header(trace.exchange, 'accept')?.includes('text/event-stream') === true;
    const handle = (actor: Actor, unit: Unit | undefined): Promise<object> => {
      const call = makeCall(trace, actor, unit, workspace, streaming, (cookie) => {
        session = cookie ?? null;
      });
      return declaration.handle(call, decoded.request as never);
    };
    if (trace.access === 'read') {
      const response = await handle(actor, undefined);
      const stream = streamOf(response);
      if (stream !== undefined) return { status: 200, body: { RequestId: trace.requestId }, headers, stream };
      return { status: 200, body: { ...checked(entry, response), RequestId: trace.requestId }, headers };
    }
    const answer = await carryOut(services, actor, { dryRun: manner.dryRun, requestHash }, async (by, unit) => checked(entry, await handle(by, unit)));
    const body = { ...answer, RequestId: trace.requestId };
    return session === undefined ? { status: 200, body, headers } : { status: 200, body, headers, session };
  }

  /** The answer as the contract has it. */
  function checked(entry: Entry, response: object): Record<string, unknown> {
    const answer = entry.trim(response);
    services.inspect?.(entry, answer);
    return answer;
  }

  function actorOf(trace: Trace, { token }: Manner): Actor {
    return {
      tenantId: trace.caller?.tenantId ?? 0,
      userId: trace.caller?.userId ?? 0,
      action: trace.action,
      requestId: trace.requestId,
      sourceAddress: trace.exchange.sourceAddress,
      traceparent: readTraceparent(header(trace.exchange, 'traceparent')),
      token,
    };
  }

  function makeCall(trace: Trace, actor: Actor, unit: Unit | undefined, workspace: WorkspaceReference | undefined, streaming: boolean, setSession: Call['setSession']): Call {
    const { caller } = trace;
    return {
      requestId: trace.requestId,
      product: trace.product,
      version: trace.version,
      action: trace.action,
      region: trace.region,
      tenantId: actor.tenantId,
      get caller() {
        if (caller === undefined) throw new Error('the operation has no caller');
        return caller;
      },
      actor,
      language: languageOf(trace.exchange),
      sourceAddress: trace.exchange.sourceAddress,
      clock,
      db: unit?.db ?? services.database,
      get workspace() {
        if (workspace === undefined) throw new Error('the operation has no workspace');
        return workspace;
      },
      change: (work) => (unit ?? services.changes).change(actor, work),
      dryRun: actor.rehearsal !== undefined,
      closing: trace.exchange.closing,
      streaming: streaming ? { lastEventId: header(trace.exchange, 'last-event-id') } : undefined,
      setSession,
    };
  }

  function errorAnswer(requestId: string, thrown: unknown, exchange: Pick<Exchange, 'headers'>, version?: string): Answer {
    const error = asApiError(thrown, log, requestId);
    const { status, code, message, recommend } = describeError(error, languageOf(exchange), version);
    const headers: Record<string, string> = {};
    if (error.retryAfterMs !== undefined) {
      headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000)));
      headers['x-acs-retry-after'] = String(Math.ceil(error.retryAfterMs));
    }
    const body: Record<string, unknown> = { RequestId: requestId, HostId: (header(exchange, 'host') ?? '').slice(0, 255), Code: code, Message: message, Recommend: recommend };
    if (error.entry === 'Forbidden') body['AccessDeniedDetail'] = { AuthAction: String(error.parameters['action'] ?? ''), NoPermissionType: 'ImplicitDeny' };
    return { status, body, headers };
  }

  return {
    handleSigned(exchange) {
      const trace = begin(exchange);
      return run(trace, async () => {
        const parameters = readParameters(exchange);
        const action = header(exchange, 'x-acs-action') ?? textParameter(parameters, 'Action');
        const version = header(exchange, 'x-acs-version') ?? textParameter(parameters, 'Version');
        if (action === undefined || action === '') throw new ApiError('MissingParameter', { name: 'Action' });
        if (version === undefined || version === '') throw new ApiError('MissingParameter', { name: 'Version' });
        trace.action = action.slice(0, 128);
        const contract = registry.contractOfVersion(version);
        if (contract === undefined) throw new ApiError('InvalidVersion', { version: version.slice(0, 40), product: 'dataworks-public', known: registry.versions.join(', ') });
        const entry = findEntry(trace, contract.product, version, action);
        if (entry.operation.sessionOnly) throw new ApiError('SessionOnly', { action });
        trace.caller = await authenticateSignature(exchange, parameters, entry.operation.access, { keys: services.keys, nonces: services.nonces, now: trace.startedAt }, trace.claim);
        return proceed(trace, entry, parameters);
      });
    },

    handleSession(exchange, target, sessionToken) {
      const trace = begin(exchange);
      return run(trace, async () => {
        const parameters = readParameters(exchange);
        if (!registry.products.includes(target.product)) throw new ApiError('InvalidProduct', { product: target.product.slice(0, 40), known: registry.products.join(', ') });
        if (!registry.versions.includes(target.version)) {
          throw new ApiError('InvalidVersion', { version: target.version.slice(0, 40), product: target.product, known: registry.versions.join(', ') });
        }
        const entry = findEntry(trace, target.product, target.version, target.action);
        const session = sessionToken === undefined ? undefined : await services.sessions.authenticate(sessionToken);
        if (entry.declaration?.access.level !== 'anyone') {
          if (session === undefined) throw new ApiError('SessionRequired');
          trace.caller = session.caller;
          // A write must come from our own pages: the token is known to them only. A GET could come from any link.
          if (entry.operation.access === 'write' && (exchange.method === 'GET' || !session.csrfMatches(header(exchange, 'x-csrf-token')))) throw new ApiError('CsrfTokenMissing');
        } else if (exchange.method === 'GET') {
          throw new ApiError('UnsupportedHTTPMethod', { method: exchange.method });
        }
        return proceed(trace, entry, parameters);
      });
    },

    async identify(exchange) {
      const trace = begin(exchange);
      trace.action = 'mcp';
      try {
        const bearer = /^Bearer +(\S+)$/i.exec(header(exchange, 'authorization') ?? '')?.[1];
        if (bearer !== undefined) return { key: await keyOfBearer(bearer, { keys: services.keys, now: trace.startedAt }, trace.claim), now: trace.startedAt };
        // As a write, so that the nonce is known to every process: what the request asks for is not known yet.
        const caller = await authenticateSignature(exchange, readParameters(exchange), 'write', { keys: services.keys, nonces: services.nonces, now: trace.startedAt }, trace.claim);
        const key = await services.keys.find(caller.accessKeyId ?? '');
        if (key === undefined) throw new ApiError('InvalidAccessKeyId.NotFound');
        return { key, now: trace.startedAt };
      } catch (error) {
        const refused = errorAnswer(trace.requestId, error, exchange);
        record(trace, refused);
        return { refused };
      }
    },

    handleKnown(exchange, target, key, json) {
      const trace = begin(exchange);
      return run(trace, () => {
        const entry = findEntry(trace, target.product, target.version, target.action);
        if (entry.operation.sessionOnly) throw new ApiError('SessionOnly', { action: target.action });
        trace.caller = callerOf(key);
        return proceed(trace, entry, { query: [], form: [], json });
      });
    },

    refuse: (error, exchange) => errorAnswer(ids.requestId(), error, exchange),
  };
}

function decodeError(problems: readonly { readonly code: 'MissingParameter' | 'InvalidParameter'; readonly name: string; readonly expected: string; readonly got: string }[]): ApiError {
  const first = problems[0];
  if (first === undefined) return new ApiError('InvalidRequest', { reason: 'its parameters do not fit the contract.' });
  if (first.code === 'MissingParameter') return new ApiError('MissingParameter', { name: first.name });
  const others = problems.length > 1 ? ` (${problems.length - 1} more: ${problems.slice(1, 5).map((problem) => problem.name).join(', ')})` : '';
  return new ApiError('InvalidParameter', { name: first.name, reason: `it must be ${first.expected}, not ${first.got}${others}.` });
}

/** Connection trouble and conflicts that a retry heals. */
const UNAVAILABLE = new Set(['57P01', '57P02', '57P03', '53200', '53300', '08000', '08003', '08006', '40001', '40P01']);
const STORAGE_FULL = new Set(['53100', 'ENOSPC', 'EDQUOT']);
const STORAGE_FULL_RETRY_MS = 10_000;

function asApiError(thrown: unknown, log: Log, requestId: string): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const state = sqlState(thrown);
  if (STORAGE_FULL.has(state ?? (thrown as NodeJS.ErrnoException | undefined)?.code ?? '')) {
    log.error({ err: thrown, requestId }, 'a call was refused since there is no space left');
    return new ApiError('StorageFull', {}, STORAGE_FULL_RETRY_MS);
  }
  if (state !== undefined && UNAVAILABLE.has(state)) {
    log.warn({ err: thrown, requestId }, 'the database could not take the call');
    return new ApiError('ServiceUnavailable', {}, 1_000);
  }
  if (state?.startsWith('22') === true) {
    // A value that PostgreSQL cannot store got past the decoder: the caller's fault, though ours not to have named the parameter.
    log.warn({ err: thrown, requestId }, 'a value was refused by the database');
    return new ApiError('InvalidRequest', { reason: 'a value cannot be stored: it has the wrong range or characters that are not text.' });
  }
  if (isConnectionError(thrown)) {
    log.warn({ err: thrown, requestId }, 'the database is not reachable');
    return new ApiError('ServiceUnavailable', {}, 1_000);
  }
  log.error({ err: thrown, requestId }, 'a call failed');
  return new ApiError('InternalError');
}

function isConnectionError(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const code = (thrown as NodeJS.ErrnoException).code;
  return code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ECONNRESET' || code === 'EPIPE' || /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(thrown.message);
}
