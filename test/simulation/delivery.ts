import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { platformActor } from '../../server/kernel/change.ts';
import type { Clock } from '../../server/kernel/clock.ts';
import { silentLog } from '../../server/kernel/log.ts';
import { OutboundError, type OutboundAnswer, type OutboundRequest } from '../../server/kernel/outbound.ts';
import { deliveryPlace } from '../../server/openevent/delivery/delivery.fixture.ts';
import { createDelivery, type Delivery } from '../../server/openevent/delivery/engine.ts';
import { createFormats } from '../../server/openevent/delivery/format.ts';
import { createSender } from '../../server/openevent/delivery/send.ts';
import type { Envelope } from '../../server/openevent/envelope.ts';
import { seededRandom } from '../integration/malformed/values.ts';

/**
 * Random histories of push delivery, on a real database, with the clock and the network in the simulation's hand: targets that refuse, hang, answer late,
 * take an event while the answer is lost, and come back; two or three engines that share the subscriptions, are killed between the request and its record, stand still until their leases are others', and jump in time; commits that take long.
 * A seed repeats the choices.
 */
export interface DeliveryReport {
  readonly seed: number;
  readonly events: number;
  readonly accepted: number;
  /** Accepted once more, which at-least-once allows. */
  readonly again: number;
  readonly kills: number;
  readonly faults: readonly string[];
}

export interface DeliveryWorld {
  simulate(seed: number): Promise<DeliveryReport>;
  close(): Promise<void>;
}

type Mode = 'accept' | 'refuse' | 'unreachable' | 'hang' | 'lose';

interface Target {
  readonly name: string;
  mode: Mode;
  /** Highest number that was accepted, by object: the next first acceptance is the one after it. */
  readonly reached: Map<string, number>;
  accepted: number;
  again: number;
}

const MODES: readonly Mode[] = ['accept', 'accept', 'refuse', 'unreachable', 'hang', 'lose'];
const STEPS = 45;
/** Longest time of the machine for what comes by itself. */
const PATIENCE_MS = 15_000;
const OBJECTS = ['file:1', 'file:2', 'file:3', 'file:4'];

export async function deliveryWorld(): Promise<DeliveryWorld> {
  const place = await deliveryPlace();
  let count = 0;
  return {
    simulate(seed) {
      count += 1;
      return simulate(seed, 10_000 + count, place);
    },
    close: place.close,
  };
}

/** A clock for one engine whose timers can be kept from going off, as those of a process that the system has stopped. */
function sleepingClock(clock: Clock): { readonly clock: Clock; sleep(asleep: boolean): void } {
  let asleep = false;
  const missed = new Set<() => void>();
  return {
    clock: {
      now: () => clock.now(),
      after(milliseconds, action) {
        const due = () => void (asleep ? missed.add(action) : action());
        const cancel = clock.after(milliseconds, due);
        return () => {
          cancel();
          missed.delete(action);
        };
      },
    },
    sleep(now) {
      asleep = now;
      if (now) return;
      const late = [...missed];
      missed.clear();
      for (const action of late) action();
    },
  };
}

