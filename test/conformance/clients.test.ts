import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { signV3 } from '../support/sign.ts';
import { failure, openApiCore, popCore, type Body, type Credential, type Place, type Values } from './official-clients.ts';

const LEGACY = '2020-05-18';
const CURRENT = '2024-05-18';
const PLATFORM = '2026-12-01';

/** Everything that signatures and encodings stumble over. */
const ODD = "a b~c*d!e'f(g)h/i+j&k=l%m?n;o:p@q,r\"s<t>中文 漢字 é 🙂";

type Client = (version: string) => (action: string, parameters?: Values) => Promise<Body>;

let house: TestHouse;
let owner: Credential;
let count = 0;

before(async () => {
  house = await startTestHouse();
  owner = { accessKeyId: house.first.accessKeyId, accessKeySecret: house.first.accessKeySecret };
});
after(() => house.stop());

const clients: Readonly<Record<string, (key: Credential) => Client>> = {
  'pop-core GET': (key) => (version) => (action, parameters) => popCore(house.url, key, version)(action, parameters, 'GET'),
  'pop-core POST': (key) => (version) => (action, parameters) => popCore(house.url, key, version)(action, parameters, 'POST'),
  'openapi-core query': core('query'),
  'openapi-core query by GET': core('query', 'GET'),
  'openapi-core form': core('form'),
  'openapi-core JSON': core('json'),
};

function core(place: Place, method = 'POST') {
  return (key: Credential): Client => (version) => (action, parameters) => openApiCore(house.url, key, version)(action, parameters, place, method);
}

function isPopCore(name: string): boolean {
  return name.startsWith('pop-core');
}

