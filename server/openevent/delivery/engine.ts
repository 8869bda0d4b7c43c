import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Service } from '../../kernel/module.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import { beginning, type EventLog } from '../log.ts';
import { secretPurpose } from '../store.ts';
import type { SendEvent } from './send.ts';
import { createSession, type Session } from './session.ts';
import { createSharedReader, type SharedReader } from './shared-reader.ts';
import * as store from './store.ts';

/** Time that deliveries under way get when a subscription is read again or the process ends. */
const GRACE_MS = 2_000;

/** Prefix of the payload on `millrace_cache` that tells of a change: `subscription:<id>`, or `subscription:<id>:<event id>` for one parked event. */
export const CHANGE_PREFIX = 'subscription:';

export interface Delivery extends Service {
  /** Looks for new events and for subscriptions without owner now. */
  wake(): void;
  /** Stops as a crash would: nothing is written, leases stay until they run out. For tests. */
  abandon(): Promise<void>;
  /** Ids of the subscriptions that this process delivers. */
  owned(): readonly number[];
}

export interface DeliveryOptions {
  readonly database: Database;
  readonly events: Pick<EventLog, 'read' | 'find' | 'end'>;
  readonly clock: Clock;
  readonly secrets: SecretBox;
  readonly log: Log;
  readonly send: SendEvent;
  /** Names this process among all that share the database; never the same twice. */
  readonly owner: string;
}

/**
 * Delivers events to push subscriptions. Each subscription is delivered by one process at a time, which holds it by a lease that it renews
 * three times before it would run out. Every write of results names the lease's epoch, so a process that lost its lease unknowingly changes nothing.
 */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { database, events, clock, secrets, log, send, owner } = options;
  const sessions = new Map<number, Session>();
  /** Subscriptions between two sessions, with the promise of the next. */
  const restarting = new Map<number, Promise<void>>();
  let reader: SharedReader | undefined;
  let stopped = true;
  let round: Promise<void> | undefined;
  let roundAgain = false;
  let cancelRound = () => {};
  let unlisten: (() => Promise<void>)[] = [];

  const leaseEnd = () => new Date(clock.now().getTime() + limits.deliveryLeaseMs.value);

  async function open(subscription: store.ClaimedSubscription, leaseUntil: Date): Promise<void> {
    const parked = await store.readParked(database, subscription.id);
    const secret = secrets.open(subscription.sealedSecret, secretPurpose(subscription.id));
    if (stopped) return;
    const drop = () => {
      if (sessions.get(subscription.id) === session) sessions.delete(subscription.id);
      session.abandon();
    };
    const session: Session = createSession({
      subscription,
      secret,
      parked,
      leaseUntil,
      clock,
      log,
      events,
      send,
      save: (results) => store.writeResults(database, owner, subscription.id, subscription.epoch, results),
      findParked: (eventId) => store.findParked(database, subscription.id, eventId),
      sharedCursor: () => reader?.cursor() ?? beginning,
      onLive: (cursor) => reader?.join(cursor),
      onLost: drop,
    });
    sessions.set(subscription.id, session);
    session.catchUp();
  }

  /** Ends the session and begins a new one from what the database says now; none when the subscription is disabled or deleted. */
  async function reopen(session: Session, graceMs: number): Promise<void> {
    const { id, epoch } = session.subscription;
    await session.drain(graceMs);
    const subscription = stopped ? undefined : await store.readClaimed(database, owner, id, epoch);
    if (subscription === undefined) await store.releaseLease(database, owner, id, epoch);
    else await open(subscription, leaseEnd());
  }

  function restart(session: Session, graceMs: number): void {
    const { id } = session.subscription;
    if (restarting.has(id)) return;
    sessions.delete(id);
    restarting.set(
      id,
      reopen(session, graceMs)
        .catch((error: unknown) => log.warn({ err: error, subscription: id }, 'a subscription could not be read again; its lease will run out'))
        .finally(() => {
          restarting.delete(id);
          startRound();
        }),
    );
  }

  /** Renews the leases, follows changes of subscriptions and takes those that nobody delivers. */
  async function runRound(): Promise<void> {
    const until = leaseEnd();
    const held = [...sessions.values()];
    const renewed = held.length === 0 ? [] : await store.renewLeases(database, owner, until, held.map(({ subscription }) => ({ id: subscription.id, epoch: subscription.epoch })));
    const kept = new Map(renewed.map((row) => [row.id, row]));
    for (const session of held) {
      const { id, version } = session.subscription;
      const row = kept.get(id);
      if (sessions.get(id) !== session) continue;
      if (row === undefined) {
        sessions.delete(id);
        session.abandon();
      } else if (!row.enabled || row.version !== version) {
        restart(session, row.enabled ? GRACE_MS : 0);
      } else {
        session.extendLease(until);
        session.saveCursor();
      }
    }
    for (;;) {
      const claimed = stopped ? [] : await store.claimSubscriptions(database, owner, clock.now(), until, limits.jobBatch.value);
      for (const subscription of claimed) {
        await open(subscription, until).catch((error: unknown) => log.error({ err: error, subscription: subscription.id }, 'a subscription cannot be delivered'));
      }
      if (claimed.length < limits.jobBatch.value) return;
    }
  }

  function startRound(): void {
    if (stopped) return;
    if (round !== undefined) {
      roundAgain = true;
      return;
    }
    cancelRound();
    round = runRound()
      .catch((error: unknown) => log.warn({ err: error }, 'the leases of subscriptions could not be renewed and will be tried again'))
      .finally(() => {
        round = undefined;
        cancelRound = clock.after(limits.deliveryLeaseMs.value / 3, startRound);
        if (roundAgain) {
          roundAgain = false;
          startRound();
        }
      });
  }

  function onChange(payload: string): void {
    // Empty: the listening connection was renewed, and changes may have been missed.
    if (payload === '') {
      for (const session of sessions.values()) restart(session, GRACE_MS);
      startRound();
      return;
    }
    if (!payload.startsWith(CHANGE_PREFIX)) return;
    const [id = '', eventId] = payload.slice(CHANGE_PREFIX.length).split(':');
    const session = sessions.get(Number(id));
    if (session === undefined || eventId === undefined) startRound();
    else session.refresh(eventId).catch((error: unknown) => log.warn({ err: error, subscription: session.subscription.id }, 'a parked event could not be read again'));
  }

  async function close(): Promise<void> {
    stopped = true;
    cancelRound();
    await Promise.all(unlisten.map((end) => end()));
    unlisten = [];
    await reader?.stop();
    await round;
  }

  return {
    name: 'delivery',
    async start() {
      stopped = false;
      const listeners = () => [...sessions.values()].filter((session) => session.live()).length;
      const shared = createSharedReader({
        events,
        clock,
        log,
        start: await events.end(),
        listeners,
        hand(page, cursor) {
          for (const session of sessions.values()) session.offer(page, cursor);
        },
      });
      reader = shared;
      unlisten = [await database.listen('millrace_event', () => shared.wake()), await database.listen('millrace_cache', onChange)];
      startRound();
    },
    async stop() {
      await close();
      const open = [...sessions.values()];
      sessions.clear();
      const drained = open.map(async (session) => {
        await session.drain(GRACE_MS);
        await store.releaseLease(database, owner, session.subscription.id, session.subscription.epoch);
      });
      await Promise.all([...drained, ...restarting.values()]);
    },
    wake() {
      reader?.wake();
      startRound();
    },
    async abandon() {
      for (const session of sessions.values()) session.abandon();
      sessions.clear();
      await close();
    },
    owned: () => [...sessions.keys()].toSorted((a, b) => a - b),
  };
}
