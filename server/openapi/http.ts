import type { IncomingMessage, ServerResponse } from 'node:http';
import fastifyCookie from '@fastify/cookie';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { buildOpenApiDocument } from '../../contract/openapi.ts';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import type { Log } from '../kernel/log.ts';
import type { Answer, Exchange } from './exchange.ts';
import { createEventStreams } from './event-streams.ts';
import type { Gateway } from './gateway.ts';
import { createMcp } from './mcp/index.ts';
import type { Registry } from './registry.ts';

export const SESSION_COOKIE = 'millrace_session';

export interface HttpOptions {
  readonly gateway: Gateway;
  readonly registry: Registry;
  readonly log: Log;
  /** Certificate and key in PEM; plain HTTP without. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Whether the server can take work now. */
  readonly ready: () => Promise<boolean>;
  /** Takes a file that a client posts as a form, with the answer in XML, as the official clients want it; undefined when the form is none of those. */
  readonly receiveForm?: ((contentType: string, body: Buffer) => Promise<{ readonly status: number; readonly xml: string } | undefined>) | undefined;
  /** Where a browser that comes to `/` is sent; undefined when there is no console. */
  readonly consolePath?: string | undefined;
}

const NO_BODY = Buffer.alloc(0);
const METHODS = new Set(['GET', 'POST', 'PUT', 'DELETE']);

/**
 * The HTTP surface: the signed door at `/`, the sessions' door under `/api`, documents and health. Bodies stay raw bytes, since signatures are
 * over what was received. Every answer is a JSON object with a RequestId, also those for requests that cannot be parsed.
 */
