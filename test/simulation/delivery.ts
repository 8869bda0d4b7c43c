import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { createChanges, platformActor } from '../../server/kernel/change.ts';
import type { Clock } from '../../server/kernel/clock.ts';
import { singleConnection, type Database } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { silentLog } from '../../server/kernel/log.ts';
import { deliveryPlace } from '../../server/openevent/delivery/delivery.fixture.ts';
import { createDelivery, type Delivery } from '../../server/openevent/delivery/engine.ts';
import { createFormats } from '../../server/openevent/delivery/format.ts';
import { createSender } from '../../server/openevent/delivery/send.ts';
import { createEventLog } from '../../server/openevent/log.ts';
import type { Random } from '../integration/malformed/values.ts';
import { choicesOf, newTally, scriptOf, type Action } from './choices.ts';
import { createNetwork, MODES, type Sender, type Target } from './delivery-network.ts';
import { coverage, crashPoints, doomOf, mortal, newFate, type CrashPoints, type Fate } from './mortal.ts';
import { createTraffic, withoutShortPauses, type Traffic } from './quiet.ts';
import type { Report, SimulatedWorld } from './seeds.ts';

/**
 * Random histories of push delivery, on a real database, with the clock and the network in the simulation's hand: targets that refuse, hang, answer late, get a
 * request twice, take an event while the answer is lost, and come back; two or three engines that share the subscriptions, die at any statement and before and
 * after any request, hear no answer of the database, write results late, stand still until their leases are others', and have clocks that jump; commits
 * that take long, and those that began later come first. A seed repeats the choices.
 */

const STEPS = 24;
/** Longest time of the machine for what comes by itself. */
const PATIENCE_MS = 15_000;
const OBJECTS = ['file:1', 'file:2', 'file:3'];
const LEASE_MS = 6_000;
const FARTHEST_JUMP_MS = 120_000;

type Place = Awaited<ReturnType<typeof deliveryPlace>>;

interface Stage {
  readonly place: Place;
  /** As the engines see it, but that they may die. */
  readonly database: Database;
  readonly traffic: Traffic;
  readonly points: CrashPoints;
}

export async function deliveryWorld(): Promise<SimulatedWorld> {
  const restore = withoutShortPauses();
  const place = await deliveryPlace();
  const traffic = createTraffic();
  const shared = await sharedConnections(place);
  const points = crashPoints();
  let count = 0;
  return {
    simulate(seed) {
      count += 1;
      return simulate(seed, 10_000 + count, { place, database: traffic.watch(shared.database), traffic, points });
    },
    crashPoints: () => coverage(points, 300),
    async close() {
      await shared.close();
      await place.close();
      restore();
    },
  };
}

/** The database with one connection for the presence of all engines and one for each channel, since opening some for each engine would take most of the time. */
async function sharedConnections(place: Place): Promise<{ readonly database: Database; close(): Promise<void> }> {
  const presence = singleConnection(place.url);
  await presence.client.connect();
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = async (text: string, values: readonly unknown[]): Promise<void> => {
    last = last.then(() => presence.executor.run(text, values));
    await last;
  };
  const listeners = new Map<string, Set<(payload: string) => void>>();
  const ends: (() => Promise<void>)[] = [];
  for (const channel of ['millrace_event', 'millrace_cache']) {
    const all = new Set<(payload: string) => void>();
    listeners.set(channel, all);
    ends.push(await place.database.listen(channel, (payload) => all.forEach((wake) => wake(payload))));
  }
  return {
    database: {
      ...place.database,
      // All processes live here, so nobody has to be told by NOTIFY.
      wake: (channel) => listeners.get(channel)?.forEach((wake) => wake('')),
      async listen(channel, wake) {
        listeners.get(channel)?.add(wake);
        return async () => void listeners.get(channel)?.delete(wake);
      },
      async hold(space, key) {
        await inTurn('select pg_advisory_lock_shared($1, hashtext($2))', [space, key]);
        return () => inTurn('select pg_advisory_unlock_shared($1, hashtext($2))', [space, key]);
      },
    },
    async close() {
      for (const end of ends) await end();
      await presence.client.end();
    },
  };
}

