import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { identityPlace } from './identity.fixture.ts';

let place: Awaited<ReturnType<typeof identityPlace>>;
before(async () => {
  place = await identityPlace();
});
after(() => place.close());

test('what cannot be used is refused before anything is made', async () => {
  await assert.rejects(place.bootstrap({ password: 'short' }));
  await assert.rejects(place.bootstrap({ accessKeyId: 'STS.likeATemporaryOne' }));
  await assert.rejects(place.bootstrap({ accessKeyId: 'with space' }));
  assert.equal((await place.database.rows('select from tenant')).length, 0);
});

test('of processes that start together one makes the first tenant', async () => {
  const results = await Promise.all([1, 2, 3].map(() => place.bootstrap({ accessKeyId: 'LTAI5tGiven', accessKeySecret: 'the given secret' })));
  const made = results.filter((result) => result !== undefined);
  assert.equal(made.length, 1);
  assert.equal(await place.bootstrap(), undefined);
  const first = made[0];
  assert.ok(first);
  assert.ok(first.tenantId >= 524_257_424_564);
  assert.equal(first.accessKeySecret, 'the given secret');

  const key = await place.identity.keys.find('LTAI5tGiven');
  assert.deepEqual([key?.userId, key?.tenantId, key?.secret, key?.tenantRoles], [first.userId, first.tenantId, 'the given secret', ['tenant_owner']]);
  assert.deepEqual(await place.identity.tenants.find(first.tenantId), { name: 'default', plan: 'Unlimited', ownerId: first.userId });
  await place.call(undefined, 'Login', { UserName: 'admin', Password: first.password });
  assert.deepEqual(await place.audited('Bootstrap'), [
    { tenant_id: first.tenantId, user_id: 0, targets: [`tenant:${first.tenantId}`, `user:${first.userId}`, 'access-key:LTAI5tGiven'] },
  ]);
});
