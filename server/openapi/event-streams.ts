import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import type { Log } from '../kernel/log.ts';
import type { StreamRun } from '../kernel/stream.ts';
import type { Answer } from './exchange.ts';

/** The open server-sent event streams of an HTTP server. */
export interface EventStreams {
  /** Takes the connection over and lets the stream run on it. */
  send(reply: FastifyReply, answer: Answer, run: StreamRun): FastifyReply;
  /** Aborted by `close`. */
  readonly closing: AbortSignal;
  /** Ends all of them. */
  close(): void;
}

export function createEventStreams(log: Log): EventStreams {
  const open = new Set<AbortController>();
  const closing = new AbortController();
  return {
    closing: closing.signal,
    send(reply, answer, run) {
      void reply.hijack();
      const response = reply.raw;
      const ended = new AbortController();
      open.add(ended);
      response.on('close', () => ended.abort());
      // Errors of a connection end in 'close'; without a listener they would end the process.
      response.on('error', () => {});
      response.writeHead(answer.status, {
        ...answer.headers,
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-acs-request-id': String(answer.body['RequestId']),
        'x-content-type-options': 'nosniff',
        // An idle connection left over by a stream would hold up the end of the server.
        connection: 'close',
        // Proxies that gather answers would hold events back.
        'x-accel-buffering': 'no',
      });
      response.flushHeaders();
      const connection = {
        closed: ended.signal,
        async write(text: string) {
          if (ended.signal.aborted || response.write(text)) return;
          await once(response, 'drain', { signal: ended.signal }).catch(() => {});
        },
      };
      if (closing.signal.aborted) ended.abort();
      void run(connection)
        .catch((error: unknown) => log.warn({ err: error, requestId: answer.body['RequestId'] }, 'an event stream ended with an error'))
        .finally(() => {
          open.delete(ended);
          response.end();
        });
      return reply;
    },
    close() {
      closing.abort();
      for (const one of open) one.abort();
    },
  };
}
