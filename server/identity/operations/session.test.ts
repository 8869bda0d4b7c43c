import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limits } from '../../kernel/limits.ts';
import type { Caller } from '../../kernel/operation.ts';
import { apiError, identityPlace } from '../identity.fixture.ts';

const password = 'a good password';
let place: Awaited<ReturnType<typeof identityPlace>>;
let owner: Caller;

before(async () => {
  place = await identityPlace();
  owner = await place.callerOf((await place.bootstrap({ password }))?.userId ?? 0);
});
after(() => place.close());

const login = (UserName: string, Password: string) => place.call(undefined, 'Login', { UserName, Password });

async function signIn(name: string, word: string) {
  const answer = await login(name, word);
  const cookie = place.cookies.at(-1);
  assert.ok(cookie);
  const session = await place.identity.authenticateSession(cookie.token);
  assert.ok(session);
  return { answer, cookie, session };
}

test('signing in opens a session with its CSRF token, signing out ends it', async () => {
  const { answer, cookie, session } = await signIn('Admin', password);
  assert.equal(answer.UserId, owner.userId);
  assert.equal(answer.UserName, 'admin');
  assert.equal(answer.Expiration, place.clock.now().getTime() + limits.sessionSeconds.value * 1_000);
  assert.equal(cookie.expires.getTime(), answer.Expiration);
  assert.equal(session.caller.tenantId, owner.tenantId);
  assert.equal(session.csrfToken, answer.CsrfToken);
  assert.equal(session.csrfMatches(answer.CsrfToken), true);
  for (const wrong of [undefined, '', 'x', cookie.token]) assert.equal(session.csrfMatches(wrong), false);

  const { Caller } = await place.call(session.caller, 'GetCaller', {});
  assert.equal(Caller?.CsrfToken, answer.CsrfToken);
  assert.equal(Caller?.CredentialType, 'Session');
  assert.equal(Caller?.TenantName, 'default');
  assert.deepEqual(Caller?.Regions, ['cn-shanghai', 'cn-beijing']);
  assert.equal(Caller?.DefaultRegion, 'cn-shanghai');
  assert.equal(Caller?.TimeZone, 'Asia/Shanghai');

  const stored = await place.database.rows('select * from session');
  assert.ok(!JSON.stringify(stored).includes(cookie.token));
  assert.deepEqual((await place.audited('Login')).at(-1), { tenant_id: owner.tenantId, user_id: owner.userId, targets: [`user:${owner.userId}`, 'sign-in:succeeded'] });

  await place.call(session.caller, 'Logout', {});
  assert.equal(place.cookies.at(-1), undefined);
  assert.equal(await place.identity.authenticateSession(cookie.token), undefined);
  await assert.rejects(place.call(owner, 'Logout', {}), apiError('SessionOnly'));
  await assert.rejects(place.call(undefined, 'GetCaller', {}), apiError('Forbidden'));
});

test('a session ends at its time, and beyond the limit the oldest one ends', async () => {
  const { cookie } = await signIn('admin', password);
  const sessions = await place.changes.change({ tenantId: owner.tenantId, userId: owner.userId, action: 'Test', requestId: undefined, sourceAddress: undefined }, async (change) => {
    const { createSessions } = await import('../sessions.ts');
    const opener = createSessions(place);
    const opened = [];
    for (let count = 0; count < limits.sessionsPerUser.value; count += 1) opened.push(await opener.open(change, owner.userId));
    return opened;
  });
  assert.equal(await place.identity.authenticateSession(cookie.token), undefined);
  const last = sessions.at(-1)?.token ?? '';
  assert.ok(await place.identity.authenticateSession(last));
  place.clock.advance(limits.sessionSeconds.value * 1_000);
  assert.equal(await place.identity.authenticateSession(last), undefined);
});

