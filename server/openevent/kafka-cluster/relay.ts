import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Metrics } from '../../kernel/metrics.ts';
import type { Service } from '../../kernel/module.ts';
import { createPresence, type Presence } from '../../kernel/presence.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import type { Envelope } from '../envelope.ts';
import { USER_PREFIX } from '../kafka/user-store.ts';
import type { EventLog, LogEvent } from '../log.ts';
import { createClusterClient, type ClusterClient, type ClusterSettings } from './client.ts';
import { describeFailure, isProducerLost, isTopicGone } from './failure.ts';
import { watchRelay } from './gauges.ts';
import * as store from './store.ts';
import { bringUsers } from './users.ts';
import { createWriter, type Writer } from './writer.ts';

export interface KafkaRelayOptions {
  readonly settings: ClusterSettings;
  readonly database: Database;
  readonly events: Pick<EventLog, 'read'>;
  readonly clock: Clock;
  readonly secrets: SecretBox;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly wrap: (event: LogEvent, publishedAt: Date) => Promise<Envelope>;
  /** Names this process among all that share the database; never the same twice. */
  readonly owner: string;
  /** Reaches the cluster; the real one when absent. */
  readonly connect?: (settings: ClusterSettings) => Promise<ClusterClient>;
}

export interface KafkaRelay extends Service {
  readonly brokers: readonly string[];
  readonly users: boolean;
  /** Looks now whether there is something to relay. */
  wake(): void;
}

/** Thrown where the relay has to stop: it was told to, or the lease is lost. */
class Halted extends Error {}

/** The tenure of a lease. */
interface Tenure {
  readonly state: store.RelayState;
  leaseUntil: number;
  ended: boolean;
  readonly done: Promise<void>;
}

/**
 * Writes the log to an Apache Kafka cluster. Of all processes the holder of a lease does it. The place in the database moves only past what the cluster
 * has acknowledged, so whatever ends, the next one goes on without a gap.
 */
