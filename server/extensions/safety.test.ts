import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { limits } from '../kernel/limits.ts';
import { ALPHA, BETA, extensionsPlace, held, people, refusal, SECOND } from './extensions.fixture.ts';

let place: Awaited<ReturnType<typeof extensionsPlace>>;
let server: Server;
let url: string;
let reply: RequestListener;
let requests: { headers: Record<string, unknown>; body: Record<string, unknown> }[] = [];

before(async () => {
  place = await extensionsPlace({ logEvents: true });
  await place.asking.start();
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => {
      requests.push({ headers: request.headers, body: JSON.parse(text) as Record<string, unknown> });
      reply(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/check`;
});

beforeEach(async () => {
  await place.clear();
  place.hinder(undefined);
  place.becomes(undefined);
  place.events.length = 0;
  requests = [];
  reply = (_request, response) => response.end('{"checkResult":"OK"}');
});

after(async () => {
  server.closeAllConnections();
  server.close();
  await place.close();
});

const { developer, platformAdmin, tenantAdmin, workspaceAdmin, foreigner, outsider } = people;

const answer = (status: number, body: string, type = 'application/json'): RequestListener => (_request, response) => {
  response.writeHead(status, { 'content-type': type });
  response.end(body);
};

const hold = async (holdId: number) => {
  const { Hold } = await place.own(tenantAdmin, 'GetHold', { HoldId: holdId });
  assert.ok(Hold);
  return Hold;
};

/** The only verdict, once there is one. */
const verdict = async (holdId: number) =>
  eventually('the check is decided', async () => {
    const [first] = (await hold(holdId)).Verdicts ?? [];
    return first?.Source === undefined ? undefined : first;
  });

const resumedAs = async (holdId: number) => {
  await place.runner().drain();
  return (await place.resumed(holdId)).map(({ what, outcome }) => `${what} ${outcome.verdict}`);
};

const direct = (given: object = {}) => place.extension({ Invocation: 'HTTP', Target: url, ...given });
const enable = (ExtensionCode: string, given: object, ProjectId: number | undefined = ALPHA) => place.own(tenantAdmin, 'EnableExtension', { ExtensionCode, ProjectId, ...given });

test('a direct checker is asked outside of the change, and its answer is the verdict, with findings', async () => {
  reply = answer(200, JSON.stringify({ result: 'fail', message: 'no max_pt', findings: [{ object: 'daily.sql', line: 1, rule: 'MAX_PT', text: 'use a date', link: 'https://example.com/' }, 7] }));
  const code = await direct({ OptionSetting: '{"type":"object","properties":{"level":{"x-component":"Input","default":"high"}}}' });
  const { holdId, messageId } = held(await place.propose());
  const first = await verdict(holdId);
  assert.deepEqual([first.CheckResult, first.CheckResultTip, first.Source, first.Invocation, first.Attempts], ['FAIL', 'no max_pt', 'Extension', 'HTTP', 1]);
  assert.deepEqual(first.Findings, [{ Object: 'daily.sql', Line: 1, Rule: 'MAX_PT', Text: 'use a date', Link: 'https://example.com/' }]);
  assert.deepEqual(await resumedAs(holdId), ['reject FAIL']);
  const body = requests[0]?.body ?? {};
  assert.deepEqual([body['messageId'], body['extensionCode'], body['eventCode'], body['projectId'], body['operator'], body['options']], [messageId, code, 'commit-file', ALPHA, '4', { level: 'high' }]);
  assert.deepEqual((body['data'] as Record<string, unknown>)['fileId'], 17);
  assert.equal(body['snapshotHash'], (await hold(holdId)).SnapshotHash);
});

test("a function gets the vendor's envelope, field for field", async () => {
  reply = answer(200, '{"CheckResult":"WARN","ErrorMessage":"mind"}');
  await place.extension({ Invocation: 'FUNCTION', Target: url });
  const { holdId, messageId } = held(await place.propose());
  assert.equal((await verdict(holdId)).CheckResultTip, 'mind');
  assert.deepEqual(requests[0]?.body, {
    messageId,
    eventType: 'commit-file',
    eventCategoryType: 'file-change',
    extensionBizId: `job_${holdId}`,
    blockBusiness: true,
    messageBody: { fileId: 17, fileName: 'daily.sql', projectId: ALPHA, extensionBizId: `job_${holdId}`, blockBusiness: true, tenantId: 1, eventCode: 'commit-file' },
  });
  assert.deepEqual(await resumedAs(holdId), ['proceed WARN']);
});

test('requests are signed with a secret that is shown once and can be renewed', async () => {
  const { ExtensionCode = '', SigningSecret = '' } = await place.own(platformAdmin, 'CreateExtension', { ExtensionName: 'Signed', BindEventList: ['commit-file'], Invocation: 'HTTP', Target: url });
  await place.own(platformAdmin, 'PublishExtension', { ExtensionCode });
  await enable(ExtensionCode, {});
  const verify = async (secret: string) => {
    requests = [];
    const { holdId, messageId } = held(await place.propose());
    await verdict(holdId);
    const headers = requests[0]?.headers as Record<string, string>;
    assert.equal(headers['webhook-id'], messageId);
    const signed = `${messageId}.${headers['webhook-timestamp']}.${JSON.stringify(requests[0]?.body)}`;
    assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(signed).digest('base64')}`);
  };
  await verify(SigningSecret);
  await assert.rejects(place.own(developer, 'ResetExtensionSecret', { ExtensionCode }), refusal('Forbidden'));
  await assert.rejects(place.own(foreigner, 'ResetExtensionSecret', { ExtensionCode }), refusal('NotFound'));
  const renewed = String((await place.own(platformAdmin, 'ResetExtensionSecret', { ExtensionCode })).SigningSecret);
  assert.notEqual(renewed, SigningSecret);
  await verify(renewed);
  const stored = await place.database.row<{ signing_secret: string }>('select signing_secret from extension where code = $1', [ExtensionCode]);
  assert.ok(!stored?.signing_secret.includes(renewed.slice(6)));
});

