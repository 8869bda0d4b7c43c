import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../examples/demo/until.ts';
import { startTestHouse, type TestHouse } from '../../../test/support/house.ts';
import { signV1, type Key } from '../../../test/support/sign.ts';
import { platformActor } from '../../kernel/change.ts';
import { limits } from '../../kernel/limits.ts';
import type { Envelope } from '../envelope.ts';

const PLATFORM = '2026-12-01';
let house: TestHouse;
let visible = 0;
let hidden = 0;
let guest: Awaited<ReturnType<TestHouse['as']>>;

before(async () => {
  house = await startTestHouse();
  const project = async (name: string) => Number((await house.call('2020-05-18', 'CreateProject', { ProjectIdentifier: name, ProjectName: name, ProjectDescription: '', ProjectMode: 2 }))['Data']);
  visible = await project('visible_one');
  hidden = await project('hidden_one');
  guest = await house.as('guest');
  await house.call('2020-05-18', 'CreateProjectMember', { ProjectId: visible, UserId: String(guest.userId), RoleCode: 'role_project_guest' });
});
after(() => house.stop());

const tenantId = async () => (await house.database.row<{ id: number }>('select min(id) as id from tenant'))?.id ?? 0;

/** Raises numbered events of one object, each in a change of its own. */
async function raise(workspaceId: number, object: string, from: number, to: number): Promise<void> {
  const tenant = await tenantId();
  for (let number = from; number <= to; number += 1) {
    await house.house.changes.change(platformActor('test', tenant), async (change) =>
      change.raise({ code: 'commit-file', workspaceId, objectKey: object, data: { projectId: workspaceId, operator: `${object}#${number}` } }),
    );
  }
}

interface Heard {
  readonly id: string;
  readonly envelope: Envelope;
}

/** A client of server-sent events over real HTTP, signed, as a browser's would be. */
async function listen(key: Key, parameters: Record<string, string>, lastEventId?: string) {
  const { host } = new URL(house.url);
  const { target } = signV1(key, { version: PLATFORM, action: 'StreamEvents', host, pairs: Object.entries(parameters), place: 'query' });
  return open(`${house.url}${target}`, lastEventId === undefined ? {} : { 'last-event-id': lastEventId });
}

async function open(url: string, headers: Record<string, string>) {
  const abort = new AbortController();
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: abort.signal });
  const heard: Heard[] = [];
  const ids: string[] = [];
  let comments = 0;
  let done = false;
  const reading = (async () => {
    let rest = '';
    try {
      for await (const chunk of response.body ?? []) {
        rest += Buffer.from(chunk as Uint8Array).toString('utf8');
        for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
          const lines = rest.slice(0, end).split('\n');
          rest = rest.slice(end + 2);
          if (lines.some((line) => line.startsWith(':'))) comments += 1;
          const id = lines.find((line) => line.startsWith('id: '))?.slice(4) ?? '';
          const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
          ids.push(id);
          if (data !== undefined) heard.push({ id, envelope: JSON.parse(data) as Envelope });
        }
      }
    } catch {
      // Aborted by the test.
    }
    done = true;
  })();
  return {
    response,
    heard,
    ids,
    comments: () => comments,
    done: () => done,
    objects: () => heard.map(({ envelope }) => String(envelope.data['operator'])),
    async close() {
      abort.abort();
      await reading;
    },
  };
}

async function heardAll(client: Awaited<ReturnType<typeof listen>>, count: number) {
  await until(`${count} events`, async () => (client.heard.length >= count ? true : undefined));
}
const numbered = (object: string, from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `${object}#${from + index}`);

test('a stream sends what happens, and resumes where it broke off without gap and without repeats', async () => {
  const EventPattern = '{"data": {"operator": [{"prefix": "resumed#"}]}}';
  const first = await listen(house.first, { EventPattern });
  assert.equal(first.response.status, 200);
  assert.match(first.response.headers.get('content-type') ?? '', /^text\/event-stream/);
  await raise(visible, 'resumed', 1, 5);
  await raise(visible, 'other', 1, 3);
  await heardAll(first, 5);
  await first.close();
  await raise(visible, 'resumed', 6, 20);
  const second = await listen(house.first, { EventPattern }, first.heard.at(-1)?.id);
  await heardAll(second, 15);
  await raise(visible, 'resumed', 21, 22);
  await heardAll(second, 17);
  assert.deepEqual([...first.objects(), ...second.objects()], numbered('resumed', 1, 22));
  await second.close();
});

