import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limits } from '../../kernel/limits.ts';
import type { Caller } from '../../kernel/operation.ts';
import { apiError, identityPlace } from '../identity.fixture.ts';

let place: Awaited<ReturnType<typeof identityPlace>>;
let owner: Caller;
let admin: Caller;
let member: Caller;
let stranger: Caller;

before(async () => {
  place = await identityPlace();
  owner = await place.callerOf((await place.bootstrap())?.userId ?? 0);
  admin = await place.createUser(owner, 'administrator', 'tenant_admin');
  member = await place.createUser(owner, 'member');
  stranger = await place.secondTenant('stranger');
});
after(() => place.close());

test('users are created with their roles and listed by filter', async () => {
  const created = await place.call(admin, 'CreateUser', { UserName: 'Zoe.K', DisplayName: '佐伊', TenantRoles: ['open_platform_admin', 'open_platform_admin'] });
  assert.ok((created.UserId ?? 0) > 200_000_000_000_000);
  const found = (await place.call(admin, 'ListUsers', { Keyword: '佐' })).PagingInfo;
  assert.equal(found?.TotalCount, 1);
  assert.deepEqual(found?.Users?.[0], {
    UserId: created.UserId,
    UserName: 'Zoe.K',
    DisplayName: '佐伊',
    TenantRoles: ['open_platform_admin'],
    Disabled: false,
    HasPassword: false,
    CreateTime: place.clock.now().getTime(),
    LastLoginTime: undefined,
  });
  assert.equal((await place.call(admin, 'ListUsers', { Keyword: 'zoe' })).PagingInfo?.TotalCount, 1);
  assert.deepEqual((await place.call(admin, 'ListUsers', { TenantRole: 'tenant_owner' })).PagingInfo?.Users?.map((user) => user.UserName), ['admin']);
  const page = (await place.call(member, 'ListUsers', { PageNumber: 2, PageSize: 3 })).PagingInfo;
  assert.deepEqual([page?.TotalCount, page?.Users?.length], [4, 1]);
  assert.equal('HasPassword' in (page?.Users?.[0] ?? {}), false);
  assert.deepEqual((await place.audited('CreateUser')).at(-1)?.targets, [`user:${created.UserId}`]);

  await assert.rejects(place.call(admin, 'CreateUser', { UserName: 'zoe.k' }), apiError('AlreadyExists'));
  await assert.rejects(place.call(admin, 'CreateUser', { UserName: 'no spaces' }), apiError('InvalidParameter'));
  await assert.rejects(place.call(admin, 'CreateUser', { UserName: 'x', DisplayName: 'a\0b' }), apiError('InvalidParameter'));
  await assert.rejects(place.call(admin, 'CreateUser', { UserName: 'x', TenantRoles: ['king'] }), apiError('InvalidParameter'));
  await assert.rejects(place.call(admin, 'CreateUser', { UserName: 'x', Password: 'short' }), apiError('InvalidParameter'));
  await assert.rejects(place.call(admin, 'ListUsers', { Keyword: '\0' }), apiError('InvalidParameter'));
});

test('the roles are listed', async () => {
  const codes = (await place.call(member, 'ListTenantRoles', {})).TenantRoles?.map((role) => role.Code);
  assert.deepEqual(codes, ['tenant_owner', 'tenant_admin', 'open_platform_admin', 'tenant_dg_admin', 'tenant_member']);
});