test('all are asked side by side, and the worst wins', async () => {
  let open = 0;
  let most = 0;
  const results = ['OK', 'WARN', 'OK'];
  reply = (_request, response) => {
    open += 1;
    most = Math.max(most, open);
    // Answers only when all three are there.
    const wait = () => (most < 3 ? setImmediate(wait) : response.end(JSON.stringify({ checkResult: results.pop() })));
    wait();
  };
  for (let number = 0; number < 3; number += 1) await direct();
  const { holdId } = held(await place.propose());
  await eventually('the hold is closed', async () => (await hold(holdId)).Status === 'PASSED');
  assert.deepEqual(await resumedAs(holdId), ['proceed WARN']);
});

test('a checker that answers nonsense fails with the reason told, and the failure outcome counts', async () => {
  const cases: [RequestListener, RegExp][] = [
    [answer(200, '<html><body>Sign in</body></html>', 'text/html'), /no JSON \(text\/html\)/],
    [answer(200, `{"checkResult":"OK","x":"${'x'.repeat(10 * 1024 * 1024)}"}`), /longer than 1048576 bytes/],
    [answer(200, '[]'), /no JSON object/],
    [answer(200, '{"checkResult":"MAYBE"}'), /no checkResult of OK, WARN or FAIL, but "MAYBE"/],
    [answer(404, '{"checkResult":"OK"}'), /status 404/],
    [answer(302, ''), /status 302/],
    [answer(200, '{"checkResult":"OK","snapshotHash":"00"}'), /other content/],
  ];
  const code = await direct();
  await enable(code, { FailureOutcome: 'WARN', BreakerFailures: 0 });
  for (const [listener, reason] of cases) {
    reply = listener;
    const { holdId } = held(await place.propose());
    const first = await verdict(holdId);
    assert.deepEqual([first.Source, first.CheckResult], ['Failure', 'WARN'], String(reason));
    assert.match(String(first.CheckResultTip), reason);
    assert.deepEqual(await resumedAs(holdId), ['proceed WARN']);
  }
});