for (const [name, clientOf] of Object.entries(clients)) {
  describe(name, () => {
    test('creates, reads and lists workspaces in both versions, whatever the characters', async () => {
      const client = clientOf(owner);
      count += 1;
      const identifier = `legacy_${count}`;
      const created = await client(LEGACY)('CreateProject', { ProjectIdentifier: identifier, ProjectName: `${ODD} ${count}`, ProjectDescription: '', ProjectMode: 2 });
      assert.equal(created['Success'], true);
      assert.match(String(created['RequestId']), /^[0-9A-F-]{36}$/i);
      const id = Number(created['Data']);
      assert.ok(id > 0);
      const { Data } = (await client(LEGACY)('GetProject', { ProjectId: id })) as { Data: { ProjectName: string; ProjectDescription: string; ProjectIdentifier: string } };
      assert.deepEqual([Data.ProjectIdentifier, Data.ProjectName, Data.ProjectDescription], [identifier, `${ODD} ${count}`, '']);

      const current = await client(CURRENT)('CreateProject', { Name: `current_${count}`, DisplayName: `Current ${count}`, Description: ODD, DevEnvironmentEnabled: true });
      const currentId = Number(current['Id']);
      const { Project } = (await client(CURRENT)('GetProject', { Id: currentId })) as { Project: { Name: string; Description: string; DevEnvironmentEnabled: boolean } };
      assert.deepEqual([Project.Name, Project.Description, Project.DevEnvironmentEnabled], [`current_${count}`, ODD, true]);
      await client(CURRENT)('UpdateProject', { Id: currentId, Description: '' });
      const updated = (await client(CURRENT)('GetProject', { Id: currentId })) as { Project: { Description?: string } };
      assert.equal(updated.Project.Description ?? '', '');

      const { PagingInfo } = (await client(CURRENT)('ListProjects', { Names: JSON.stringify([`current_${count}`, identifier]), PageSize: 100 })) as { PagingInfo: { TotalCount: number; Projects: { Id: number }[] } };
      assert.deepEqual(PagingInfo.Projects.map((project) => project.Id).toSorted((a, b) => a - b), [id, currentId]);
      assert.equal(PagingInfo.TotalCount, 2);
    });

    test('sends lists as JSON text, as flat names, and as its own encoding has them', async () => {
      count += 1;
      const client = clientOf(owner)(CURRENT);
      const ids: number[] = [];
      for (const part of ['a', 'b']) ids.push(Number((await client('CreateProject', { Name: `list_${count}${part}`, DisplayName: `List ${count}${part}` }))['Id']));
      const own = { Ids: ids };
      const text = { Ids: JSON.stringify(ids) };
      const flat = { 'Ids.1': ids[0], 'Ids.2': ids[1] };
      for (const parameters of [own, text, flat]) {
        const { PagingInfo } = (await client('ListProjects', parameters)) as { PagingInfo: { Projects: { Id: number }[] } };
        assert.deepEqual(PagingInfo.Projects.map((project) => project.Id).toSorted((a, b) => a - b), ids, JSON.stringify(parameters));
      }
      const tags = [{ Key: 'team', Value: ODD }, { Key: `n${count}`, Value: '' }];
      const tagged = await client('CreateProject', { Name: `tags_${count}`, DisplayName: `Tags ${count}`, AliyunResourceTags: tags });
      const { Project } = (await client('GetProject', { Id: tagged['Id'] })) as { Project: { AliyunResourceTags: { Key: string; Value: string }[] } };
      assert.deepEqual(Project.AliyunResourceTags.map(({ Key, Value }) => ({ Key, Value })), tags);
    });

    test('throws errors with code, status and request id', async () => {
      const client = clientOf(owner);
      const cases: readonly [string, string, Values, string, number][] = [
        [CURRENT, 'GetProject', { Id: 999_999_999 }, '1101080008', 404],
        [LEGACY, 'GetProject', { ProjectId: 999_999_999 }, 'Invalid.Tenant.ProjectNotExist', 404],
        [CURRENT, 'GetProject', {}, 'MissingParameter', 400],
        [CURRENT, 'GetProject', { Id: 'many' }, 'InvalidParameter', 400],
        [CURRENT, 'MakeCoffee', {}, 'InvalidAction.NotFound', 404],
        ['1999-01-01', 'GetProject', { Id: 1 }, 'InvalidVersion', 400],
      ];
      for (const [version, action, parameters, code, status] of cases) {
        const error = await failure(client(version)(action, parameters));
        assert.equal(error.code, code, `${version} ${action}`);
        assert.equal(isPopCore(name) ? error.entry?.response.statusCode : error.statusCode, status);
        assert.match((isPopCore(name) ? error.data?.RequestId : error.requestId) ?? '', /^[0-9A-F-]{36}$/i);
      }
    });

    test('is told of an operation that is not built', async () => {
      const open = house.house.registry.entries.find((entry) => entry.declaration === undefined && entry.operation.version === CURRENT && entry.operation.parameters.every((parameter) => !parameter.required));
      assert.ok(open !== undefined);
      const error = await failure(clientOf(owner)(CURRENT)(open.operation.name));
      assert.equal(error.code, 'Operation.NotImplemented');
      assert.equal(isPopCore(name) ? error.entry?.response.statusCode : error.statusCode, 501);
    });

    test('with a wrong secret is shown the string to sign', async () => {
      const error = await failure(clientOf({ ...owner, accessKeySecret: 'not the secret' })(CURRENT)('GetProject', { Id: 1 }));
      assert.equal(error.code, 'SignatureDoesNotMatch');
      const message = String(error.data?.Message ?? error.message);
      const shown = message.slice(message.indexOf('server string to sign is:') + 'server string to sign is:'.length);
      if (isPopCore(name)) assert.match(shown, /^(GET|POST)&%2F&AccessKeyId%3D[\w%.~-]+$/);
      else assert.match(shown, /^ACS3-HMAC-SHA256\n[0-9a-f]{64}$/);
    });

    test('works with a temporary credential and its token only', async () => {
      const made = (await clientOf(owner)(PLATFORM)('CreateTemporaryCredential', { DurationSeconds: 900 })) as { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string };
      const key = { accessKeyId: made.AccessKeyId, accessKeySecret: made.AccessKeySecret };
      const { Caller } = (await clientOf({ ...key, securityToken: made.SecurityToken })(PLATFORM)('GetCaller')) as { Caller: { CredentialType: string; UserName: string } };
      assert.deepEqual([Caller.CredentialType, Caller.UserName], ['TemporaryCredential', house.first.userName]);
      assert.equal((await failure(clientOf(key)(PLATFORM)('GetCaller'))).code, 'MissingSecurityToken');
      assert.equal((await failure(clientOf({ ...key, securityToken: 'made up' })(PLATFORM)('GetCaller'))).code, 'InvalidSecurityToken.Malformed');
    });

    test('a named key is the one that is disabled, not the one that signs', async () => {
      count += 1;
      const { accessKeyId } = await house.as(`user${count}`);
      const client = clientOf(owner)(PLATFORM);
      await client('UpdateAccessKey', { UserAccessKeyId: accessKeyId, Status: 'Inactive' });
      await client('GetCaller');
      const row = await house.database.row<{ status: string }>('select status from access_key where id = $1', [accessKeyId]);
      assert.equal(row?.status, 'Inactive');
    });

    test('is refused with a key that is disabled or unknown', async () => {
      count += 1;
      const { accessKeyId, accessKeySecret } = await house.as(`user${count}`);
      const client = clientOf({ accessKeyId, accessKeySecret })(PLATFORM);
      await client('GetCaller');
      await house.call(PLATFORM, 'UpdateAccessKey', { UserAccessKeyId: accessKeyId, Status: 'Inactive' });
      assert.equal((await failure(client('GetCaller'))).code, 'InvalidAccessKeyId.Inactive');
      await house.call(PLATFORM, 'UpdateAccessKey', { UserAccessKeyId: accessKeyId, Status: 'Active' });
      await client('GetCaller');
      await house.call(PLATFORM, 'DeleteAccessKey', { UserAccessKeyId: accessKeyId });
      assert.equal((await failure(client('GetCaller'))).code, 'InvalidAccessKeyId.NotFound');
    });
  });
}

