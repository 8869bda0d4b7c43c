import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import * as store from './store.ts';

/** The processes that listen, and which of them coordinates. */
export interface Cluster {
  readonly nodeId: () => number;
  readonly brokers: () => readonly store.Broker[];
  readonly coordinator: () => store.Broker | undefined;
  readonly partitions: () => number;
  /** The epoch while this process holds the lease, or undefined. */
  readonly epoch: () => number | undefined;
  /** Looks now who is there. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/** Announces this process at its address, and takes the coordinator's lease whenever nobody holds it. */
export async function joinCluster(options: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly owner: string;
  readonly host: string;
  readonly port: number;
  readonly onGained: (state: store.IndexState) => void;
  readonly onLost: () => void;
}): Promise<Cluster> {
  const { database, clock, log, owner, host, port } = options;
  let nodeId = 0;
  let brokers: readonly store.Broker[] = [];
  let coordinatorId: number | undefined;
  let partitions = 0;
  let epoch: number | undefined;
  let leaseUntil = 0;
  let stopped = false;
  let running: Promise<void> | undefined;
  let cancel = () => {};

  function lose(): void {
    if (epoch === undefined) return;
    epoch = undefined;
    options.onLost();
  }

  async function round(): Promise<void> {
    const now = clock.now();
    const until = new Date(now.getTime() + limits.kafkaLeaseMs.value);
    nodeId = await store.announceBroker(database, host, port, owner, until);
    if (epoch !== undefined) {
      if (await store.renewIndex(database, owner, epoch, until)) leaseUntil = until.getTime();
      else lose();
    }
    if (epoch === undefined && !stopped) {
      const state = await store.claimIndex(database, owner, nodeId, now, until);
      if (state !== undefined) {
        epoch = state.epoch;
        partitions = state.partitions;
        leaseUntil = until.getTime();
        options.onGained(state);
      }
    }
    brokers = await store.listBrokers(database, now);
    const present = await store.readCoordinator(database, now);
    coordinatorId = present.nodeId;
    partitions = present.partitions;
  }

  async function turn(): Promise<void> {
    running ??= round().finally(() => {
      running = undefined;
    });
    await running;
  }

  function plan(): void {
    cancel = clock.after(limits.kafkaLeaseMs.value / 3, () => {
      void turn()
        .catch((error: unknown) => {
          log.warn({ err: error }, 'the lease of the Kafka coordinator could not be renewed and will be tried again');
          if (clock.now().getTime() >= leaseUntil) lose();
        })
        .finally(() => {
          if (!stopped) plan();
        });
    });
  }

  await turn();
  plan();
  return {
    nodeId: () => nodeId,
    brokers: () => brokers,
    coordinator: () => brokers.find((one) => one.nodeId === coordinatorId),
    partitions: () => partitions,
    epoch: () => (epoch !== undefined && clock.now().getTime() < leaseUntil ? epoch : undefined),
    refresh: turn,
    async stop() {
      stopped = true;
      cancel();
      await running?.catch(() => {});
      const held = epoch;
      epoch = undefined;
      if (held !== undefined) await store.releaseIndex(database, owner, held);
      await store.withdrawBroker(database, nodeId, owner, clock.now());
    },
  };
}