test('a checker out of reach is asked again, and then its failure outcome counts', async () => {
  reply = answer(503, '');
  const code = await direct();
  await enable(code, { FailureOutcome: 'OK' });
  const { holdId } = held(await place.propose());
  for (let attempt = 1; attempt <= limits.checkAttempts.value; attempt += 1) {
    await place.asking.drain();
    assert.equal(requests.length, attempt);
    if (attempt < limits.checkAttempts.value) assert.match(String((await hold(holdId)).Verdicts?.[0]?.LastError), /status 503/);
    place.clock.advance(5 * SECOND);
  }
  const first = await verdict(holdId);
  assert.deepEqual([first.Source, first.CheckResult, first.Attempts, requests.length], ['Failure', 'OK', 3, 3]);
  assert.deepEqual(await resumedAs(holdId), ['proceed OK']);
});

test('a checker whose answer comes after the deadline is not waited for', async () => {
  let late: (() => void) | undefined;
  reply = (_request, response) => (late = () => response.end('{"checkResult":"OK"}'));
  const code = await direct({ DeadlineSeconds: 5, DeadlineOutcome: 'FAIL' });
  const { holdId, messageId } = held(await place.propose());
  await eventually('it was asked', () => late);
  place.clock.advance(6 * SECOND);
  assert.deepEqual(await resumedAs(holdId), ['reject FAIL']);
  late?.();
  await place.asking.drain();
  assert.equal((await verdict(holdId)).Source, 'Deadline');
  await assert.rejects(place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: messageId, ExtensionCode: code, CheckResult: 'OK' }), refusal('WrongState', /deadline/));
});

test('202 takes the question on, and the callback decides, with the token of the check', async () => {
  reply = answer(202, '');
  const code = await direct({ RequireToken: true });
  const { holdId, messageId } = held(await place.propose());
  await eventually('it was asked', () => requests[0]);
  const token = String(requests[0]?.headers['x-millrace-check-token']);
  assert.equal(requests[0]?.body['checkToken'], token);
  await assert.rejects(place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: messageId, ExtensionCode: code, CheckResult: 'OK' }), refusal('Forbidden', /token/));
  const own = (given: object) => place.own(platformAdmin, 'AnswerCheck', { MessageId: messageId, ExtensionCode: code, CheckResult: 'OK', ...given });
  await assert.rejects(own({ CheckToken: 'wrong' }), refusal('Forbidden', /token/));
  await assert.rejects(own({ CheckToken: token, SnapshotHash: '0'.repeat(64) }), refusal('WrongState', /void/));
  await own({ CheckToken: token, Findings: [{ Text: 'fine', Line: 3 }], SnapshotHash: (await hold(holdId)).SnapshotHash });
  await own({ CheckToken: token, Findings: [{ Text: 'fine', Line: 3 }] });
  assert.deepEqual((await verdict(holdId)).Findings, [{ Line: 3, Text: 'fine' }]);
  const stored = await place.database.row<{ token_hash: string }>('select token_hash from hold_check where hold_id = $1', [holdId]);
  assert.notEqual(stored?.token_hash, token);
  const { PagingInfo } = await place.own(platformAdmin, 'ListRefusedCallbacks', { MessageId: messageId });
  assert.deepEqual(PagingInfo?.Callbacks?.map(({ Action, Foreign }) => [Action, Foreign]), [['AnswerCheck', false], ['AnswerCheck', false], ['UpdateIDEEventResult', false]]);
});