test('who does not administer the tenant cannot touch others', async () => {
  const { AccessKeyId = '' } = await place.call(admin, 'CreateAccessKey', {});
  const attempts: (() => Promise<unknown>)[] = [
    () => place.call(member, 'CreateUser', { UserName: 'friend' }),
    () => place.call(member, 'UpdateUser', { UserId: member.userId, TenantRoles: ['tenant_admin'] }),
    () => place.call(member, 'DeleteUser', { UserId: admin.userId }),
    () => place.call(member, 'SetPassword', { UserId: admin.userId, Password: 'taken over now' }),
    () => place.call(member, 'CreateAccessKey', { UserId: admin.userId }),
    () => place.call(member, 'ListAccessKeys', { UserId: admin.userId }),
    () => place.call(member, 'UpdateAccessKey', { UserAccessKeyId: AccessKeyId, Status: 'Inactive' }),
    () => place.call(member, 'DeleteAccessKey', { UserAccessKeyId: AccessKeyId }),
  ];
  for (const attempt of attempts) await assert.rejects(attempt(), apiError('Forbidden'), String(attempt));
  assert.equal((await place.identity.keys.find(AccessKeyId))?.status, 'Active');
  await place.call(admin, 'DeleteAccessKey', { UserAccessKeyId: AccessKeyId });
});

test("another tenant's users and keys look like none", async () => {
  const { AccessKeyId = '' } = await place.call(member, 'CreateAccessKey', {});
  const UserId = member.userId;
  const attempts: (() => Promise<unknown>)[] = [
    () => place.call(stranger, 'UpdateUser', { UserId, Disabled: true }),
    () => place.call(stranger, 'DeleteUser', { UserId }),
    () => place.call(stranger, 'SetPassword', { UserId, Password: 'taken over now' }),
    () => place.call(stranger, 'CreateAccessKey', { UserId }),
    () => place.call(stranger, 'ListAccessKeys', { UserId }),
    () => place.call(stranger, 'UpdateAccessKey', { UserAccessKeyId: AccessKeyId, Status: 'Inactive' }),
    () => place.call(stranger, 'DeleteAccessKey', { UserAccessKeyId: AccessKeyId }),
  ];
  for (const attempt of attempts) await assert.rejects(attempt(), apiError('NotFound'), String(attempt));
  assert.deepEqual((await place.call(stranger, 'ListUsers', {})).PagingInfo?.Users?.map((user) => user.UserName), ['stranger']);
  assert.equal(await place.identity.users.find(UserId, stranger.tenantId), undefined);
  await place.call(member, 'DeleteAccessKey', { UserAccessKeyId: AccessKeyId });
});

test('only an owner has power over owners', async () => {
  const UserId = owner.userId;
  const attempts: (() => Promise<unknown>)[] = [
    () => place.call(admin, 'CreateUser', { UserName: 'crown', TenantRoles: ['tenant_owner'] }),
    () => place.call(admin, 'UpdateUser', { UserId: admin.userId, TenantRoles: ['tenant_owner'] }),
    () => place.call(admin, 'UpdateUser', { UserId, TenantRoles: ['tenant_member'] }),
    () => place.call(admin, 'DeleteUser', { UserId }),
    () => place.call(admin, 'SetPassword', { UserId, Password: 'taken over now' }),
    () => place.call(admin, 'CreateAccessKey', { UserId }),
  ];
  for (const attempt of attempts) await assert.rejects(attempt(), apiError('Forbidden'), String(attempt));
});

test('the last owner stays, also when two owners leave at once; the main account follows', async () => {
  for (const request of [{ Disabled: true }, { TenantRoles: ['tenant_admin'] }]) {
    await assert.rejects(place.call(owner, 'UpdateUser', { UserId: owner.userId, ...request }), apiError('WrongState'));
  }
  await assert.rejects(place.call(owner, 'DeleteUser', { UserId: owner.userId }), apiError('WrongState'));

  const heir = await place.createUser(owner, 'heir', 'tenant_owner');
  assert.equal((await place.identity.tenants.find(owner.tenantId))?.ownerId, owner.userId);
  const outcomes = await Promise.allSettled([
    place.call(owner, 'UpdateUser', { UserId: owner.userId, TenantRoles: ['tenant_admin'] }),
    place.call(heir, 'DeleteUser', { UserId: heir.userId }),
  ]);
  assert.deepEqual(outcomes.map((outcome) => outcome.status).toSorted(), ['fulfilled', 'rejected']);
  const owners = (await place.call(member, 'ListUsers', { TenantRole: 'tenant_owner' })).PagingInfo?.Users ?? [];
  assert.equal(owners.length, 1);
  assert.equal((await place.identity.tenants.find(owner.tenantId))?.ownerId, owners[0]?.UserId);
  const left = await place.callerOf(owners[0]?.UserId ?? 0);
  await place.call(left, 'UpdateUser', { UserId: owner.userId, TenantRoles: ['tenant_owner'] });
});

