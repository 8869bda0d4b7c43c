import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limits } from '../kernel/limits.ts';
import type { Database } from '../kernel/database.ts';
import type { Caller } from '../kernel/operation.ts';
import { apiError, identityPlace } from './identity.fixture.ts';
import { requireUsableKey } from './index.ts';
import { createKeyCache } from './keys.ts';
import { housekeeping } from './services.ts';

let place: Awaited<ReturnType<typeof identityPlace>>;
let owner: Caller;

before(async () => {
  place = await identityPlace();
  owner = await place.callerOf((await place.bootstrap())?.userId ?? 0);
});
after(() => place.close());

/** A cache over a database that counts its queries. */
function counted() {
  let queries = 0;
  const database: Database = {
    ...place.database,
    row: (text, values) => {
      queries += 1;
      return place.database.row(text, values);
    },
  };
  return { cache: createKeyCache({ database, clock: place.clock, secrets: place.secrets }), queries: () => queries };
}

async function newKey(): Promise<string> {
  return (await place.call(owner, 'CreateAccessKey', {})).AccessKeyId ?? '';
}

async function removeKey(id: string): Promise<void> {
  await place.call(owner, 'DeleteAccessKey', { UserAccessKeyId: id });
}

test('a key is read once, then answered from memory until it is too old', async () => {
  const id = await newKey();
  const { cache, queries } = counted();
  assert.equal(cache.peek(id), undefined);
  const [first, second] = await Promise.all([cache.find(id), cache.find(id)]);
  assert.equal(first, second);
  assert.equal(queries(), 1);
  assert.equal(cache.peek(id), first);
  assert.equal(first?.userId, owner.userId);
  assert.equal(first?.secret.length, 30);
  place.clock.advance(limits.accessKeyCacheMs.value);
  assert.equal(cache.peek(id), undefined);
  await cache.find(id);
  assert.equal(queries(), 2);
  await removeKey(id);
});

test('a flood of unknown ids stays within bounds and a made key is known at once', async () => {
  const { cache, queries } = counted();
  assert.equal(await cache.find('nobody'), undefined);
  assert.equal(await cache.find('nobody'), undefined);
  assert.equal(queries(), 1);
  for (const odd of ['', 'a b', '\0', 'x'.repeat(129), "';--"]) assert.equal(await cache.find(odd), undefined);
  assert.equal(queries(), 1);
  place.clock.advance(limits.unknownAccessKeyCacheMs.value);
  await cache.find('nobody');
  assert.equal(queries(), 2);

  const none: Database = { ...place.database, row: async () => undefined };
  const flooded = createKeyCache({ database: none, clock: place.clock, secrets: place.secrets });
  for (let count = 0; count < limits.accessKeyCache.value + 500; count += 1) {
    await flooded.find(`unknown${count}`);
    flooded.used(`unknown${count}`);
  }
  assert.deepEqual(flooded.size(), { known: 0, unknown: limits.accessKeyCache.value, used: limits.accessKeyCache.value });
});

test('what was read before an invalidation is not remembered after it', async () => {
  const id = await newKey();
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow: Database = {
    ...place.database,
    async row<Row extends object>(text: string, values?: readonly unknown[]) {
      const row = await place.database.row<Row>(text, values);
      await gate;
      return row;
    },
  };
  const cache = createKeyCache({ database: slow, clock: place.clock, secrets: place.secrets });
  const early = cache.find(id);
  cache.invalidate(`key:${id}`);
  release();
  assert.equal((await early)?.status, 'Active');
  assert.equal(cache.peek(id), undefined);
  await removeKey(id);
});