export function createHttpServer(options: HttpOptions): FastifyInstance {
  const { gateway, log } = options;
  const settings = {
    bodyLimit: limits.requestBodyBytes.value,
    requestTimeout: limits.requestTimeoutMs.value,
    forceCloseConnections: 'idle' as const,
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 200 },
    clientErrorHandler: answerUnparsable,
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => void send(reply, gateway.refuse(frameworkError(error), request)),
  };
  // Node would answer a missing Host by itself, without a body. Nothing here needs one.
  const http = { requireHostHeader: false, maxHeaderSize: limits.requestHeaderBytes.value + limits.requestQueryBytes.value };
  const app = (options.tls === undefined ? fastify({ ...settings, http }) : fastify({ ...settings, https: { ...options.tls, ...http } })) as unknown as FastifyInstance;

  // The same for expectations that nobody can meet.
  app.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const answer = gateway.refuse(new ApiError('InvalidRequest', { reason: `the expectation ${String(request.headers.expect).slice(0, 40)} cannot be met.` }), request);
    const body = JSON.stringify(answer.body);
    response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body), connection: 'close' }).end(body);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error: FastifyError, request, reply) => send(reply, gateway.refuse(frameworkError(error), request)));
  app.setNotFoundHandler((request, reply) => send(reply, gateway.refuse(new ApiError('PathNotFound', { path: pathOf(request.raw.url).slice(0, 200) }), request)));
  void app.register(fastifyCookie);
  // Once seen over TLS, browsers do not come without it.
  if (options.tls !== undefined) app.addHook('onRequest', async (_request, reply) => void reply.header('strict-transport-security', 'max-age=31536000'));
  const streams = createEventStreams(log);
  // A stream would keep its connection, and with it the server, open for ever.
  app.addHook('preClose', (done) => {
    streams.close();
    done();
  });

  /** The last answer of a connection of a server that ends; kept alive, it would hold the end up. */
  const leaving = (reply: FastifyReply) => (streams.closing.aborted ? reply.header('connection', 'close') : reply);

  app.route({
    method: ['GET', 'POST', 'PUT', 'DELETE'],
    url: '/',
    async handler(request, reply) {
      if (options.consolePath !== undefined && isBrowser(request)) return reply.redirect(options.consolePath);
      // Signed calls are never forms of parts, so that what is one can only be an upload.
      const type = request.headers['content-type'] ?? '';
      if (request.method === 'POST' && options.receiveForm !== undefined && /^multipart\/form-data\b/i.test(type) && Buffer.isBuffer(request.body)) {
        const received = await options.receiveForm(type, request.body);
        if (received !== undefined) return reply.code(received.status).header('content-type', 'application/xml').send(received.xml);
      }
      const answer = await gateway.handleSigned(exchangeOf(request, streams.closing));
      return answer.stream === undefined ? send(leaving(reply), answer) : streams.send(reply, answer, answer.stream);
    },
  });

  app.route<{ Params: { product: string; version: string; action: string } }>({
    method: ['GET', 'POST'],
    url: '/api/:product/:version/:action',
    async handler(request, reply) {
      const answer = await gateway.handleSession(exchangeOf(request, streams.closing), request.params, request.cookies[SESSION_COOKIE]);
      return answer.stream === undefined ? send(leaving(reply), answer, options.tls !== undefined) : streams.send(reply, answer, answer.stream);
    },
  });

  const mcp = createMcp({ gateway, registry: options.registry });
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    async handler(request, reply) {
      const { status, headers, body } = await mcp.handle(exchangeOf(request, streams.closing));
      void leaving(reply).code(status).headers(headers).header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
      return body === undefined ? reply.send() : reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(body));
    },
  });

  let document: string | undefined;
  app.get('/openapi.json', (request, reply) => {
    document ??= JSON.stringify(
      buildOpenApiDocument({
        implemented: (product, version, action) => options.registry.find(product, version, action)?.declaration !== undefined,
        servers: ['/'],
        sessionCookie: SESSION_COOKIE,
      }),
    );
    return reply.header('content-type', 'application/json; charset=utf-8').header('x-content-type-options', 'nosniff').send(document);
  });
  app.get('/healthz', (_request, reply) => reply.header('x-content-type-options', 'nosniff').send({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = await options.ready().catch((error: unknown) => {
      log.warn({ err: error }, 'the readiness check failed');
      return false;
    });
    return reply.code(ready ? 200 : 503).header('x-content-type-options', 'nosniff').send({ status: ready ? 'ready' : 'not ready' });
  });

  /** Bytes that are not HTTP, or headers beyond the limit: there is no request yet, only a socket. */
  function answerUnparsable(error: NodeJS.ErrnoException, socket: NodeJS.WritableStream & { writable: boolean; destroy(): void }): void {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
    const answer = gateway.refuse(
      tooLarge
        ? new ApiError('RequestTooLarge', { reason: `its first line and headers are longer than ${http.maxHeaderSize} bytes; send parameters in a form body.` })
        : new ApiError('InvalidRequest', { reason: error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'it did not arrive in time.' : 'it is not HTTP.' }),
      { headers: {} },
    );
    const body = JSON.stringify(answer.body);
    socket.end(
      `HTTP/1.1 ${answer.status} ${tooLarge ? 'Content Too Large' : 'Bad Request'}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }

  return app;
}

function send(reply: FastifyReply, answer: Answer, secure = false): FastifyReply {
  if (answer.session !== undefined) {
    const cookie = { path: '/', httpOnly: true, sameSite: 'strict' as const, secure };
    if (answer.session === null) void reply.clearCookie(SESSION_COOKIE, cookie);
    else void reply.setCookie(SESSION_COOKIE, answer.session.token, { ...cookie, expires: answer.session.expires });
  }
  return reply
    .code(answer.status)
    .headers(answer.headers)
    .header('content-type', 'application/json; charset=utf-8')
    .header('x-acs-request-id', String(answer.body['RequestId']))
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .send(JSON.stringify(answer.body));
}

function exchangeOf(request: FastifyRequest, closing: AbortSignal): Exchange {
  const target = request.raw.url ?? '/';
  const mark = target.indexOf('?');
  if (!METHODS.has(request.method)) throw new ApiError('UnsupportedHTTPMethod', { method: request.method });
  return {
    method: request.method,
    path: mark === -1 ? target : target.slice(0, mark),
    rawQuery: mark === -1 ? '' : target.slice(mark + 1),
    headers: distinctHeaders(request),
    body: Buffer.isBuffer(request.body) ? request.body : NO_BODY,
    // A client that has hung up meanwhile has no address any more.
    sourceAddress: request.raw.socket.remoteAddress ?? '',
    closing,
  };
}

/** Node joins or drops repeated headers; the signature needs them apart. Only a request that repeats one pays for it. */
function distinctHeaders(request: FastifyRequest): Exchange['headers'] {
  const { raw } = request;
  let distinct = 0;
  for (const _ in raw.headers) distinct += 1;
  return raw.rawHeaders.length / 2 === distinct ? raw.headers : raw.headersDistinct;
}

function pathOf(target: string | undefined): string {
  return (target ?? '/').split('?', 1)[0] ?? '/';
}

/** A person's browser at `/`: it asks for a page and names no operation. */
function isBrowser(request: FastifyRequest): boolean {
  return request.method === 'GET' && request.headers['x-acs-action'] === undefined && request.headers.accept?.includes('text/html') === true && !/[?&]Action=/.test(request.raw.url ?? '');
}

/** Errors of the framework as ours. One that we do not know stays what it is and becomes an internal error. */
function frameworkError(error: FastifyError): unknown {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new ApiError('RequestTooLarge', { reason: `its body is larger than ${limits.requestBodyBytes.value} bytes.` });
  if (error.code === 'FST_ERR_BAD_URL') return new ApiError('InvalidRequest', { reason: 'its address is not well formed.' });
  if (typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500) return new ApiError('InvalidRequest', { reason: error.message });
  return error;
}
