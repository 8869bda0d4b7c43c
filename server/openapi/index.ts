import type { Tenants } from '../identity/tenants.ts';
import type { Database } from '../kernel/database.ts';
import type { Metrics } from '../kernel/metrics.ts';
import type { Module } from '../kernel/module.ts';
import { declareOperations, type OperationDeclaration } from '../kernel/operation.ts';
import { periodic } from '../kernel/periodic.ts';
import { limits } from '../kernel/limits.ts';
import { createCallLog, type CallLog } from './call-log.ts';
import { createGateway, type Gateway, type GatewayServices } from './gateway.ts';
import { createHttpServer } from './http.ts';
import { createCallMeter } from './metrics.ts';
import { createNonces } from './nonces.ts';
import { usageOperations } from './operations/usage.ts';
import { createQuotas } from './quota.ts';
import { createRegistry, type Registry } from './registry.ts';
import { createThrottle } from './throttle.ts';

/** What the gateway needs from outside; the rest it makes itself. */
export interface OpenApiOptions extends Omit<GatewayServices, 'registry' | 'tenants' | 'nonces' | 'throttle' | 'quotas' | 'callLog'> {
  /** A small pool with synchronous_commit off, for what may lose its last moments: call rows and nonces. */
  readonly relaxed: Database;
  readonly tenants: Pick<Tenants, 'plan' | 'setPlan'>;
  /** Where calls are counted. */
  readonly metrics?: Metrics;
}

export interface OpenApi {
  readonly module: Module;
  readonly callLog: CallLog;
  /** Opens the door for the operations of all modules, once they are known. */
  open(operations: readonly OperationDeclaration[]): { readonly gateway: Gateway; readonly registry: Registry };
}

/** The first door: signed calls and console calls over everything that the modules declare. */
export function createOpenApi(options: OpenApiOptions): OpenApi {
  const { database, relaxed, clock, log } = options;
  const rows = createCallLog({ database: relaxed, clock, log });
  const meter = options.metrics === undefined ? () => {} : createCallMeter(options.metrics, (row) => registry?.find(row.product, row.version, row.action) !== undefined);
  const callLog: CallLog = {
    ...rows,
    add(row) {
      meter(row);
      rows.add(row);
    },
  };
  const quotas = createQuotas({ database, callLog });
  const nonces = createNonces(relaxed);
  let registry: Registry | undefined;
  return {
    callLog,
    module: {
      name: 'openapi',
      operations: declareOperations(
        'open-platform',
        '2026-12-01',
        usageOperations({
          registry: () => {
            if (registry === undefined) throw new Error('the door is not open yet');
            return registry;
          },
          quotas,
          tenants: options.tenants,
          callLog,
        }),
      ),
      services: [
        { name: 'call log', start() {}, stop: () => callLog.stop() },
        periodic({
          name: 'pruning of nonces and answers',
          everyMs: limits.pruneMs.value,
          clock,
          log,
          async round() {
            await nonces.prune(clock.now());
            await options.changes.pruneAnswers(clock.now());
          },
        }),
      ],
    },
    open(operations) {
      registry = createRegistry(operations);
      return { registry, gateway: createGateway({ ...options, registry, nonces, throttle: createThrottle(), quotas, callLog }) };
    },
  };
}

export { createHttpServer };
export { registerMetrics } from './metrics.ts';
export { createRegions, type Regions } from './regions.ts';
