import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from '../kernel/metrics.ts';
import type { CallRow } from './call-log.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Counts calls for the metrics. The operation is named only when there is one, since callers could make up names without end. */
export function createCallMeter(metrics: Metrics, isOperation: (row: Pick<CallRow, 'product' | 'version' | 'action'>) => boolean): (row: CallRow) => void {
  const calls = metrics.counter('millrace_calls_total', 'Calls of operations, by operation and HTTP status.');
  const duration = metrics.histogram('millrace_call_seconds', 'Time from the arrival of a call to its answer, by read or write.', SECONDS);
  return (row) => {
    const known = isOperation(row);
    calls.add({ product: known ? row.product : '', version: known ? row.version : '', action: known ? row.action : '', status: row.status });
    duration.observe(row.durationUs / 1_000_000, { access: row.access });
  };
}

export interface MetricsDoor {
  readonly metrics: Pick<Metrics, 'render'>;
  /** Whoever sends it as a bearer token may read, from anywhere. Without one only programs on this machine may. */
  readonly token: string | undefined;
}

/** `GET /metrics` for Prometheus. It tells of all tenants, so it is for the operator only; to everybody else there is nothing at this path. */
export function registerMetrics(app: FastifyInstance, door: MetricsDoor): void {
  app.get('/metrics', async (request, reply) => {
    if (!mayRead(request, door.token)) return reply.callNotFound();
    return reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').header('cache-control', 'no-store').send(await door.metrics.render());
  });
}

function mayRead(request: FastifyRequest, token: string | undefined): boolean {
  if (token === undefined) {
    // Behind a proxy of this machine everybody seems to be here; a proxy says that it is one.
    const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => request.headers[name] !== undefined);
    const address = request.raw.socket.remoteAddress ?? '';
    return !forwarded && (address === '::1' || /^(::ffff:)?127\./.test(address));
  }
  const given = Buffer.from(/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '');
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
