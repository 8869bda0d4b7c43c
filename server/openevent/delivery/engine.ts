import { platformActor, type Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Service } from '../../kernel/module.ts';
import { createPresence, type Presence } from '../../kernel/presence.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import { beginning, type EventLog, type LogEvent } from '../log.ts';
import { openDestination } from './destination.ts';
import type { HealthStep } from './health.ts';
import { noMeters, type DeliveryMeters } from './meters.ts';
import type { SendEvents } from './send.ts';
import { createSession, type Session } from './session.ts';
import { createSharedReader, type SharedReader } from './shared-reader.ts';
import { createSharedWriter } from './shared-writer.ts';
import * as pauses from './pause-store.ts';
import * as store from './store.ts';
import { createTakeover, type Takeover } from './takeover.ts';

/** Time that deliveries under way get when a subscription is read again or the process ends. */
const GRACE_MS = 2_000;

/** Pause between two looks for processes that have ended. */
const LOOK_MS = 500;

/** Prefix of the payload on `millrace_cache` that tells of a change: `subscription:<id>`, `subscription:<id>:<event id>` for one parked event, or `subscription:<id>:*` for all that are to be sent again. */
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
  readonly changes: Changes;
  readonly events: Pick<EventLog, 'read' | 'find' | 'end'>;
  readonly clock: Clock;
  readonly secrets: SecretBox;
  readonly log: Log;
  readonly send: SendEvents;
  readonly random?: () => number;
  readonly meters?: DeliveryMeters;
  /** Makes the filter of an event pattern. A subscription that has a pattern is not delivered without it. */
  readonly compilePattern?: (pattern: unknown) => (event: LogEvent) => boolean;
  /** Tells of a page which of its events fulfil a pattern; undefined where all have to be looked at. Saves sessions with patterns from looking through every page. */
  readonly splitPage?: (page: readonly LogEvent[]) => (pattern: unknown) => readonly LogEvent[] | undefined;
  /** Names this process among all that share the database; never the same twice. */
  readonly owner: string;
}

/** Whether a step of a target's health changes anything of what is written. */
function isNews(step: HealthStep, { pause_reason: reason, share }: pauses.PauseState): boolean {
  if (step.kind === 'warn') return step.share > share;
  if (step.kind === 'pause') return reason === null;
  return step.kind === 'resume' ? reason === 'failing' : share > 0;
}