test('a refused callback is noted where the owner of the operation sees it', async () => {
  const code = await place.extension();
  const { messageId } = held(await place.propose());
  const send = (caller: typeof developer, ExtensionCode: string, MessageId = messageId) => place.legacy(caller, 'CallbackExtension', { MessageId, ExtensionCode, CheckResult: 'OK' });
  await assert.rejects(send(foreigner, code), refusal('NotFound'));
  await assert.rejects(send(developer, code), refusal('Forbidden'));
  await assert.rejects(send(platformAdmin, 'another'), refusal('NotFound'));
  const { PagingInfo } = await place.own(platformAdmin, 'ListRefusedCallbacks', { MessageId: messageId });
  assert.deepEqual(PagingInfo?.Callbacks?.map((row) => [row.ExtensionCode, row.UserId, row.Foreign]), [['another', 2, false], [code, 4, false], [code, undefined, true]]);
  await assert.rejects(send(platformAdmin, code, 'no-such-message'), refusal('NotFound'));
  assert.equal((await place.own(platformAdmin, 'ListRefusedCallbacks', { MessageId: 'no-such-message' })).PagingInfo?.TotalCount, 1);
  assert.equal((await place.own(foreigner, 'ListRefusedCallbacks', {})).PagingInfo?.TotalCount, 0);
  await assert.rejects(place.own(developer, 'ListRefusedCallbacks', {}), refusal('Forbidden'));
});

test('the older callback names the check by one id', async () => {
  await place.extension();
  const { holdId } = held(await place.propose());
  const CheckerInstanceId = String((await hold(holdId)).Verdicts?.[0]?.CheckerInstanceId);
  assert.match(CheckerInstanceId, /^\d+_\d+_1$/);
  const send = (caller: typeof developer, id: string, Status = 'OK') => place.legacy(caller, 'CheckFileDeployment', { CheckerInstanceId: id, Status });
  await assert.rejects(send(platformAdmin, 'x'), refusal('InvalidParameter', /CheckerInstanceId/));
  await assert.rejects(send(platformAdmin, '66_123455623_2'), refusal('NotFound'));
  await assert.rejects(send(foreigner, CheckerInstanceId), refusal('NotFound'));
  await assert.rejects(send(developer, CheckerInstanceId), refusal('Forbidden'));
  await send(platformAdmin, CheckerInstanceId);
  await send(platformAdmin, CheckerInstanceId);
  await assert.rejects(send(platformAdmin, CheckerInstanceId, 'FAIL'), refusal('WrongState'));
  assert.deepEqual(await resumedAs(holdId), ['proceed OK']);
});

test('what a process did not get to ask is asked by another one when its lease is over', async () => {
  const code = await direct();
  // One that is killed right after the commit: its lease has to end.
  const { begin } = place.asking;
  place.asking.begin = () => {};
  const { holdId } = held(await place.propose());
  place.asking.begin = begin;
  await place.asking.drain();
  assert.equal(requests.length, 0);
  place.clock.advance(limits.checkRequestMs.value + 6 * SECOND);
  await place.asking.drain();
  assert.deepEqual([(await verdict(holdId)).CheckResult, requests.length, requests[0]?.headers['x-millrace-extension-code']], ['OK', 1, code]);
});

test('what a process that ends in order, or never asks, leaves behind is due at once', async () => {
  await direct();
  await place.asking.stop();
  const without = held(await place.propose());
  await place.asking.start();
  await place.asking.drain();
  assert.equal((await verdict(without.holdId)).Attempts, 1);

  reply = () => {};
  const { holdId } = held(await place.propose());
  await eventually('it is asked', () => requests.length === 2);
  await place.asking.stop();
  reply = (_request, response) => response.end('{"checkResult":"OK"}');
  await place.asking.start();
  await place.asking.drain();
  const first = await verdict(holdId);
  assert.deepEqual([first.Attempts, first.CheckResult], [2, 'OK']);
});

test('a rule decides in the server, by event, snapshot and options', async () => {
  const rule = (Target: string, more: object = {}) => place.extension({ Invocation: 'RULE', Target, ...more });
  await rule(`snapshot.CommittedFile.Content.contains('max_pt') ? {'result': options.level, 'message': 'no max_pt in ' + title} : {'result': 'OK'}`, {
    OptionSetting: '{"type":"object","properties":{"level":{"x-component":"Input","default":"WARN"}}}',
  });
  const { holdId } = held(await place.propose());
  const first = await verdict(holdId);
  assert.deepEqual([first.CheckResult, first.CheckResultTip], ['WARN', 'no max_pt in daily.sql']);
  await place.clear();
  await rule('data.fileId == 17 && projectId == 501');
  assert.equal((await verdict(held(await place.propose()).holdId)).CheckResult, 'OK');
  assert.equal((await verdict(held(await place.propose({ data: { fileId: 18, projectId: ALPHA } })).holdId)).CheckResult, 'FAIL');
  await assert.rejects(rule('data.fileId =='), refusal('InvalidParameter', /cannot be read/));
  await assert.rejects(rule(''), refusal('MissingParameter', /Target/));
});