test('a change of a key or its user reaches this process at once and others by message', async () => {
  const id = await newKey();
  const member = await place.createUser(owner, 'cached-member');
  const { AccessKeyId: memberKey = '' } = await place.call(owner, 'CreateAccessKey', { UserId: member.userId });
  const other = place.anotherIdentity();
  for (const service of other.module.services ?? []) await service.start();
  try {
    const { keys } = place.identity;
    for (const directory of [keys, other.keys]) {
      assert.equal((await directory.find(id))?.status, 'Active');
      assert.equal((await directory.find(memberKey))?.userDisabled, false);
    }
    await place.call(owner, 'UpdateAccessKey', { UserAccessKeyId: id, Status: 'Inactive' });
    assert.equal(keys.peek(id), undefined);
    assert.equal((await keys.find(id))?.status, 'Inactive');
    await until(() => other.keys.peek(id)?.status !== 'Active');

    await place.call(owner, 'UpdateUser', { UserId: member.userId, Disabled: true });
    assert.equal((await keys.find(memberKey))?.userDisabled, true);
    await until(() => other.keys.peek(memberKey) === undefined);
    assert.equal((await other.keys.find(memberKey))?.userDisabled, true);
    assert.notEqual(keys.peek(id), undefined);
  } finally {
    for (const service of other.module.services ?? []) await service.stop();
  }
  await removeKey(id);
  assert.equal(await place.identity.keys.find(id), undefined);
});

test('the plan of a tenant is remembered until it changes', async () => {
  const { tenants } = place.identity;
  assert.equal(await tenants.plan(owner.tenantId), 'Unlimited');
  await place.changes.change({ tenantId: owner.tenantId, userId: 0, action: 'Test', requestId: undefined, sourceAddress: undefined }, (change) => tenants.setPlan(change, owner.tenantId, 'Standard'));
  assert.equal(await tenants.plan(owner.tenantId), 'Standard');
  await assert.rejects(tenants.plan(1));
});

test('last use is written by the housekeeping, which also removes what has expired', async () => {
  const id = await newKey();
  const temporary = await place.call(owner, 'CreateTemporaryCredential', { DurationSeconds: 900 });
  const cache = createKeyCache(place);
  const house = housekeeping({ ...place, keys: cache });
  const listed = async () => (await place.call(owner, 'ListAccessKeys', {})).PagingInfo?.AccessKeys?.find((key) => key.AccessKeyId === id)?.LastUsedTime;
  assert.equal(await listed(), undefined);
  cache.used(id);
  const moment = place.clock.now().getTime();
  await house.round();
  assert.equal(await listed(), moment);
  place.clock.advance(25 * 3_600_000);
  await house.round();
  assert.equal(await cache.find(temporary.AccessKeyId ?? ''), undefined);
  await removeKey(id);
});

test('a temporary credential needs its token and ends by itself', async () => {
  const made = await place.call(owner, 'CreateTemporaryCredential', { DurationSeconds: 900 });
  assert.match(made.AccessKeyId ?? '', /^STS\./);
  const record = await place.identity.keys.find(made.AccessKeyId ?? '');
  assert.ok(record);
  assert.equal(record.secret, made.AccessKeySecret);
  const now = place.clock.now();
  requireUsableKey(record, made.SecurityToken, now);
  assert.throws(() => requireUsableKey(record, undefined, now), apiError('MissingSecurityToken'));
  assert.throws(() => requireUsableKey(record, 'another', now), apiError('InvalidSecurityToken.Malformed'));
  assert.throws(() => requireUsableKey(record, made.SecurityToken, new Date(now.getTime() + 900_000)), apiError('InvalidSecurityToken.Expired'));
  assert.throws(() => requireUsableKey({ ...record, userDisabled: true }, made.SecurityToken, now), apiError('InvalidAccessKeyId.Inactive'));

  const temporaryCaller = { ...owner, accessKeyId: made.AccessKeyId };
  assert.equal((await place.call(temporaryCaller, 'GetCaller', {})).Caller?.CredentialType, 'TemporaryCredential');
  await assert.rejects(place.call(temporaryCaller, 'CreateTemporaryCredential', {}), apiError('Forbidden'));
  await assert.rejects(place.call(temporaryCaller, 'CreateAccessKey', {}), apiError('Forbidden'));
  await assert.rejects(place.call(temporaryCaller, 'SetPassword', { Password: 'another password' }), apiError('Forbidden'));
});

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 3_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('the state did not come');
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