test('known and unknown names are refused and locked alike, and the lock ends', async () => {
  await place.createUser(owner, 'lockable');
  await place.call(owner, 'SetPassword', { UserId: (await place.call(owner, 'ListUsers', { Keyword: 'lockable' })).PagingInfo?.Users?.[0]?.UserId, Password: password });
  const heard: Record<string, string[]> = { lockable: [], stranger: [] };
  for (const name of ['lockable', 'stranger']) {
    for (let count = 0; count <= limits.loginFailures.value; count += 1) {
      await login(count % 2 === 0 ? name : name.toUpperCase(), 'a wrong password').catch((error: Error) => heard[name]?.push(error.message));
    }
  }
  assert.deepEqual(heard['lockable'], heard['stranger']);
  assert.equal(heard['lockable']?.length, limits.loginFailures.value + 1);
  assert.match(heard['lockable']?.at(-1) ?? '', /locked for 900 seconds/);
  // Not even the right password comes in while the lock holds.
  await assert.rejects(login('lockable', password), apiError('LoginLocked'));
  const lines = await place.audited('Login');
  assert.equal(lines.filter((line) => line.tenant_id === owner.tenantId && line.targets.includes('sign-in:failed')).length, limits.loginFailures.value - 1);
  assert.equal(lines.filter((line) => line.tenant_id === owner.tenantId && line.targets.includes('sign-in:locked')).length, 1);
  assert.equal(lines.filter((line) => line.tenant_id === 0).length, limits.loginFailures.value);

  place.clock.advance(limits.loginLockSeconds.value * 1_000);
  await login('lockable', password);
});

test('a success forgets earlier failures', async () => {
  for (let round = 0; round < 2; round += 1) {
    for (let count = 0; count < limits.loginFailures.value - 1; count += 1) await assert.rejects(login('admin', 'a wrong password'), apiError('LoginFailed'));
    await login('admin', password);
  }
});

test('many guesses at the same time do not get past the limit', async () => {
  const guesses = await Promise.allSettled(Array.from({ length: 12 }, (_, count) => login('burst', `guess number ${count}`)));
  const refused = guesses.flatMap((guess) => (guess.status === 'rejected' ? [guess.reason] : []));
  assert.equal(refused.filter(apiError('LoginFailed')).length, limits.loginFailures.value);
  assert.equal(refused.filter(apiError('LoginLocked')).length, 12 - limits.loginFailures.value);
});

test('odd names are answered like unknown ones', async () => {
  for (const name of ['\0', "'; --", ' ']) await assert.rejects(login(name, password), apiError('LoginFailed'));
});

test('a user who is disabled, deleted or without password does not come in, and open sessions end', async () => {
  const created = await place.call(owner, 'CreateUser', { UserName: 'leaver', Password: password });
  const UserId = created.UserId ?? 0;
  const { cookie } = await signIn('leaver', password);
  await place.call(owner, 'UpdateUser', { UserId, Disabled: true });
  assert.equal(await place.identity.authenticateSession(cookie.token), undefined);
  await assert.rejects(login('leaver', password), apiError('LoginFailed'));
  await place.call(owner, 'UpdateUser', { UserId, Disabled: false });
  await login('leaver', password);
  await place.call(owner, 'DeleteUser', { UserId });
  await assert.rejects(login('leaver', password), apiError('LoginFailed'));
  await place.createUser(owner, 'keys-only');
  await assert.rejects(login('keys-only', ''), apiError('LoginFailed'));
});

test('changing the own password needs the current one, keeps this session and ends the others', async () => {
  await place.call(owner, 'CreateUser', { UserName: 'changer', Password: password });
  const one = await signIn('changer', password);
  const two = await signIn('changer', password);
  await assert.rejects(place.call(one.session.caller, 'SetPassword', { Password: 'the next password' }), apiError('MissingParameter'));
  await assert.rejects(place.call(one.session.caller, 'SetPassword', { Password: 'the next password', CurrentPassword: 'wrong' }), apiError('InvalidParameter'));
  await assert.rejects(place.call(one.session.caller, 'SetPassword', { Password: 'short', CurrentPassword: password }), apiError('InvalidParameter'));
  await place.call(one.session.caller, 'SetPassword', { Password: 'the next password', CurrentPassword: password });
  assert.ok(await place.identity.authenticateSession(one.cookie.token));
  assert.equal(await place.identity.authenticateSession(two.cookie.token), undefined);
  await assert.rejects(login('changer', password), apiError('LoginFailed'));
  await login('changer', 'the next password');
});