test('a rule that never ends, eats memory, throws or says nothing ends as the failure outcome says, and the next one works', async () => {
  const list = `[${Array.from({ length: 60 }, (_, index) => index).join(',')}]`;
  const nested = (inner: string, depth: number): string => (depth === 0 ? inner : `${list}.all(x${depth}, ${nested(inner, depth - 1)})`);
  const doubled = (depth: number): string => (depth === 0 ? `'0123456789012345678901234567890123456789'` : `[${doubled(depth - 1)}].map(s${depth}, ${Array.from({ length: 20 }, () => `s${depth}`).join(' + ')})[0]`);
  const cases: [string, RegExp][] = [
    [nested('x1 >= 0', 8), /took longer than 250 ms/],
    [`${doubled(6)}.matches('x+y')`, /memory|took longer|rule failed|thread ended/],
    [`${list}.map(a, ${list}.map(b, ${list}.map(c, ${list}.map(d, string(a * b * c * d) + '0123456789')))).size() == 0`, /MB of memory|took longer than 250 ms/],
    [`'${'a'.repeat(60)}!'.matches('^(a+)+$')`, /took longer than 250 ms/],
    ['data.nothing.at.all == 1', /the rule failed/],
    ['1 / 0 == 1', /the rule failed/],
    ['42', /neither to true or false/],
    [`{'result': 'MAYBE'}`, /neither to true or false/],
  ];
  for (const [Target, reason] of cases) {
    await place.clear();
    const code = await place.extension({ Invocation: 'RULE', Target });
    await enable(code, { FailureOutcome: 'WARN' });
    const { holdId } = held(await place.propose());
    const first = await verdict(holdId);
    assert.deepEqual([first.Source, first.CheckResult], ['Failure', 'WARN'], Target.slice(0, 80));
    assert.match(String(first.CheckResultTip), reason, Target.slice(0, 80));
  }
  await place.clear();
  await place.extension({ Invocation: 'RULE', Target: 'true' });
  assert.equal((await verdict(held(await place.propose()).holdId)).CheckResult, 'OK');
});

test('in shadow nothing waits and every answer is recorded; from there the way up leads over warning', async () => {
  reply = answer(200, '{"checkResult":"FAIL","checkMessage":"would block"}');
  const code = await direct();
  await enable(code, { Mode: 'SHADOW' });
  const proposed = await place.propose();
  assert.equal(proposed.held, false);
  assert.equal(place.events[0]?.data['blockBusiness'], false);
  const { PagingInfo } = await place.own(tenantAdmin, 'ListHolds', { MessageId: proposed.messageId });
  const holdId = Number(PagingInfo?.Holds?.[0]?.HoldId);
  assert.equal((await verdict(holdId)).CheckResult, 'FAIL');
  const { Status, Shadow, CheckResult } = await hold(holdId);
  assert.deepEqual([Status, Shadow, CheckResult], ['PASSED', true, 'OK']);
  assert.deepEqual(await resumedAs(holdId), []);

  const look = async () => (await place.own(workspaceAdmin, 'GetExtensionAttachment', { ExtensionCode: code, ProjectId: ALPHA })).Attachment;
  const seen = await look();
  assert.deepEqual([seen?.Mode, seen?.Statistics?.Checks, seen?.Statistics?.FAIL, seen?.Statistics?.HitRate, typeof seen?.Statistics?.P95Ms], ['SHADOW', 1, 1, 1, 'number']);
  await assert.rejects(enable(code, { Mode: 'ENFORCE' }), refusal('WrongState', /let it warn/));
  await enable(code, { Mode: 'WARN' });
  const warned = held(await place.propose());
  await verdict(warned.holdId);
  assert.deepEqual(await resumedAs(warned.holdId), ['proceed WARN']);
  await enable(code, { Mode: 'ENFORCE' });
  const blocked = held(await place.propose());
  await verdict(blocked.holdId);
  assert.deepEqual(await resumedAs(blocked.holdId), ['reject FAIL']);
  await enable(code, { Mode: 'SHADOW' });
  assert.equal((await place.propose()).held, false);
  await assert.rejects(place.own(outsider, 'GetExtensionAttachment', { ExtensionCode: code, ProjectId: ALPHA }), refusal('Forbidden'));
  await assert.rejects(place.own(workspaceAdmin, 'GetExtensionAttachment', { ExtensionCode: code, ProjectId: BETA }), refusal('Forbidden'));
  await assert.rejects(place.own(tenantAdmin, 'GetExtensionAttachment', { ExtensionCode: code, ProjectId: BETA }), refusal('NotFound'));
});