test('an update changes what it names only', async () => {
  const user = await place.createUser(owner, 'changing', 'tenant_dg_admin');
  await place.call(admin, 'UpdateUser', { UserId: user.userId, DisplayName: 'Changed' });
  assert.deepEqual(await place.identity.users.find(user.userId, owner.tenantId), {
    userId: user.userId,
    userName: 'changing',
    displayName: 'Changed',
    tenantId: owner.tenantId,
    tenantRoles: ['tenant_dg_admin'],
    disabled: false,
  });
  await place.call(admin, 'UpdateUser', { UserId: user.userId, TenantRoles: [], Disabled: true });
  const changed = await place.identity.users.find(user.userId);
  assert.deepEqual([changed?.tenantRoles, changed?.disabled, changed?.displayName], [['tenant_member'], true, 'Changed']);
});

test('a deleted user loses the keys, frees the name and keeps the display name for history', async () => {
  const user = await place.createUser(owner, 'gone');
  const { AccessKeyId = '' } = await place.call(user, 'CreateAccessKey', {});
  assert.ok(await place.identity.keys.find(AccessKeyId));
  await place.call(admin, 'DeleteUser', { UserId: user.userId });
  assert.equal(await place.identity.keys.find(AccessKeyId), undefined);
  assert.equal(await place.identity.users.find(user.userId), undefined);
  assert.equal((await place.identity.users.displayNames([user.userId, 1])).get(user.userId), 'gone');
  await place.createUser(owner, 'gone');
});

test('keys: the secret is shown once, sealed at rest, and never in a list or audit line', async () => {
  const made = await place.call(member, 'CreateAccessKey', {});
  assert.match(made.AccessKeyId ?? '', /^LTAI5t[A-Za-z0-9]{18}$/);
  assert.equal(made.Status, 'Active');
  const secret = made.AccessKeySecret ?? '';
  assert.equal((await place.identity.keys.find(made.AccessKeyId ?? ''))?.secret, secret);
  const traces = [
    await place.call(member, 'ListAccessKeys', {}),
    await place.database.rows('select * from access_key'),
    await place.database.rows('select * from audit'),
    place.events,
  ];
  assert.ok(!JSON.stringify(traces).includes(secret));

  await place.call(member, 'UpdateAccessKey', { UserAccessKeyId: made.AccessKeyId ?? '', Status: 'Inactive' });
  assert.deepEqual((await place.call(admin, 'ListAccessKeys', { UserId: member.userId })).PagingInfo?.AccessKeys?.map((key) => [key.UserName, key.Status]), [['member', 'Inactive']]);
  await assert.rejects(place.call(member, 'DeleteAccessKey', { UserAccessKeyId: '\0' }), apiError('NotFound'));
  await place.call(member, 'DeleteAccessKey', { UserAccessKeyId: made.AccessKeyId ?? '' });
  await assert.rejects(place.call(member, 'DeleteAccessKey', { UserAccessKeyId: made.AccessKeyId ?? '' }), apiError('NotFound'));
});

test('keys of a user are limited, also when made at the same time', async () => {
  const limit = limits.accessKeysPerUser.value;
  const user = await place.createUser(owner, 'collector');
  const made = await Promise.allSettled(Array.from({ length: limit + 3 }, () => place.call(user, 'CreateAccessKey', {})));
  assert.equal(made.filter((outcome) => outcome.status === 'fulfilled').length, limit);
  await assert.rejects(place.call(user, 'CreateAccessKey', {}), apiError('TooMany'));
});