async function simulate(seed: number, tenantId: number, place: Awaited<ReturnType<typeof deliveryPlace>>): Promise<DeliveryReport> {
  const random = seededRandom(seed);
  const { clock, database } = place;
  const faults: string[] = [];
  const fault = (text: string) => void faults.push(`seed ${seed}: ${text}`);
  const targets = ['healthy', 'one', 'two', 'three'].map((name): Target => ({ name, mode: 'accept', reached: new Map(), accepted: 0, again: 0 }));
  const moody = targets.slice(1);
  /** Numbers given out by object, and the id under which each was raised. */
  const raised = new Map<string, number>();
  const ids = new Map<string, string>();
  /** Number and id of what came, each once. */
  const came = new Set<string>();
  /** Requests that nobody answers yet. */
  let hanging: ((late: boolean) => void)[] = [];
  let kills = 0;

  function take(target: Target, request: OutboundRequest): void {
    const envelope = JSON.parse(String(request.body)) as Envelope;
    const [object = '', text = ''] = String(envelope.data['operator']).split('#');
    const number = Number(text);
    // An event may arrive before whoever raised it has heard of its commit, so that ids are compared at the end.
    came.add(`${object}#${number} ${envelope.id}`);
    const reached = target.reached.get(object) ?? 0;
    if (number > reached + 1) fault(`${object}#${number} came to ${target.name} before #${reached + 1}`);
    if (number <= reached) target.again += 1;
    else target.accepted += 1;
    target.reached.set(object, Math.max(reached, number));
  }

  const answer = (status: number): OutboundAnswer => ({ status, headers: {}, text: '', truncated: false, durationMs: 1 });
  const transport = {
    request(request: OutboundRequest): Promise<OutboundAnswer> {
      const target = targets.find((one) => request.url.endsWith(`/${one.name}`));
      if (target === undefined) throw new Error(`nobody is at ${request.url}`);
      if (request.signal?.aborted === true) return Promise.reject(new OutboundError('cancelled', 'the request was called off', 0));
      if (target.mode === 'refuse') return Promise.resolve(answer(random.pick([500, 503, 404])));
      if (target.mode === 'unreachable') return Promise.reject(new OutboundError('connect', 'connection refused', 0));
      if (target.mode === 'hang') {
        return new Promise((resolve, reject) => {
          const cancel = clock.after(request.timeoutMs, () => reject(new OutboundError('timeout', 'no complete answer', request.timeoutMs)));
          request.signal?.addEventListener('abort', () => {
            cancel();
            reject(new OutboundError('cancelled', 'the request was called off', 0));
          });
          hanging.push((late) => {
            cancel();
            if (request.signal?.aborted === true || !late) return reject(new OutboundError('answer', 'the connection broke', 0));
            take(target, request);
            resolve(answer(200));
          });
        });
      }
      take(target, request);
      if (target.mode === 'lose') return Promise.reject(new OutboundError('answer', 'the connection broke before the answer', 0));
      return Promise.resolve(answer(200));
    },
  };
  const send = createSender({ clock, transport, format: createFormats(place.wrap) });

  const engines: (Delivery & { readonly sleep: (asleep: boolean) => void })[] = [];
  async function startEngine(): Promise<void> {
    const sleeping = sleepingClock(clock);
    const delivery = createDelivery({ database, changes: place.changes, events: place.events, clock: sleeping.clock, secrets: place.secrets, log: silentLog, send, random: () => random.next(), owner: `simulated-${tenantId}-${randomBytes(6).toString('hex')}` });
    engines.push({ ...delivery, sleep: sleeping.sleep });
    await delivery.start();
  }

  /** What takes milliseconds in the database must not take seconds of the clock. */
  async function settle(rounds = 4): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      for (const engine of engines) engine.wake();
      await pause(2);
    }
  }

  async function raise(): Promise<void> {
    const object = random.pick(OBJECTS);
    const number = (raised.get(object) ?? 0) + 1;
    raised.set(object, number);
    ids.set(`${object}#${number}`, await place.raise(tenantId, object, number));
  }

  /** A commit that takes its time: the event has its place in the log long before it is seen, and events of other objects are committed meanwhile. */
  async function raiseSlowly(): Promise<void> {
    const object = `slow:${random.below(2)}`;
    const number = (raised.get(object) ?? 0) + 1;
    raised.set(object, number);
    const eventId = randomUUID();
    ids.set(`${object}#${number}`, eventId);
    await database.transaction(async (tx) => {
      await place.events.append(tx, platformActor('test', tenantId), clock.now(), [{ code: 'commit-file', workspaceId: 1, objectKey: object, data: { projectId: 1, operator: `${object}#${number}` }, eventId }]);
      for (let many = random.below(4); many >= 0; many -= 1) await raise();
      await settle(8);
    });
    await settle();
  }

  const actions: readonly (() => Promise<unknown>)[] = [
    raiseSlowly,
    raiseSlowly,
    ...Array.from({ length: 4 }, () => async () => {
      for (let many = random.below(5); many >= 0; many -= 1) await raise();
      await settle();
    }),
    ...Array.from({ length: 3 }, () => async () => {
      random.pick(moody).mode = random.pick(MODES);
    }),
    async () => {
      const waiting = hanging;
      hanging = [];
      for (const end of waiting) end(random.chance(0.5));
      await settle();
    },
    // Killed at whatever point it is: requests are under way, and some that were accepted are not written down.
    async () => {
      const [engine] = engines.splice(random.below(engines.length), 1);
      if (random.chance(0.5)) await raise();
      kills += 1;
      await engine?.abandon();
      if (engines.length === 0 || random.chance(0.7)) await startEngine();
    },
    async () => {
      if (engines.length < 3) await startEngine();
      await settle();
    },
    // Stands still until others have taken what it held; then the answers that it waited for come, and it wants to write them down.
    async () => {
      const engine = random.pick(engines);
      engine.sleep(true);
      for (let step = 0; step < 16; step += 1) {
        clock.advance(500);
        await settle(1);
      }
      const waiting = hanging;
      hanging = [];
      for (const end of waiting) end(true);
      await settle(2);
      engine.sleep(false);
      await settle();
    },
    async () => {
      clock.advance(random.below(2_000));
      await settle();
    },
    async () => {
      clock.advance(random.below(20_000));
      await settle();
    },
  ];

  // Whatever was read before by other histories is behind these subscriptions.
  for (const target of targets) await place.subscribe(tenantId, `http://${target.name}.example/${target.name}`, { settings: { retry: 'decay', concurrency: 1 + random.below(6) } });
  await startEngine();
  await startEngine();
  await settle();
  for (let step = 0; step < STEPS; step += 1) await random.pick(actions)();

  const told = (numbers: ReadonlyMap<string, number>) => [...numbers].map(([object, number]) => `${object}#${number}`).join(' ');

  /** Lets the clock go on in steps until it has come to this, and then gives the machine some seconds. */
  async function comes(steps: number, stepMs: number, condition: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (let step = 0; !(await condition()) && (step < steps || performance.now() < deadline); step += 1) {
      if (step < steps) clock.advance(stepMs);
      await settle(2);
    }
  }
  const complete = (target: Target) => [...raised.keys()].every((object) => (target.reached.get(object) ?? 0) === (raised.get(object) ?? 0));
  if (engines.length === 0) await startEngine();
  // The healthy target has everything, whatever the others do: at most a lease has to run out first. The machine gets its own time for it, since
  // delivery waits for the oldest transaction of the whole PostgreSQL, which may be somebody else's.
  const [healthy] = targets;
  await comes(300, 100, () => healthy === undefined || complete(healthy));
  if (healthy !== undefined && !complete(healthy)) fault(`the healthy target lacks events because of others: it has ${told(healthy.reached)} of ${told(raised)}`);

  // From here on everybody accepts, and everything arrives.
  for (const target of targets) target.mode = 'accept';
  for (const end of hanging.splice(0)) end(true);
  await comes(400, 5_000, () => targets.every(complete));
  for (const target of targets) if (!complete(target)) fault(`${target.name} lacks events: it has ${told(target.reached)} of ${told(raised)}`);
  // What was accepted while the answer was lost is sent once more, and then is set aside no longer.
  const setAside = async () => (await database.row<{ count: number }>('select count(*) as count from delivery_parked p join subscription s on s.id = p.subscription_id where s.tenant_id = $1', [tenantId]))?.count ?? 0;
  await comes(400, 5_000, async () => (await setAside()) === 0);
  if (faults.length === 0 && (await setAside()) !== 0) fault(`${await setAside()} events are still set aside although they were accepted`);
  for (const one of came) if (ids.get(one.split(' ')[0] ?? '') !== one.split(' ')[1]) fault(`${one} is not the id under which it was raised`);
  for (const engine of engines) await engine.stop();
  await database.run('delete from subscription where tenant_id = $1', [tenantId]);
  const sum = (name: 'accepted' | 'again') => targets.reduce((total, target) => total + target[name], 0);
  return { seed, events: ids.size, accepted: sum('accepted'), again: sum('again'), kills, faults };
}
