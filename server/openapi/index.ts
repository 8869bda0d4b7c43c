import type { WorkspaceDirectory } from '../identity/directory.ts';
import type { KeyDirectory } from '../identity/keys.ts';
import type { Sessions } from '../identity/sessions.ts';
import type { Tenants } from '../identity/tenants.ts';
import type { Changes } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import type { IdSource } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import type { Module } from '../kernel/module.ts';
import { declareOperations, type OperationDeclaration } from '../kernel/operation.ts';
import { createCallLog, type CallLog } from './call-log.ts';
import { createGateway, type Gateway, type GatewayServices } from './gateway.ts';
import { createHttpServer } from './http.ts';
import { createNonces } from './nonces.ts';
import { usageOperations } from './operations/usage.ts';
import { createQuotas } from './quota.ts';
import type { Regions } from './regions.ts';
import { createRegistry, type Registry } from './registry.ts';
import { createThrottle } from './throttle.ts';

export interface OpenApiOptions {
  readonly database: Database;
  /** A small pool with synchronous_commit off, for what may lose its last moments: call rows and nonces. */
  readonly relaxed: Database;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly keys: KeyDirectory;
  readonly sessions: Pick<Sessions, 'authenticate'>;
  readonly tenants: Pick<Tenants, 'plan' | 'setPlan'>;
  readonly directory: WorkspaceDirectory;
  readonly regions: Regions;
  readonly inspect?: GatewayServices['inspect'];
}

export interface OpenApi {
  readonly module: Module;
  readonly callLog: CallLog;
  /** Opens the door for the operations of all modules, once they are known. */
  open(operations: readonly OperationDeclaration[]): { readonly gateway: Gateway; readonly registry: Registry };
}

/** How often nonces that no request can use any more are deleted. */
const PRUNE_MS = 60_000;

/** The first door: signed calls and console calls over everything that the modules declare. */
export function createOpenApi(options: OpenApiOptions): OpenApi {
  const { database, relaxed, clock, log } = options;
  const callLog = createCallLog({ database: relaxed, clock, log });
  const quotas = createQuotas({ database, callLog });
  const nonces = createNonces(relaxed);
  let registry: Registry | undefined;
  let cancelPrune = () => {};

  const schedulePrune = () => {
    cancelPrune = clock.after(PRUNE_MS, () => {
      nonces
        .prune(clock.now())
        .catch((error: unknown) => log.warn({ err: error }, 'old nonces could not be deleted'))
        .finally(schedulePrune);
    });
  };

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
        {
          name: 'call log',
          start: schedulePrune,
          async stop() {
            cancelPrune();
            await callLog.stop();
          },
        },
      ],
    },
    open(operations) {
      registry = createRegistry(operations);
      return { registry, gateway: createGateway({ ...options, registry, nonces, throttle: createThrottle(), quotas, callLog }) };
    },
  };
}

export { createHttpServer };
export { createRegions, type Regions } from './regions.ts';