test('a shadow beside an enforcing extension is neither waited for nor counted, and may answer later', async () => {
  const enforcing = await place.extension();
  const shadow = await place.extension();
  await enable(shadow, { Mode: 'SHADOW' });
  const { holdId, messageId } = held(await place.propose());
  const say = (code: string, CheckResult: string) => place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: messageId, ExtensionCode: code, CheckResult });
  await say(enforcing, 'OK');
  assert.deepEqual(await resumedAs(holdId), ['proceed OK']);
  await say(shadow, 'FAIL');
  assert.deepEqual((await hold(holdId)).Verdicts?.map(({ CheckResult, Mode }) => [CheckResult, Mode]), [['OK', 'ENFORCE'], ['FAIL', 'SHADOW']]);
  assert.deepEqual(await resumedAs(holdId), ['proceed OK']);
});

test('a pattern limits which operations are checked, and its preview counts past ones', async () => {
  const code = await place.extension();
  const pattern = JSON.stringify({ data: { fileName: [{ suffix: '.sql' }], projectId: [ALPHA] } });
  const propose = (fileName: string) => place.propose({ data: { fileId: 17, fileName, projectId: ALPHA } });
  await enable(code, { Pattern: pattern });
  held(await propose('a.sql'));
  assert.equal((await propose('a.py')).held, false);
  await assert.rejects(enable(code, { Pattern: '{"dta":{}}' }), refusal('InvalidParameter', /Pattern/));
  await assert.rejects(enable(code, { Pattern: 'x' }), refusal('InvalidParameter', /Pattern/));
  place.clock.advance(1 * SECOND);
  const preview = async (Pattern?: string) => (await place.own(workspaceAdmin, 'PreviewExtensionScope', { ExtensionCode: code, ProjectId: ALPHA, Pattern })).Preview;
  // The log is read below the oldest running transaction, of whatever database, so the newest events may need a moment.
  const some = await eventually('the log shows both operations', async () => {
    const found = await preview(JSON.stringify({ data: { fileName: ['a.py'] } }));
    return found?.Matched === 1 ? found : undefined;
  });
  const all = await preview();
  assert.ok(Number(all?.Operations) >= 2);
  assert.deepEqual([all?.Matched, some.Truncated, some.Samples?.[0]?.EventCode], [all?.Operations, false, 'commit-file']);
  await enable(code, { Pattern: '' });
  held(await propose('a.py'));
});

