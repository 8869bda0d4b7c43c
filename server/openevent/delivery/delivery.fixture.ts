import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { testDatabase } from '../../../test/support/database.ts';
import { logIsReadable } from '../../../test/support/log.ts';
import { createChanges, platformActor } from '../../kernel/change.ts';
import { manualClock } from '../../kernel/clock.ts';
import { openDatabase } from '../../kernel/database.ts';
import { randomIds } from '../../kernel/ids.ts';
import { silentLog } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { secretBox } from '../../kernel/secrets.ts';
import { createEnvelopes, type Envelope } from '../envelope.ts';
import { createEventLog } from '../log.ts';
import { insertSubscription, nextSubscriptionId, secretPurpose, type DeliverySettings } from '../store.ts';
import { createDelivery, type Delivery } from './engine.ts';
import { createFormats } from './format.ts';
import { createSender } from './send.ts';
import { secretFrom } from './signature.ts';

export interface Received {
  readonly envelope: Envelope;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The object of the event, and its number among the events of that object. */
  readonly object: string;
  readonly number: number;
}

/** How a receiver answers; undefined hangs until it is closed. */
export type Answer = { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string } | undefined;

/** A real HTTP receiver whose answers can be changed while it runs. */
export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** Those that were answered with 2xx. */
  readonly accepted: Received[];
  answer: (received: Received) => Answer | Promise<Answer>;
}

/** A database, a log and engines under a clock that stands still, with receivers on loopback. */
export async function deliveryPlace() {
  const server = await testDatabase();
  const database = openDatabase({ connection: server.url, connections: 12 });
  const clock = manualClock(new Date());
  const secrets = secretBox(randomBytes(32));
  const events = createEventLog({ database, validatePayloads: true });
  const changes = createChanges({ database, clock, ids: randomIds, events });
  const outbound = createOutbound({ allowLoopback: true, allowed: [] });
  const directory = { find: async () => undefined, byId: async () => undefined, rolesOf: async () => [] };
  const wrap = createEnvelopes({ directory, defaultRegion: 'cn-test', publishAddress: '127.0.0.1' });
  const send = createSender({ clock, transport: outbound, format: createFormats(wrap) });
  const engines: Delivery[] = [];
  const closing: (() => Promise<unknown>)[] = [];
  let engineCount = 0;

  async function receiver(): Promise<Receiver> {
    const state: Receiver = { url: '', received: [], accepted: [], answer: () => ({ status: 204 }) };
    const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const body = Buffer.concat(parts).toString('utf8');
      const parsed = JSON.parse(body) as Envelope | Envelope[] | Envelope['data'];
      const [envelope = parsed as Envelope] = Array.isArray(parsed) ? (parsed as Envelope[]) : [];
      // In the binary format the body is the data alone.
      const data = 'data' in envelope ? envelope.data : (parsed as Envelope['data']);
      const [object = '', number = ''] = String(data['operator']).split('#');
      const received = { envelope, headers: request.headers as Record<string, string>, body, object, number: Number(number) };
      state.received.push(received);
      const answer = await state.answer(received);
      if (answer === undefined) return;
      if (answer.status < 300) state.accepted.push(received);
      response.writeHead(answer.status, { ...answer.headers }).end(answer.body);
    };
    const http = createServer((request, response) => void listener(request, response));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    closing.push(async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    });
    return Object.assign(state, { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/hook` });
  }

  async function subscribe(tenantId: number, url: string, options: { types?: string[]; workspaceId?: number; settings?: Partial<DeliverySettings> } = {}): Promise<{ id: number; secret: string }> {
    const secret = secretFrom(randomBytes(32));
    await logIsReadable(events);
    const id = await changes.change(platformActor('test', tenantId), async (change) => {
      const drawn = await nextSubscriptionId(change);
      const row = {
        id: drawn,
        tenant_id: tenantId,
        workspace_id: options.workspaceId ?? null,
        name: `subscription ${drawn}`,
        url,
        types: options.types ?? [],
        secret: secrets.seal(secret, secretPurpose(drawn)),
        enabled: true,
        created_by: 1,
        ...(options.settings === undefined ? {} : { settings: options.settings }),
      };
      await insertSubscription(change, row, await events.end(change), change.now);
      change.notify('millrace_cache', `subscription:${drawn}`);
      return drawn;
    });
    return { id, secret };
  }

  /** Raises one event of an object; its number goes into the payload. Answers the event's id. */
  function raise(tenantId: number, object: string, number: number, options: { workspaceId?: number; code?: string } = {}): Promise<string> {
    return changes.change(platformActor('test', tenantId), async (change) =>
      change.raise({
        code: options.code ?? 'commit-file',
        workspaceId: options.workspaceId ?? 1,
        objectKey: object,
        data: { projectId: options.workspaceId ?? 1, operator: `${object}#${number}` },
      }),
    );
  }

  async function engine(): Promise<Delivery> {
    engineCount += 1;
    const delivery = createDelivery({ database, changes, events, clock, secrets, log: silentLog, send, random: () => 0, owner: `engine-${engineCount}-${randomBytes(4).toString('hex')}` });
    engines.push(delivery);
    await delivery.start();
    return delivery;
  }

  /** Waits for a state in real time, waking the engines meanwhile, since their clock stands still. */
  async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await condition())) {
      if (Date.now() > deadline) assert.fail(`it did not come to this: ${what}`);
      for (const one of engines) one.wake();
      await pause(5);
    }
  }

  return {
    database,
    url: server.url,
    clock,
    changes,
    events,
    secrets,
    outbound,
    send,
    wrap,
    directory,
    receiver,
    subscribe,
    raise,
    engine,
    until,
    attempts: (subscriptionId: number) =>
      database.rows<{ event_id: string; number: number; outcome: string; stage: string | null; http_status: number | null; next_at: Date | null; excerpt: string | null }>(
        'select event_id, number, outcome, stage, http_status, next_at, excerpt from delivery_attempt where subscription_id = $1 order by id',
        [subscriptionId],
      ),
    parked: (subscriptionId: number) =>
      database.rows<{ event_id: string; object_key: string; state: string; attempts: number; next_at: Date | null; last_error: string | null }>(
        'select event_id, object_key, state, attempts, next_at, last_error from delivery_parked where subscription_id = $1 order by position, row_id',
        [subscriptionId],
      ),
    async close() {
      await Promise.all(engines.map((one) => one.abandon()));
      for (const end of closing) await end();
      await outbound.close();
      await database.close();
      await server.drop();
    },
  };
}