export function createKafkaRelay(options: KafkaRelayOptions): KafkaRelay {
  const { settings, database, events, clock, secrets, log, metrics, owner } = options;
  const records = metrics.counter('millrace_kafka_cluster_records_total', 'Records written to the Kafka cluster and acknowledged, by this process.');
  const failures = metrics.counter('millrace_kafka_cluster_failures_total', 'Requests to the Kafka cluster that failed and were tried again, by this process.');
  watchRelay(metrics, database, clock);
  let presence: Presence | undefined;
  let tenure: Tenure | undefined;
  let unlisten: (() => Promise<void>)[] = [];
  let cancelLook = () => {};
  let looking: Promise<void> | undefined;
  let suspected: string | undefined;
  let stopped = true;
  let wakeUp = () => {};
  let woken = false;
  let usersDue = true;

  function wake(): void {
    woken = true;
    wakeUp();
  }

  /** Waits, unless woken before. */
  function rest(milliseconds: number): Promise<void> {
    if (woken) {
      woken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const cancel = clock.after(milliseconds, () => finish());
      const finish = () => {
        cancel();
        woken = false;
        wakeUp = () => {};
        resolve();
      };
      wakeUp = finish;
    });
  }

  /** Waits before another try. New events do not shorten it, the end of the tenure does. */
  async function back(own: Tenure, milliseconds: number): Promise<void> {
    const until = clock.now().getTime() + milliseconds;
    while (!own.ended && clock.now().getTime() < until) await rest(Math.min(limits.eventPollMs.value, Math.max(1, until - clock.now().getTime())));
  }

  /** The time of a request must fit into the rest of the lease: then nothing arrives after another process has taken over. */
  const holds = (own: Tenure) => !own.ended && clock.now().getTime() < own.leaseUntil - limits.kafkaClusterRequestMs.value;

  async function serve(own: Tenure): Promise<void> {
    const { state } = own;
    let { cursor, plainTenant } = state;
    let saved = cursor;
    let relayedAt: Date | undefined;
    let writer: Writer | undefined;
    let probeAt = 0;
    let usersAt = 0;
    let usersFailure: string | undefined;
    /** What the database says of the cluster; undefined before it has said anything. */
    let health: string | undefined;
    const client = await (options.connect ?? createClusterClient)(settings);

    async function note(failure: string | undefined): Promise<void> {
      const said = failure ?? '';
      if (said === health) return;
      const before = health;
      health = said;
      if (failure !== undefined) log.warn({ brokers: settings.brokers, failure }, `the Kafka cluster cannot be written to: ${failure}; events wait in the log and nothing is lost`);
      else if (before === undefined) log.info({ brokers: settings.brokers }, 'the Kafka cluster is connected');
      else log.warn({ brokers: settings.brokers }, 'the Kafka cluster is connected again');
      await store.noteHealth(database, owner, state.epoch, failure, clock.now()).catch(() => {
        health = before;
      });
    }

    async function persist<T>(work: () => Promise<T>): Promise<T> {
      for (let attempt = 0; ; attempt += 1) {
        if (!holds(own)) throw new Halted();
        try {
          const answer = await work();
          await note(undefined);
          return answer;
        } catch (error) {
          if (own.ended) throw new Halted();
          failures.add();
          await note(describeFailure(error));
          client.forget();
          if (isProducerLost(error) || isTopicGone(error)) throw error;
          await back(own, Math.min(limits.kafkaClusterRetryMs.value, 100 * 2 ** Math.min(attempt, 10)));
        }
      }
    }

    async function save(): Promise<void> {
      if (!(await store.moveRelay(database, owner, state.epoch, cursor, relayedAt))) throw new Halted();
      saved = cursor;
    }

    /** Users are of no weight for the events: where the cluster refuses them, events go on. */
    async function mirrorUsers(tenantId: number): Promise<void> {
      try {
        await bringUsers({ client, database, secrets, log, plainTenant: tenantId });
        usersFailure = undefined;
      } catch (error) {
        const failure = describeFailure(error);
        failures.add();
        if (failure !== usersFailure) log.warn({ failure }, `Kafka users could not be brought to the cluster: ${failure}; this is tried again`);
        usersFailure = failure;
      }
    }

    /** One page. Answers how long to rest before the next. */
    async function turn(): Promise<number> {
      const now = clock.now().getTime();
      if (now >= probeAt) {
        await persist(() => client.probe());
        probeAt = clock.now().getTime() + limits.kafkaClusterProbeMs.value;
      }
      const page = await events.read(cursor, limits.eventReadBatch.value);
      const [first] = page.events;
      if (first !== undefined) {
        if (plainTenant === undefined) {
          plainTenant = first.tenantId;
          await store.settlePlainTenant(database, owner, state.epoch, plainTenant);
        }
        writer ??= createWriter({ client, database, wrap: options.wrap, partitions: state.partitions, plainTenant, persist });
        const sent = await writer.write(page.events);
        if (sent > 0) records.add({}, sent);
        relayedAt = clock.now();
        probeAt = relayedAt.getTime() + limits.kafkaClusterProbeMs.value;
      }
      cursor = page.cursor;
      // The place alone is worth a write only now and then.
      if (first !== undefined || cursor.position - saved.position > 10_000) await save();
      if (settings.users && plainTenant !== undefined && (usersDue || now >= usersAt)) {
        usersDue = false;
        usersAt = clock.now().getTime() + limits.kafkaClusterUsersMs.value;
        await mirrorUsers(plainTenant);
      }
      if (page.more) return 0;
      return page.waiting ? 5 : limits.eventPollMs.value;
    }

    try {
      while (!own.ended) {
        try {
          const pause = await turn();
          if (pause > 0) await rest(pause);
        } catch (error) {
          // What was sent of the page is seen by what is there; the same producer would send it again.
          writer = undefined;
          cursor = saved;
          // Without a lost lease it is PostgreSQL that is away for a while; the next look decides.
          if (!(error instanceof Halted)) log.warn({ err: error }, 'events could not be relayed to the Kafka cluster; the relay looks what is there and goes on');
          await back(own, limits.eventPollMs.value);
        }
      }
    } finally {
      await client.close().catch((error: unknown) => log.debug({ err: error }, 'the connection to the Kafka cluster did not close in order'));
    }
  }

  function end(own: Tenure): void {
    own.ended = true;
    if (tenure === own) tenure = undefined;
    wake();
  }

  async function look(): Promise<void> {
    const now = clock.now();
    const until = new Date(now.getTime() + limits.kafkaClusterLeaseMs.value);
    if (tenure !== undefined) {
      const own = tenure;
      if (own.leaseUntil - now.getTime() > (limits.kafkaClusterLeaseMs.value * 3) / 4) return;
      if (await store.renewRelay(database, owner, own.state.epoch, until)) own.leaseUntil = until.getTime();
      else end(own);
      return;
    }
    const other = await store.readOwner(database, owner);
    const dead = other === undefined ? undefined : (await presence?.dead([other]))?.[0];
    // One look is not enough: a process that lives renews a lost connection within a moment.
    const surely = dead !== undefined && dead === suspected ? dead : undefined;
    suspected = dead;
    const state = await store.claimRelay(database, owner, surely, now, until);
    if (state === undefined || stopped) return;
    let own: Tenure;
    const done = new Promise<void>((resolve) => {
      queueMicrotask(() => {
        serve(own)
          .catch((error: unknown) => log.error({ err: error }, 'the relay to the Kafka cluster has ended'))
          .finally(() => {
            end(own);
            resolve();
          })
          .catch(() => {});
      });
    });
    own = { state, leaseUntil: until.getTime(), ended: false, done };
    tenure = own;
  }

  function plan(): void {
    cancelLook = clock.after(limits.kafkaClusterLookMs.value, () => {
      looking = look()
        .catch((error: unknown) => log.warn({ err: error }, 'the lease of the relay to the Kafka cluster could not be looked after and will be tried again'))
        .finally(() => {
          looking = undefined;
          if (!stopped) plan();
        });
    });
  }

  return {
    name: 'kafka relay',
    brokers: settings.brokers,
    users: settings.users,
    wake,
    async start() {
      stopped = false;
      presence = await createPresence(database, 'relay', owner);
      unlisten = [
        await database.listen('millrace_event', wake),
        await database.listen('millrace_cache', (payload) => {
          if (payload === '' || payload.startsWith(USER_PREFIX)) usersDue = true;
        }),
      ];
      await look();
      plan();
    },
    async stop() {
      stopped = true;
      cancelLook();
      await looking;
      const own = tenure;
      if (own !== undefined) {
        end(own);
        await own.done;
        await store.releaseRelay(database, owner, own.state.epoch);
      }
      await Promise.all(unlisten.map((one) => one()));
      unlisten = [];
      await presence?.end();
      presence = undefined;
    },
  };
}