test('a breaker falls back by itself, says so on every operation, and tries again by one', async () => {
  reply = answer(404, '');
  const code = await direct({ ExtensionName: 'Guard' });
  await enable(code, { FailureOutcome: 'WARN', BreakerFailures: 2, BreakerSeconds: 30 });
  const breaker = async () => (await place.own(tenantAdmin, 'GetExtensionAttachment', { ExtensionCode: code, ProjectId: ALPHA })).Attachment?.BreakerState;
  for (let number = 0; number < 2; number += 1) {
    assert.equal(await breaker(), 'CLOSED');
    await verdict(held(await place.propose()).holdId);
  }
  assert.equal(await breaker(), 'OPEN');
  const skipped = held(await place.propose());
  const first = await verdict(skipped.holdId);
  assert.deepEqual([first.Source, first.CheckResult, requests.length], ['Breaker', 'WARN', 2]);
  assert.match(String((await hold(skipped.holdId)).CheckResultTip), /Guard was not asked: it failed 2 times in a row, and its breaker is open until/);
  assert.deepEqual(await resumedAs(skipped.holdId), ['proceed WARN']);

  place.clock.advance(31 * SECOND);
  const probe = held(await place.propose());
  const beside = held(await place.propose());
  assert.equal((await verdict(beside.holdId)).Source, 'Breaker');
  assert.equal((await verdict(probe.holdId)).Source, 'Failure');
  assert.equal(await breaker(), 'OPEN');
  place.clock.advance(31 * SECOND);
  reply = answer(200, '{"checkResult":"OK"}');
  assert.equal((await verdict(held(await place.propose()).holdId)).Source, 'Extension');
  assert.equal(await breaker(), 'CLOSED');
  assert.equal((await verdict(held(await place.propose()).holdId)).Source, 'Extension');
});

test('silence trips the breaker too, and enabling anew closes it', async () => {
  const code = await place.extension({ DeadlineSeconds: 1, DeadlineOutcome: 'OK' });
  await enable(code, { BreakerFailures: 1 });
  held(await place.propose());
  place.clock.advance(2 * SECOND);
  await place.runner().drain();
  assert.equal((await verdict(held(await place.propose()).holdId)).Source, 'Breaker');
  await enable(code, {});
  assert.equal((await hold(held(await place.propose()).holdId)).Status, 'CHECKING');
});

test('disabling decides open checks as the attachment says', async () => {
  const ways: [string, RegExp][] = [['OK', /^proceed OK/], ['WARN', /^proceed WARN/], ['FAIL', /^reject FAIL/]];
  for (const [outcome, resumed] of ways) {
    for (const way of ['disable', 'detach', 'delete'] as const) {
      await place.clear();
      const code = await place.extension();
      await enable(code, { ReleaseOutcome: outcome });
      const { holdId } = held(await place.propose());
      if (way === 'detach') await place.own(workspaceAdmin, 'DisableExtensionForProject', { ExtensionCode: code, ProjectId: ALPHA });
      else await place.own(platformAdmin, 'DisableExtension', { ExtensionCode: code });
      if (way === 'delete') await place.own(platformAdmin, 'DeleteExtension', { ExtensionCode: code });
      assert.match(String(await resumedAs(holdId)), resumed);
      const [first] = (await hold(holdId)).Verdicts ?? [];
      assert.deepEqual([first?.Source, first?.CheckResult], ['Disabled', outcome]);
      assert.match(String(first?.CheckResultTip), /while its answer was awaited/);
    }
  }
});

test('content that was changed while it was checked makes the verdict void', async () => {
  const code = await place.extension();
  const same = held(await place.propose());
  place.becomes(() => ({ CommittedFile: { Content: "select max_pt('t')", FileName: 'daily.sql', FileId: 17, FileType: 10 } }));
  const say = (messageId: string) => place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: messageId, ExtensionCode: code, CheckResult: 'OK' });
  await say(same.messageId);
  assert.deepEqual(await resumedAs(same.holdId), ['proceed OK']);
  const changed = held(await place.propose());
  place.becomes(() => ({ CommittedFile: { Content: 'drop table t', FileName: 'daily.sql', FileId: 17, FileType: 10 } }));
  await say(changed.messageId);
  assert.deepEqual(await resumedAs(changed.holdId), ['reject FAIL']);
  const { Status, CheckResultTip } = await hold(changed.holdId);
  assert.equal(Status, 'BLOCKED');
  assert.match(String(CheckResultTip), /changed while it was checked, so the verdict is void/);
});