test('what one client writes under odd names the other reads alike', async () => {
  count += 1;
  const created = await popCore(house.url, owner, LEGACY)('CreateProject', { ProjectIdentifier: `shared_${count}`, ProjectName: `shared ${count}`, ProjectDescription: ODD, ProjectMode: 3 });
  const { Project } = (await openApiCore(house.url, owner, CURRENT)('GetProject', { Id: created['Data'] }, 'query', 'GET')) as { Project: { Description: string } };
  assert.equal(Project.Description, ODD);
});

test('openapi-core throws its throttling error, with the time to wait', async () => {
  const tight = await startTestHouse();
  try {
    await tight.call(PLATFORM, 'UpdatePlan', { Plan: 'Basic' });
    const client = openApiCore(tight.url, tight.first, PLATFORM);
    const answers = await Promise.allSettled(Array.from({ length: 12 }, () => client('GetCaller')));
    const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Awaited<ReturnType<typeof failure>>] : []));
    assert.ok(errors.length >= 5, `${errors.length} of 12 calls were throttled`);
    assert.ok(errors.length < 12);
    for (const error of errors) {
      assert.equal(error.name, 'ThrottlingError');
      assert.equal(error.code, 'Throttling.User');
      assert.equal(error.statusCode, 429);
      assert.ok((error.retryAfter ?? 0) > 0 && (error.retryAfter ?? 0) <= 3_000, `retryAfter ${error.retryAfter}`);
    }
    const pop = await failure(Promise.all(Array.from({ length: 12 }, () => popCore(tight.url, tight.first, PLATFORM)('GetCaller'))));
    assert.equal(pop.code, 'Throttling.User');
    assert.equal(pop.entry?.response.statusCode, 429);
    const { headers } = pop.entry?.response ?? {};
    assert.ok(Number(headers?.['retry-after']) >= 1);
    assert.ok(Number(headers?.['x-acs-retry-after']) > 0);
  } finally {
    await tight.stop();
  }
});

describe('a nonce', () => {
  /** A signed V3 request that can be sent again as it is. */
  function signedRequest(action: string, form: string): RequestInit {
    const body = Buffer.from(form);
    const { headers } = signV3(owner, { version: PLATFORM, action, host: new URL(house.url).host, query: [], contentType: 'application/x-www-form-urlencoded', body });
    const { host: _host, ...sent } = headers;
    return { method: 'POST', body: form, headers: sent };
  }

  test('is taken once: a repeated write changes nothing', async () => {
    const request = signedRequest('CreateUser', 'UserName=repeated');
    const first = await fetch(house.url, request);
    assert.equal(first.status, 200);
    const second = await fetch(house.url, request);
    assert.equal(second.status, 400);
    assert.equal(((await second.json()) as Body)['Code'], 'SignatureNonceUsed');
    const { PagingInfo } = (await house.call(PLATFORM, 'ListUsers', { Keyword: 'repeated' })) as { PagingInfo: { TotalCount: number } };
    assert.equal(PagingInfo.TotalCount, 1);
  });

  test('is taken once for reads too', async () => {
    const request = signedRequest('GetCaller', '');
    assert.equal((await fetch(house.url, request)).status, 200);
    assert.equal(((await (await fetch(house.url, request)).json()) as Body)['Code'], 'SignatureNonceUsed');
  });
});