test('many streams and pulls with different wishes each get theirs, from one cursor', async () => {
  const { Cursor: start = '' } = (await house.call(PLATFORM, 'PullEvents', {})) as { Cursor?: string };
  const clients = await Promise.all([
    listen(house.first, { ProjectId: String(visible) }),
    listen(house.first, { ProjectId: String(hidden) }),
    listen(house.first, { Types: JSON.stringify(['dataworks:FileChange:DeployFile']) }),
    listen(guest, {}),
  ]);
  await raise(visible, 'v', 1, 30);
  await raise(hidden, 'h', 1, 30);
  const [onVisible, onHidden, onDeploys, ofGuest] = clients;
  assert.ok(onVisible && onHidden && onDeploys && ofGuest);
  await heardAll(onVisible, 30);
  await heardAll(onHidden, 30);
  await heardAll(ofGuest, 30);
  assert.deepEqual(onVisible.objects(), numbered('v', 1, 30));
  assert.deepEqual(onHidden.objects(), numbered('h', 1, 30));
  assert.deepEqual(ofGuest.objects(), numbered('v', 1, 30), 'only what the caller may see');
  assert.deepEqual(onDeploys.objects(), []);
  await Promise.all(clients.map((client) => client.close()));

  // A consumer goes from the stream to pulling with the id of an event, and from pulling to the list.
  const tenth = onVisible.heard[9]?.id ?? '';
  const pulled = (await house.call(PLATFORM, 'PullEvents', { Cursor: tenth, ProjectId: visible, MaxResults: 15 })) as unknown as { Events: { Envelope: Envelope }[]; Cursor: string; HasMore: boolean };
  assert.deepEqual(pulled.Events.map(({ Envelope }) => String(Envelope.data['operator'])), numbered('v', 11, 25));
  assert.equal(pulled.HasMore, true);
  const { PagingInfo } = (await house.call(PLATFORM, 'ListEvents', { After: pulled.Cursor, ProjectId: visible, MaxResults: 100 })) as unknown as { PagingInfo: { Events: { Data: { operator: string } }[] } };
  assert.deepEqual(PagingInfo.Events.map(({ Data }) => Data.operator), numbered('v', 26, 30));
  const all = (await house.call(PLATFORM, 'PullEvents', { Cursor: start, MaxResults: 500 })) as unknown as { Events: unknown[] };
  assert.equal(all.Events.length, 60);
});

test('a pull waits for the next event, holds no connection meanwhile, and gives up after its time', async () => {
  const wait = (parameters: Record<string, string | number>) => house.call(PLATFORM, 'PullEvents', { ProjectId: hidden, ...parameters }) as unknown as Promise<{ Events: { Envelope: Envelope }[]; Cursor: string }>;
  const { Cursor } = await wait({});
  const waiting = Promise.all(Array.from({ length: 40 }, () => wait({ Cursor, WaitSeconds: 30, EventPattern: '{"data": {"operator": ["w#1"]}}' })));
  await until('connections are free', async () => {
    const { open, idle } = house.database.load();
    return open === idle ? true : undefined;
  });
  await raise(hidden, 'x', 1, 2);
  await raise(hidden, 'w', 1, 1);
  for (const answer of await waiting) assert.deepEqual(answer.Events.map(({ Envelope }) => Envelope.data['operator']), ['w#1']);
  const empty = await wait({ WaitSeconds: 1 });
  assert.deepEqual(empty.Events, []);
});

test('a stream is for one bus if one is named, and follows its channels', async () => {
  await house.call(PLATFORM, 'CreateEventBus', { EventBusName: 'streamed' });
  await house.call(PLATFORM, 'CreateDistributionChannel', { EventBusName: 'streamed', ProjectId: visible, Enabled: true });
  const client = await listen(house.first, { EventBusName: 'streamed' });
  await raise(hidden, 'b', 1, 2);
  await raise(visible, 'b', 3, 4);
  await heardAll(client, 2);
  assert.deepEqual(client.objects(), ['b#3', 'b#4']);
  assert.equal(client.heard[0]?.envelope.aliyuneventbusname, 'streamed');
  await client.close();
});

test('a silent stream says that it is alive and moves the place to resume from; it ends after its life', async () => {
  const heartbeat = limits.eventHeartbeatMs as { value: number };
  const life = limits.eventStreamSeconds as { value: number };
  const former = [heartbeat.value, life.value] as const;
  heartbeat.value = 20;
  life.value = 2;
  try {
    const client = await listen(house.first, { Types: JSON.stringify(['dataworks:FileChange:DeployFile']) });
    await raise(visible, 'silent', 1, 3);
    await until('heartbeats, and a place that moves over events that are not for this stream', async () => (client.comments() >= 3 && new Set(client.ids).size > 1 ? true : undefined));
    await until('the end', async () => (client.done() ? true : undefined));
    assert.equal(client.heard.length, 0);
  } finally {
    [heartbeat.value, life.value] = former;
  }
});