/** The clock of one process: it may be wrong, and its timers can be kept from going off, as those of a process that the system has stopped. */
function processClock(clock: Clock): { readonly clock: Clock; skewMs: number; sleep(asleep: boolean): void } {
  let asleep = false;
  const missed = new Set<() => void>();
  const self = {
    skewMs: 0,
    clock: {
      now: () => new Date(clock.now().getTime() + self.skewMs),
      after(milliseconds: number, action: () => void) {
        const due = () => void (asleep ? missed.add(action) : action());
        const cancel = clock.after(milliseconds, due);
        return () => {
          cancel();
          missed.delete(action);
        };
      },
    },
    sleep(now: boolean) {
      asleep = now;
      if (now) return;
      const late = [...missed];
      missed.clear();
      for (const action of late) action();
    },
  };
  return self;
}

interface Engine extends Sender {
  readonly delivery: Delivery;
  readonly time: ReturnType<typeof processClock>;
}

async function simulate(seed: number, tenantId: number, { place, database, traffic, points }: Stage): Promise<Report> {
  const choices = choicesOf(seed);
  const tally = newTally();
  const { clock } = place;
  const faults: string[] = [];
  const fault = (text: string) => void faults.push(`seed ${seed}: ${text}`);
  const targets = ['healthy', 'one', 'two'].map((name): Target => ({ name, mode: 'accept', reached: new Map(), accepted: 0, again: 0 }));
  const moody = targets.slice(1);
  const network = createNetwork({ clock, choices, tally, fault, targets });
  /** Numbers given out by object, and the id under which each was raised. */
  const raised = new Map<string, number>();
  const ids = new Map<string, string>();
  const log = createEventLog({ database, validatePayloads: false });
  const changes = createChanges({ database, clock, ids: randomIds, events: log });

  let engines: Engine[] = [];
  let dying: Promise<void>[] = [];

  async function startEngine(doom?: Fate['doom']): Promise<void> {
    const fate = { ...newFate(), doom };
    const time = processClock(clock);
    const seen = mortal(database, fate, points);
    const events = createEventLog({ database: seen, validatePayloads: false });
    const sender: Sender = { fate, postDoom: undefined };
    const send = createSender({ clock: time.clock, transport: network.transport(sender), format: createFormats(place.wrap) });
    const jitter = choices.of('jitter');
    const delivery = createDelivery({
      database: seen,
      changes: createChanges({ database: seen, clock: time.clock, ids: randomIds, events }),
      events,
      clock: time.clock,
      secrets: place.secrets,
      log: silentLog,
      send,
      random: () => jitter.next(),
      owner: `simulated-${tenantId}-${randomBytes(6).toString('hex')}`,
    });
    const engine: Engine = Object.assign(sender, { delivery, time });
    engines.push(engine);
    fate.onDeath = () => {
      engines = engines.filter((one) => one !== engine);
      dying.push(delivery.abandon());
    };
    try {
      await delivery.start();
    } catch (error) {
      if (!fate.dead) throw error;
    }
  }

  /** What takes milliseconds in the database must not take seconds of the clock. */
  async function settle(): Promise<void> {
    database.wake('millrace_event');
    await traffic.quiet();
  }

  /** After a long step of the clock, by which all leases have run out. */
  async function settleAnew(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      for (const engine of engines) engine.delivery.wake();
      await traffic.quiet();
    }
  }

  /** Somebody always comes after those that have died. */
  async function bury(random: Random): Promise<void> {
    tally.count('deaths', dying.length);
    await Promise.all(dying);
    dying = [];
    while (engines.length === 0 || (engines.length < 2 && random.chance(0.7))) await startEngine();
    for (const engine of engines) {
      tally.count('slow records', engine.fate.slowed);
      tally.count('unheard records', engine.fate.lost);
      engine.fate.slowed = 0;
      engine.fate.lost = 0;
    }
  }

  function next(object: string): { readonly object: string; readonly number: number } {
    const number = (raised.get(object) ?? 0) + 1;
    raised.set(object, number);
    return { object, number };
  }
  const eventOf = ({ object, number }: ReturnType<typeof next>) => ({ code: 'commit-file', workspaceId: 1, objectKey: object, data: { projectId: 1, operator: `${object}#${number}` } });

  async function raise(random: Random, many = 1 + random.below(4)): Promise<void> {
    await changes.change(platformActor('test', tenantId), async (change) => {
      for (let one = 0; one < many; one += 1) {
        const event = next(random.pick(OBJECTS));
        ids.set(`${event.object}#${event.number}`, change.raise(eventOf(event)));
      }
    });
  }

  /** A commit that takes its time: the event has its place in the log long before it is seen, and events of other objects are committed meanwhile. */
  async function raiseSlowly(object: string, meanwhile: () => Promise<unknown>): Promise<void> {
    const event = next(object);
    const eventId = randomUUID();
    ids.set(`${event.object}#${event.number}`, eventId);
    tally.count('slow commits');
    await place.database.transaction(async (tx) => {
      await log.append(tx, platformActor('test', tenantId), clock.now(), [{ ...eventOf(event), eventId }]);
      await meanwhile();
    });
  }

  async function sleepUntilLost(random: Random, engine: Engine): Promise<void> {
    const target = random.pick(moody);
    target.mode = 'hang';
    await raise(random);
    await settle();
    engine.time.sleep(true);
    target.mode = 'accept';
    for (let step = 0; step < 8; step += 1) {
      clock.advance(1_000);
      await settle();
    }
    network.unclog(() => true);
    await traffic.quiet();
    engine.time.sleep(false);
    await settle();
    tally.count('engines that stood still');
    if (random.chance(0.3)) await raise(random);
  }

  const actions: readonly Action[] = [
    {
      name: 'raise',
      weight: 5,
      run: async (random) => {
        await raise(random);
        await settle();
      },
    },
    {
      name: 'commit slowly',
      weight: 1,
      run: async (random) => {
        await raiseSlowly(`slow:${random.below(2)}`, async () => {
          await raise(random);
          await settle();
        });
        await settle();
      },
    },
    {
      name: 'commit in reverse order',
      weight: 2,
      run: async (random) => {
        tally.count('reordered commits');
        await raiseSlowly('slow:0', async () => {
          await raiseSlowly('slow:1', async () => {
            await raise(random);
            await settle();
          });
          await settle();
        });
        await settle();
      },
    },
    { name: 'a target changes', weight: 5, run: async (random) => void (random.pick(moody).mode = random.pick(MODES)) },
    {
      name: 'unclog',
      weight: 2,
      run: async (random) => {
        network.unclog(() => random.chance(0.5));
        await settle();
      },
    },
    // At whatever point an engine is: requests are under way, and some that were accepted are not written down.
    {
      name: 'die now',
      weight: 1,
      run: async (random) => {
        const engine = random.pick(engines);
        if (random.chance(0.5)) await raise(random);
        engine.fate.dead = true;
        engine.fate.onDeath();
      },
    },
    {
      name: 'die at a statement',
      weight: 4,
      run: async (random) => {
        random.pick(engines).fate.doom = doomOf(random, 10);
        await raise(random);
        await settle();
      },
    },
    {
      name: 'die at a request',
      weight: 3,
      run: async (random) => {
        for (const engine of engines) engine.postDoom = { left: random.below(5), when: random.pick(['before', 'after', 'after'] as const) };
        await raise(random);
        await settle();
        for (const engine of engines) engine.postDoom = undefined;
      },
    },
    {
      name: 'the answer of the database is lost',
      weight: 2,
      run: async (random) => {
        const target = random.pick(moody);
        if (random.chance(0.5)) target.mode = 'refuse';
        for (const { fate } of engines) Object.assign(fate, { loses: random.below(3), losesMore: random.below(8) });
        await raise(random);
        await settle();
        if (target.mode === 'refuse') target.mode = 'accept';
        for (let moment = 0; moment < 4; moment += 1) {
          clock.advance(300);
          await settle();
        }
      },
    },
    // What it could not write down it must not forget, however soon it dies after that.
    {
      name: 'the database refuses',
      weight: 2,
      run: async (random) => {
        random.pick(moody).mode = 'refuse';
        for (const { fate } of engines) fate.refuses = random.below(2);
        await raise(random);
        await settle();
        tally.count('refused records', engines.filter(({ fate }) => fate.refuses === undefined).length);
        clock.advance(random.below(400));
        await raise(random);
        await settle();
        for (const { fate } of engines.filter(() => random.chance(0.3))) {
          fate.dead = true;
          fate.onDeath();
        }
      },
    },
    // The system stops an engine in the midst of a round, for longer than a lease.
    {
      name: 'stand still within a round',
      weight: 2,
      run: async (random) => {
        for (const engine of engines) engine.delivery.wake();
        for (let turns = random.below(40); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
        clock.advance(LEASE_MS + 1_000);
        await settle();
      },
    },
    {
      name: 'write results slowly',
      weight: 1,
      run: async (random) => {
        for (const engine of engines) engine.fate.slow = 5 + random.below(20);
        await raise(random);
        clock.advance(random.below(2 * LEASE_MS));
        await settle();
      },
    },
    // The others hand over what is its share; they or the new one may die over it.
    {
      name: 'one more engine',
      weight: 2,
      run: async (random) => {
        for (const engine of engines) if (random.chance(0.4)) engine.fate.doom = doomOf(random, 8);
        if (engines.length < 3) await startEngine(random.chance(0.3) ? doomOf(random, 4) : undefined);
        clock.advance(2_500);
        await settle();
      },
    },
    // Until others have taken what it held; then the answers that it waited for come, and it wants to write them down.
    { name: 'stand still', weight: 2, run: (random) => sleepUntilLost(random, random.pick(engines)) },
    {
      name: 'take at the same moment',
      weight: 2,
      run: async () => {
        if (engines.length < 2) await startEngine();
        for (const engine of engines) engine.time.sleep(true);
        clock.advance(LEASE_MS + 1_000);
        tally.count('engines at the same subscriptions');
        for (const engine of engines) engine.time.sleep(false);
        await settle();
      },
    },
    {
      name: 'time passes',
      weight: 2,
      run: async (random) => {
        clock.advance(random.below(random.pick([2_000, 20_000])));
        await settle();
      },
    },
    {
      name: 'a clock jumps',
      weight: 2,
      run: async (random) => {
        const { time } = random.pick(engines);
        const jump = random.below(FARTHEST_JUMP_MS) - FARTHEST_JUMP_MS / 2;
        tally.count(jump > 0 ? 'jumps forwards' : 'jumps backwards');
        time.skewMs += jump;
        await settle();
      },
    },
  ];

  const told = (numbers: ReadonlyMap<string, number>) => [...numbers].map(([object, number]) => `${object}#${number}`).join(' ');

  /** Where each subscription stands. Nobody who has lost it may move it back. */
  const places = new Map<number, { position: number; row_id: number }>();
  async function checkCursors(): Promise<void> {
    const rows = await place.database.rows<{ id: number; position: number; row_id: number }>('select s.id, c.position, c.row_id from delivery_cursor c join subscription s on s.id = c.subscription_id where s.tenant_id = $1', [tenantId]);
    for (const row of rows) {
      const before = places.get(row.id);
      if (before !== undefined && (row.position < before.position || (row.position === before.position && row.row_id < before.row_id))) fault(`the cursor of subscription ${row.id} went back`);
      places.set(row.id, row);
    }
  }

  // Whatever was read before by other histories is behind these subscriptions.
  const opening = choices.of('opening');
  for (const target of targets) await place.subscribe(tenantId, `http://${target.name}.example/${target.name}`, { settings: { retry: 'decay', concurrency: 1 + opening.below(6) } });
  await startEngine();
  await startEngine();
  await settle();
  const script = scriptOf(choices, actions, STEPS);
  for (const [step, action] of script.entries()) {
    const random = choices.of(`step ${step}`);
    await action.run(random);
    await bury(random);
    await checkCursors();
  }

  /** Lets the clock go on in steps until it has come to this, and then gives the machine some seconds: delivery waits for the oldest transaction of the whole PostgreSQL, which may be somebody else's. */
  async function comes(steps: number, stepMs: (step: number) => number, condition: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (let step = 0; !(await condition()) && (step < steps || performance.now() < deadline); step += 1) {
      if (step < steps) clock.advance(stepMs(step));
      else await pause(5);
      await settleAnew();
    }
  }
  const complete = (target: Target) => [...raised.keys()].every((object) => (target.reached.get(object) ?? 0) === (raised.get(object) ?? 0));
  for (const { fate, time } of engines) {
    Object.assign(fate, { ...newFate(), onDeath: fate.onDeath });
    time.skewMs = 0;
  }
  // The healthy target has everything, whatever the others do: at most a lease has to run out first, which is long when the clock of its holder was wrong.
  const [healthy] = targets;
  const leases = await place.database.row<{ until: Date | null }>('select max(c.lease_until) as until from delivery_cursor c join subscription s on s.id = c.subscription_id where s.tenant_id = $1', [tenantId]);
  const leaseSteps = Math.ceil(((leases?.until?.getTime() ?? 0) - clock.now().getTime()) / 1_000);
  await comes(Math.max(0, leaseSteps) + 30, () => 1_000, () => healthy === undefined || complete(healthy));
  if (healthy !== undefined && !complete(healthy)) fault(`the healthy target lacks events because of others: it has ${told(healthy.reached)} of ${told(raised)}`);

  // From here on everybody accepts, and everything arrives.
  for (const target of targets) target.mode = 'accept';
  network.unclog(() => true);
  const growing = (step: number) => Math.min(64_000, 1_000 * 2 ** step);
  await comes(40, growing, () => targets.every(complete));
  for (const target of targets) if (!complete(target)) fault(`${target.name} lacks events: it has ${told(target.reached)} of ${told(raised)}`);
  // What was accepted while the answer was lost is sent once more, and then is set aside no longer.
  await settleAnew();
  const setAside = async () => (await place.database.row<{ count: number }>('select count(*) as count from delivery_parked p join subscription s on s.id = p.subscription_id where s.tenant_id = $1', [tenantId]))?.count ?? 0;
  await comes(40, growing, async () => (await setAside()) === 0);
  if (faults.length === 0 && (await setAside()) !== 0) fault(`${await setAside()} events are still set aside although they were accepted`);
  for (const one of network.came) if (ids.get(one.split(' ')[0] ?? '') !== one.split(' ')[1]) fault(`${one} is not the id under which it was raised`);
  await checkCursors();
  for (const engine of engines) await engine.delivery.stop();
  await place.database.run('delete from subscription where tenant_id = $1', [tenantId]);
  tally.count('events', ids.size);
  tally.count('accepted', targets.reduce((sum, target) => sum + target.accepted, 0));
  tally.count('accepted again', targets.reduce((sum, target) => sum + target.again, 0));
  return { seed, script: script.map((action) => action.name), counts: tally.all(), faults };
}
