import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;

before(async () => {
  house = await startTestHouse();
});
after(() => house.stop());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function api(action: string, form: Record<string, string> | undefined, headers: Record<string, string> = {}, address = `open-platform/2026-12-01/${action}`): Promise<Answer> {
  const request: RequestInit = form === undefined ? { headers } : { method: 'POST', headers, body: new URLSearchParams(form) };
  const response = await fetch(`${house.url}/api/${address}`, request);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
}

async function login(): Promise<{ cookie: string; csrf: string; header: string }> {
  const answer = await api('Login', { UserName: house.first.userName, Password: house.first.password });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const header = answer.headers.getSetCookie()[0] ?? '';
  return { cookie: header.split(';', 1)[0] ?? '', csrf: String(answer.body['CsrfToken']), header };
}

test('signing in sets an http-only same-site cookie, with which reads work', async () => {
  const { cookie, header } = await login();
  assert.match(header, /;\s*HttpOnly/i);
  assert.match(header, /;\s*SameSite=Strict/i);
  assert.match(header, /;\s*Path=\//i);
  assert.match(header, /;\s*Expires=/i);
  const { status, body } = await api('GetCaller', undefined, { cookie });
  assert.equal(status, 200);
  const caller = body['Caller'] as Record<string, unknown>;
  assert.equal(caller['UserName'], house.first.userName);
  assert.equal(caller['CredentialType'], 'Session');
  const projects = await api('', undefined, { cookie }, 'dataworks-public/2024-05-18/ListProjects');
  assert.equal(projects.status, 200);
});

test('a wrong password and no session are refused, and set no cookie', async () => {
  const wrong = await api('Login', { UserName: house.first.userName, Password: 'not the password' });
  assert.deepEqual([wrong.status, wrong.body['Code']], [401, 'LoginFailed']);
  assert.deepEqual(wrong.headers.getSetCookie(), []);
  const none = await api('GetCaller', undefined);
  assert.deepEqual([none.status, none.body['Code']], [401, 'InvalidSession']);
  const forged = await api('GetCaller', undefined, { cookie: 'millrace_session=made-up' });
  assert.deepEqual([forged.status, forged.body['Code']], [401, 'InvalidSession']);
});

test('a password is not taken from an address', async () => {
  const query = new URLSearchParams({ UserName: house.first.userName, Password: house.first.password });
  const answer = await api('', undefined, {}, `open-platform/2026-12-01/Login?${query.toString()}`);
  assert.equal(answer.status, 405);
  assert.deepEqual(answer.headers.getSetCookie(), []);
});

test('a write needs the session token, and none is made by a link', async () => {
  const { cookie, csrf } = await login();
  const form = { UserName: 'by_session' };
  for (const headers of [{ cookie }, { cookie, 'x-csrf-token': 'made-up' }]) {
    const refused = await api('CreateUser', form, headers);
    assert.deepEqual([refused.status, refused.body['Code']], [403, 'Forbidden.CsrfToken']);
  }
  const link = await api('', undefined, { cookie, 'x-csrf-token': csrf }, 'open-platform/2026-12-01/CreateUser?UserName=by_link');
  assert.equal(link.status, 403);
  const made = await api('CreateUser', form, { cookie, 'x-csrf-token': csrf });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  const { PagingInfo } = (await api('', undefined, { cookie }, 'open-platform/2026-12-01/ListUsers?Keyword=by_')).body as { PagingInfo: { Users: { UserName: string }[] } };
  assert.deepEqual(PagingInfo.Users.map((user) => user.UserName), ['by_session']);
});

test('the token is told again by GetCaller, so that a reloaded page can write', async () => {
  const { cookie } = await login();
  const caller = (await api('GetCaller', undefined, { cookie })).body['Caller'] as { CsrfToken: string };
  const made = await api('CreateUser', { UserName: 'after_reload' }, { cookie, 'x-csrf-token': caller.CsrfToken });
  assert.equal(made.status, 200, JSON.stringify(made.body));
});

test('the token of another session does not do', async () => {
  const [one, other] = [await login(), await login()];
  const refused = await api('CreateUser', { UserName: 'crossed' }, { cookie: one.cookie, 'x-csrf-token': other.csrf });
  assert.equal(refused.body['Code'], 'Forbidden.CsrfToken');
});

test('signing out ends the session and clears the cookie', async () => {
  const { cookie, csrf } = await login();
  const out = await api('Logout', {}, { cookie, 'x-csrf-token': csrf });
  assert.equal(out.status, 200, JSON.stringify(out.body));
  assert.match(out.headers.getSetCookie()[0] ?? '', /^millrace_session=;.*(Max-Age=0|Expires=Thu, 01 Jan 1970)/i);
  assert.equal((await api('GetCaller', undefined, { cookie })).status, 401);
});

test('operations of the session door cannot be signed, nor the other way round', async () => {
  await assert.rejects(house.call('2026-12-01', 'Logout', {}), /session/);
});