test('a page of the console follows with its session', async () => {
  const login = await fetch(`${house.url}/api/open-platform/${PLATFORM}/Login`, { method: 'POST', body: new URLSearchParams({ UserName: house.first.userName, Password: house.first.password }) });
  const cookie = login.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
  const address = `${house.url}/api/open-platform/${PLATFORM}/StreamEvents?ProjectId=${visible}`;
  const client = await open(address, { cookie });
  await raise(visible, 'session', 1, 2);
  await heardAll(client, 2);
  assert.deepEqual(client.objects(), ['session#1', 'session#2']);
  await client.close();
  const nobody = await open(address, {});
  assert.equal(nobody.response.status, 401);
  await nobody.close();
});

test('a server that stops ends its streams and answers who waits', async () => {
  const other = await startTestHouse();
  const { host } = new URL(other.url);
  const { target } = signV1(other.first, { version: PLATFORM, action: 'StreamEvents', host, pairs: [], place: 'query' });
  const client = await open(`${other.url}${target}`, {});
  assert.equal(client.response.status, 200);
  const waits = signV1(other.first, { version: PLATFORM, action: 'PullEvents', host, pairs: [['WaitSeconds', '30']], place: 'query' });
  const pulled = fetch(`${other.url}${waits.target}`).then((answer) => answer.json()) as Promise<{ Events: unknown[]; Cursor: string }>;
  // By the time of this answer the wait has begun.
  await (await fetch(`${other.url}${signV1(other.first, { version: PLATFORM, action: 'PullEvents', host, pairs: [], place: 'query' }).target}`)).json();
  await other.stop();
  assert.deepEqual((await pulled).Events, []);
  await until('the end of the stream', async () => (client.done() ? true : undefined));
  await client.close();
});

test('what does not fit is a clear 400, and nobody streams without a right', async () => {
  const bad = async (key: Key, parameters: Record<string, string>, lastEventId?: string) => {
    const client = await listen(key, parameters, lastEventId);
    await client.close();
    return client.response.status;
  };
  const refused = async (parameters: Record<string, string | number>, message: RegExp) => assert.rejects(house.call(PLATFORM, 'PullEvents', parameters), message);
  await refused({ Cursor: 'yesterday' }, /Cursor.*cursor of an earlier answer/);
  await refused({ Cursor: '1-2-3' }, /Cursor/);
  await refused({ EventPattern: '{"data": {"a": 1}}' }, /EventPattern.*\$\.data\.a/);
  await refused({ Types: '["nothing"]' }, /Types/);
  await refused({ EventBusName: 'nowhere' }, /event bus nowhere/);
  await refused({ WaitSeconds: 31 }, /WaitSeconds/);
  assert.equal(await bad(house.first, {}, 'x-y'), 400);
  assert.equal(await bad(house.first, { EventPattern: '{' }), 400);
  assert.equal(await bad(guest, { ProjectId: String(hidden) }), 404);
  assert.equal(await bad({ ...guest, accessKeySecret: 'wrong' }, {}), 400);
  for (const limit of [limits.eventStreams, limits.eventStreamsPerTenant] as { value: number }[]) {
    const { value } = limit;
    limit.value = 0;
    assert.equal(await bad(house.first, {}), 429);
    limit.value = value;
  }
  const { PagingInfo } = (await house.call(PLATFORM, 'ListCalls', { Action: 'StreamEvents', PageSize: 100 }).catch(() => house.call(PLATFORM, 'ListCalls', { PageSize: 100 }))) as unknown as { PagingInfo: { Calls: { Operation: string }[] } };
  assert.ok(PagingInfo.Calls.some(({ Operation }) => Operation === 'StreamEvents'), 'a stream is a call like any other');
});

test('rights are looked up anew on a stream that is never silent too', async () => {
  const heartbeat = limits.eventHeartbeatMs as { value: number };
  const former = heartbeat.value;
  heartbeat.value = 1_000;
  const left = Number((await house.call('2020-05-18', 'CreateProject', { ProjectIdentifier: 'left_one', ProjectName: 'left_one', ProjectDescription: '', ProjectMode: 2 }))['Data']);
  await house.call('2020-05-18', 'CreateProjectMember', { ProjectId: left, UserId: String(guest.userId), RoleCode: 'role_project_guest' });
  const client = await listen(guest, { Types: JSON.stringify(['dataworks:FileChange:CommitFile']) });
  try {
    await raise(left, 'left', 0, 0);
    await heardAll(client, 1);
    await house.call('2020-05-18', 'DeleteProjectMember', { ProjectId: left, UserId: String(guest.userId) });
    let number = 0;
    await until('what happens in a workspace that was left is not heard any more', async () => {
      number += 1;
      await raise(left, 'left', number, number);
      await raise(visible, 'stayed', number, number);
      await until('the other is heard', async () => (client.objects().includes(`stayed#${number}`) ? true : undefined));
      return client.objects().includes(`left#${number}`) ? undefined : true;
    });
  } finally {
    heartbeat.value = former;
    await client.close();
  }
});