/**
 * Delivers events to push subscriptions. Each subscription is delivered by one process at a time, which holds it by a lease that it renews
 * three times before it would run out. Every write of results names the lease's epoch, so a process that lost its lease unknowingly changes nothing.
 * Processes share the subscriptions evenly: each takes no more than its part and gives back what is beyond it.
 */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { database, changes, events, clock, secrets, log, send, owner } = options;
  const sessions = new Map<number, Session>();
  /** Subscriptions between two sessions, with the promise of the next. */
  const restarting = new Map<number, Promise<void>>();
  const writer = createSharedWriter((all) => store.writeResults(database, owner, all));
  let reader: SharedReader | undefined;
  let stopped = true;
  let round: Promise<void> | undefined;
  let roundAgain = false;
  let cancelRound = () => {};
  let presence: Presence | undefined;
  let takeover: Takeover | undefined;
  let looking: Promise<void> | undefined;
  let cancelLook = () => {};
  /** Owners whose process has ended. */
  let dead: readonly string[] = [];
  let unlisten: (() => Promise<void>)[] = [];

  const leaseEnd = () => new Date(clock.now().getTime() + limits.deliveryLeaseMs.value);

  function filterOf(subscription: store.ClaimedSubscription): (event: LogEvent) => boolean {
    const scope = subscription.scope === undefined ? undefined : new Set(subscription.scope);
    const inScope = (event: LogEvent) => scope === undefined || scope.has(event.workspaceId ?? 0);
    if (subscription.pattern === undefined) return inScope;
    if (options.compilePattern === undefined) throw new Error('nothing here understands the event pattern of the subscription');
    const fulfils = options.compilePattern(subscription.pattern);
    return (event) => inScope(event) && fulfils(event);
  }

  /** Writes what follows from the state of a target, and leaves an audit line. The change restarts the session, which then knows of it. */
  async function follow({ id, tenantId, epoch }: store.ClaimedSubscription, step: HealthStep): Promise<void> {
    // A session that was restarted meanwhile may come to the same conclusion.
    const before = await pauses.readPauseState(database, id);
    if (before === undefined || !isNews(step, before)) return;
    const action = { warn: 'SubscriptionFailing', pause: 'SubscriptionPaused', resume: 'SubscriptionResumed', recover: 'SubscriptionRecovered' }[step.kind];
    await changes.change(platformActor(action, tenantId), async (change) => {
      if (!(await pauses.holdsLease(change, owner, id, epoch))) return;
      if (step.kind === 'warn') await pauses.noteWarning(change, id, step.share, change.now);
      else if (step.kind === 'pause') await pauses.pauseFailing(change, id, change.now);
      else if (step.kind === 'resume') await pauses.resume(change, id, change.now);
      else await pauses.clearWarning(change, id);
      change.touch(`subscription:${id}`);
      if (step.kind === 'pause' || step.kind === 'resume') change.notify('millrace_cache', `${CHANGE_PREFIX}${id}`);
    });
    log.warn({ subscription: id, ...step }, 'the state of a push target has changed');
  }

  async function open(subscription: store.ClaimedSubscription, leaseUntil: Date): Promise<void> {
    const parked = await store.readParked(database, subscription.id);
    const destination = openDestination(subscription.target, secrets);
    const filter = filterOf(subscription);
    if (stopped) return;
    const other = sessions.get(subscription.id);
    // Two ways lead here at once when a change ends a lease while the session is being read again. The later lease counts.
    if (other !== undefined && other.subscription.epoch >= subscription.epoch) return;
    other?.abandon();
    const drop = () => {
      if (sessions.get(subscription.id) === session) sessions.delete(subscription.id);
      session.abandon();
    };
    const session: Session = createSession({
      subscription,
      destination,
      filter,
      parked,
      leaseUntil,
      clock,
      random: options.random ?? Math.random,
      log,
      meters: options.meters ?? noMeters,
      events,
      send,
      save: (results) => writer.save(subscription.id, subscription.epoch, results),
      findParked: (eventId) => store.findParked(database, subscription.id, eventId),
      findReplays: () => store.readReplays(database, subscription.id),
      sharedCursor: () => reader?.cursor() ?? beginning,
      onLive: (cursor) => reader?.join(cursor),
      onLost: drop,
      onHealth: (step) => void follow(subscription, step).catch((error: unknown) => log.warn({ err: error, subscription: subscription.id }, 'the state of a push target could not be written')),
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
    const processes = (await presence?.count()) ?? 1;
    const share = processes === 1 ? Number.POSITIVE_INFINITY : Math.ceil((await store.countRunning(database)) / processes);
    const excess = [...sessions.values()].toSorted((left, right) => right.subscription.id - left.subscription.id).slice(0, Math.max(0, sessions.size + restarting.size - share));
    for (const session of excess) giveBack(session);
    for (;;) {
      const room = Math.min(limits.jobBatch.value, share - sessions.size - restarting.size);
      if (stopped || room <= 0) return;
      // A lease from now on: one from the beginning of a round in which the process stood still has run out already, and would be claimed again without end.
      const claimedUntil = leaseEnd();
      const claimed = await store.claimSubscriptions(database, owner, clock.now(), claimedUntil, room, dead);
      for (const subscription of claimed) {
        // A lease of our own that ran out: what its session would write counts no more.
        sessions.get(subscription.id)?.abandon();
        await open(subscription, claimedUntil).catch((error: unknown) => log.error({ err: error, subscription: subscription.id }, 'a subscription cannot be delivered'));
      }
      if (claimed.length < room) return;
    }
  }

  /** Lets another process have the subscription, and tells it so. */
  function giveBack(session: Session): void {
    const { id, epoch } = session.subscription;
    if (restarting.has(id)) return;
    sessions.delete(id);
    const given = async () => {
      await session.drain(GRACE_MS);
      await store.releaseLease(database, owner, id, epoch);
      await store.announce(database, `${CHANGE_PREFIX}${id}`);
    };
    restarting.set(
      id,
      given()
        .catch((error: unknown) => log.warn({ err: error, subscription: id }, 'a subscription could not be handed over; its lease will run out'))
        .finally(() => restarting.delete(id)),
    );
  }

  /** Looks again and again for processes that have ended, and takes what they held. */
  function planLook(): void {
    cancelLook = clock.after(LOOK_MS, () => {
      looking = look()
        .catch((error: unknown) => log.warn({ err: error }, 'it could not be told which processes live; the next look tries again'))
        .finally(() => {
          if (!stopped) planLook();
        });
    });
  }

  async function look(): Promise<void> {
    dead = (await takeover?.look()) ?? [];
    if (dead.length > 0) startRound();
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
    else session.refresh(eventId === '*' ? undefined : eventId).catch((error: unknown) => log.warn({ err: error, subscription: session.subscription.id }, 'a parked event could not be read again'));
  }

  async function close(): Promise<void> {
    stopped = true;
    cancelRound();
    cancelLook();
    await Promise.all(unlisten.map((end) => end()));
    unlisten = [];
    await reader?.stop();
    await looking;
    await round;
  }

  return {
    name: 'delivery',
    role: 'deliver',
    async start() {
      stopped = false;
      presence = await createPresence(database, 'delivery', owner);
      takeover = createTakeover(database, presence, owner);
      const listeners = () => [...sessions.values()].filter((session) => session.live()).length;
      const shared = createSharedReader({
        events,
        clock,
        log,
        start: await events.end(),
        listeners,
        hand(page, cursor) {
          const fulfilling = options.splitPage?.(page);
          for (const session of sessions.values()) {
            const { pattern } = session.subscription;
            session.offer((pattern === undefined ? undefined : fulfilling?.(pattern)) ?? page, cursor);
          }
        },
      });
      reader = shared;
      unlisten = [await database.listen('millrace_event', () => shared.wake()), await database.listen('millrace_cache', onChange)];
      startRound();
      planLook();
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
      await presence?.end();
    },
    wake() {
      reader?.wake();
      startRound();
    },
    async abandon() {
      for (const session of sessions.values()) session.abandon();
      sessions.clear();
      await close();
      await presence?.end();
    },
    owned: () => [...sessions.keys()].toSorted((a, b) => a - b),
  };
}
