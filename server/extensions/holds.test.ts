import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { platformActor } from '../kernel/change.ts';
import { ApiError } from '../kernel/errors.ts';
import { ALPHA, BETA, extensionsPlace, held, people, refusal, SECOND } from './extensions.fixture.ts';

let place: Awaited<ReturnType<typeof extensionsPlace>>;

before(async () => {
  place = await extensionsPlace();
});

beforeEach(async () => {
  await place.clear();
  place.hinder(undefined);
  place.events.length = 0;
});

after(() => place.close());

const { developer, platformAdmin, tenantAdmin, workspaceAdmin, foreigner, outsider } = people;

const respond = (messageId: string, code: string, result: string, tip?: string, caller = platformAdmin) =>
  place.legacy(caller, 'UpdateIDEEventResult', { MessageId: messageId, ExtensionCode: code, CheckResult: result, CheckResultTip: tip });

const hold = async (holdId: number) => {
  const { Hold } = await place.own(tenantAdmin, 'GetHold', { HoldId: holdId });
  assert.ok(Hold);
  return Hold;
};

const resumedAs = async (holdId: number) => {
  await place.runner().drain();
  return (await place.resumed(holdId)).map(({ what, outcome }) => `${what} ${outcome.verdict} ${outcome.tip}`);
};

test('without a matching extension the operation goes straight through, and its event says so', async () => {
  const proposed = await place.propose();
  assert.equal(proposed.held, false);
  const [event] = place.events;
  assert.equal(event?.eventId, proposed.messageId);
  assert.deepEqual({ ...event?.data, extensionBizId: undefined }, { fileId: 17, fileName: 'daily.sql', projectId: ALPHA, extensionBizId: undefined, blockBusiness: false });
  assert.match(String(event?.data['extensionBizId']), /^job_\d+$/);
});

test('a matching extension holds it: event, hold and check are written together', async () => {
  const code = await place.extension({ DeadlineSeconds: 60, DeadlineOutcome: 'WARN' });
  const { holdId, messageId } = held(await place.propose());
  assert.equal(place.events[0]?.data['blockBusiness'], true);
  assert.equal(place.events[0]?.data['extensionBizId'], `job_${holdId}`);
  assert.equal(place.events[0]?.tenantId, 1);
  const found = await hold(holdId);
  assert.deepEqual([found.Status, found.MessageId, found.ProcessName, found.Operator, found.ProjectId, found.EventCode], ['CHECKING', messageId, 'daily.sql', '4', ALPHA, 'commit-file']);
  assert.equal(found.Deadline, place.clock.now().getTime() + 60 * SECOND);
  assert.deepEqual(found.Verdicts?.map((verdict) => [verdict.ExtensionCode, verdict.CheckResult, verdict.Source, verdict.DeadlineOutcome]), [[code, undefined, undefined, 'WARN']]);
  const stored = await place.database.row<{ payload: Record<string, unknown> }>('select payload from hold where id = $1', [holdId]);
  assert.deepEqual([stored?.payload['tenantId'], stored?.payload['eventCode'], stored?.payload['fileId']], [1, 'commit-file', 17]);
  await place.runner().drain();
  assert.deepEqual(await place.resumed(holdId), []);
});

test('a proposal that is rolled back leaves neither hold nor event', async () => {
  await place.extension();
  const count = () => place.database.row<{ count: number }>('select count(*) as count from hold');
  const earlier = await count();
  await assert.rejects(place.propose({ snapshot: { Content: 'x'.repeat(5 * 1024 * 1024) } }), refusal('RequestTooLarge'));
  assert.deepEqual(await count(), earlier);
  assert.equal(place.events.length, 0);
});

test('OK and WARN go on in the name of the operator, FAIL gives up with the tip', async () => {
  const code = await place.extension();
  const passed = held(await place.propose());
  await respond(passed.messageId, code, 'OK');
  await place.runner().drain();
  const [resumed] = await place.resumed(passed.holdId);
  assert.deepEqual([resumed?.what, resumed?.args, resumed?.outcome], ['proceed', { fileId: 17, version: 3 }, { holdId: passed.holdId, verdict: 'OK', tip: '' }]);
  assert.deepEqual([resumed?.actor.tenantId, resumed?.actor.userId], [1, developer.userId]);
  assert.equal((await hold(passed.holdId)).ResumeStatus, 'Done');

  const warned = held(await place.propose());
  await respond(warned.messageId, code, 'WARN', 'slow');
  assert.deepEqual(await resumedAs(warned.holdId), ['proceed WARN slow']);

  const failed = held(await place.propose());
  await respond(failed.messageId, code, 'FAIL', 'no MAX_PT');
  assert.equal((await hold(failed.holdId)).ResumeStatus, 'Pending');
  assert.deepEqual(await resumedAs(failed.holdId), ['reject FAIL no MAX_PT']);
  const { Status, CheckResult, CheckResultTip } = await hold(failed.holdId);
  assert.deepEqual([Status, CheckResult, CheckResultTip], ['BLOCKED', 'FAIL', 'no MAX_PT']);
});

test('of two extensions the worst verdict wins; a pass waits for both, a FAIL does not', async () => {
  const first = await place.extension();
  const second = await place.extension();
  const warned = held(await place.propose());
  await respond(warned.messageId, first, 'WARN', 'hm');
  assert.equal((await hold(warned.holdId)).Status, 'CHECKING');
  await respond(warned.messageId, second, 'OK', 'fine');
  assert.deepEqual(await resumedAs(warned.holdId), ['proceed WARN hm']);

  const failed = held(await place.propose());
  await respond(failed.messageId, second, 'FAIL', 'never');
  assert.deepEqual(await resumedAs(failed.holdId), ['reject FAIL never']);
  const verdicts = (await hold(failed.holdId)).Verdicts ?? [];
  assert.deepEqual(verdicts.map(({ CheckResult, Source }) => [CheckResult, Source]), [[undefined, 'Unneeded'], ['FAIL', 'Extension']]);
  await assert.rejects(respond(failed.messageId, first, 'OK'), refusal('WrongState', /decided without it/));
});

test('two answers at once to one hold close it once', async () => {
  const codes = [await place.extension(), await place.extension()];
  for (let round = 0; round < 5; round += 1) {
    const { holdId, messageId } = held(await place.propose());
    await Promise.all(codes.map((code) => respond(messageId, code, 'OK')));
    assert.deepEqual(await resumedAs(holdId), ['proceed OK ']);
  }
});

test('the same answer again is accepted, another one is refused', async () => {
  const code = await place.extension();
  const { holdId, messageId } = held(await place.propose());
  await respond(messageId, code, 'WARN', 'hm');
  await respond(messageId, code, 'WARN', 'hm');
  await assert.rejects(respond(messageId, code, 'FAIL', 'hm'), refusal('WrongState', /answered WARN before/));
  assert.deepEqual(await resumedAs(holdId), ['proceed WARN hm']);
  await respond(messageId, code, 'warn', 'hm');
  assert.deepEqual(await resumedAs(holdId), ['proceed WARN hm']);
});

test('wrong callbacks are refused: unknown message, foreign extension, foreign tenant, no right, no result', async () => {
  const code = await place.extension();
  const other = await place.extension({ workspaceId: BETA });
  const { holdId, messageId } = held(await place.propose());
  await assert.rejects(respond('nothing', code, 'OK'), refusal('NotFound', /nothing/));
  await assert.rejects(respond(messageId, other, 'OK'), refusal('NotFound', /check of this operation/));
  await assert.rejects(respond(messageId, code, 'OK', '', foreigner), refusal('NotFound', /held operation/));
  await assert.rejects(respond(messageId, code, 'OK', '', developer), refusal('Forbidden', /owner/));
  await assert.rejects(respond(messageId, code, 'OK', '', workspaceAdmin), refusal('Forbidden', /owner/));
  await assert.rejects(respond(messageId, code, 'PERHAPS'), refusal('InvalidParameter', /OK, WARN or FAIL/));
  await assert.rejects(place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: messageId, ExtensionCode: code }), refusal('MissingParameter', /CheckResult/));
  await assert.rejects(respond(messageId, code, 'OK', 'x'.repeat(5_000)), refusal('InvalidParameter', /CheckResultTip/));
  assert.equal((await hold(holdId)).Status, 'CHECKING');
});

test('the owner answers without any further right', async () => {
  const code = await place.extension();
  await place.database.run('update extension set owner_id = $2 where code = $1', [code, outsider.userId]);
  const { holdId, messageId } = held(await place.propose());
  await respond(messageId, code, 'OK', undefined, outsider);
  assert.deepEqual(await resumedAs(holdId), ['proceed OK ']);
});

test('the other callbacks end in the same place', async () => {
  const code = await place.extension();
  const one = held(await place.propose());
  await assert.rejects(place.legacy(platformAdmin, 'CallbackExtension', { MessageId: one.messageId, ExtensionCode: code, CheckResult: 'FAIL' }), refusal('MissingParameter', /CheckMessage/));
  assert.deepEqual(await place.legacy(platformAdmin, 'CallbackExtension', { MessageId: one.messageId, ExtensionCode: code, CheckResult: 'FAIL', CheckMessage: 'no' }), { Success: 'true' });
  assert.deepEqual(await resumedAs(one.holdId), ['reject FAIL no']);
  const two = held(await place.propose());
  await assert.rejects(place.legacy(platformAdmin, 'UpdateWorkbenchEventResult', { MessageId: two.messageId, ExtensionCode: code, CheckResult: 'WARN' }), refusal('InvalidParameter'));
  assert.deepEqual(await place.legacy(platformAdmin, 'UpdateWorkbenchEventResult', { MessageId: two.messageId, ExtensionCode: code, CheckResult: 'Fail', CheckResultTip: 'later' }), { Success: true });
  assert.deepEqual(await resumedAs(two.holdId), ['reject FAIL later']);
  const three = held(await place.propose());
  await place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: three.messageId, ExtensionCode: code, CheckResult: 'OK' }, '2024-05-18');
  assert.deepEqual(await resumedAs(three.holdId), ['proceed OK ']);
});

test('at its deadline an unanswered check gets the configured outcome, and a late answer is refused', async () => {
  for (const outcome of ['OK', 'WARN', 'FAIL'] as const) {
    await place.clear();
    const code = await place.extension({ DeadlineSeconds: 30, DeadlineOutcome: outcome });
    const { holdId, messageId } = held(await place.propose());
    place.clock.advance(29 * SECOND);
    assert.deepEqual(await resumedAs(holdId), []);
    place.clock.advance(2 * SECOND);
    const [line, ...more] = await resumedAs(holdId);
    assert.match(String(line), new RegExp(`^${outcome === 'FAIL' ? 'reject' : 'proceed'} ${outcome} .*did not answer within 30 seconds`));
    assert.deepEqual(more, []);
    assert.equal((await hold(holdId)).Verdicts?.[0]?.Source, 'Deadline');
    await assert.rejects(respond(messageId, code, 'OK'), refusal('WrongState', /deadline/));
  }
});

test('an answered check does not expire', async () => {
  const quick = await place.extension({ DeadlineSeconds: 10 });
  const slow = await place.extension({ DeadlineSeconds: 100 });
  const { holdId, messageId } = held(await place.propose());
  await respond(messageId, quick, 'OK');
  place.clock.advance(11 * SECOND);
  assert.deepEqual(await resumedAs(holdId), []);
  await respond(messageId, slow, 'OK');
  assert.deepEqual(await resumedAs(holdId), ['proceed OK ']);
  place.clock.advance(200 * SECOND);
  assert.deepEqual(await resumedAs(holdId), ['proceed OK ']);
});

test('two runners that drain at once carry every operation out once', async () => {
  const code = await place.extension();
  const proposals = await Promise.all(Array.from({ length: 20 }, () => place.propose()));
  const holds = proposals.map(held);
  for (const { messageId } of holds) await respond(messageId, code, 'OK');
  await Promise.all([place.runner().drain(), place.runner().drain(), place.runner().drain()]);
  for (const { holdId } of holds) assert.equal((await place.resumed(holdId)).length, 1);
});

test('a runner that dies in the middle of carrying out leaves nothing behind, and another one completes it', async () => {
  const code = await place.extension();
  const { holdId, messageId } = held(await place.propose());
  await respond(messageId, code, 'OK');
  place.hinder(() => {
    throw new Error('the process is gone');
  });
  await place.runner().drain();
  assert.deepEqual(await place.resumed(holdId), []);
  assert.equal((await hold(holdId)).ResumeStatus, 'Pending');
  place.hinder(undefined);
  place.clock.advance(60 * SECOND);
  assert.deepEqual(await resumedAs(holdId), ['proceed OK ']);
});

test('what passed but can no longer be carried out ends blocked with the reason, without a trace of the attempt', async () => {
  const code = await place.extension();
  const { holdId, messageId } = held(await place.propose());
  await respond(messageId, code, 'OK');
  place.hinder(() => {
    throw new ApiError('NotFound', { kind: 'File', label: 'file', id: 17 });
  });
  assert.deepEqual(await resumedAs(holdId), ['reject FAIL There is no file 17.']);
  const { Status, ResumeStatus, ResumeMessage, CheckResult } = await hold(holdId);
  assert.deepEqual([Status, ResumeStatus, ResumeMessage, CheckResult], ['BLOCKED', 'Failed', 'There is no file 17.', 'FAIL']);
});

test('what fails again and again is given up at the last attempt, without the inner error in its text', async () => {
  const code = await place.extension();
  const { holdId, messageId } = held(await place.propose());
  await respond(messageId, code, 'OK');
  place.hinder(() => {
    throw new Error('secret detail');
  });
  await place.database.run(`update job set attempts = 24 where kind = 'hold-resume' and key = $1`, [String(holdId)]);
  const [line] = await resumedAs(holdId);
  assert.match(String(line), /^reject FAIL /);
  assert.doesNotMatch(String(line), /secret/);
});

test('disabling, detaching and deleting pass the open checks, visibly, and wait for nobody', async () => {
  const disabled = await place.extension({ ExtensionName: 'Guard' });
  const first = held(await place.propose());
  await place.own(platformAdmin, 'DisableExtension', { ExtensionCode: disabled });
  assert.deepEqual(await resumedAs(first.holdId), ['proceed OK Guard was disabled while its answer was awaited; its check passes.']);
  assert.equal((await hold(first.holdId)).Verdicts?.[0]?.Source, 'Disabled');
  await assert.rejects(respond(first.messageId, disabled, 'FAIL'), refusal('WrongState'));
  assert.equal((await place.propose()).held, false);

  const detached = await place.extension({ ExtensionName: 'Guard' });
  await place.own(tenantAdmin, 'EnableExtension', { ExtensionCode: detached, ProjectId: BETA });
  const second = held(await place.propose());
  const elsewhere = held(await place.propose({ workspaceId: BETA }));
  await place.own(workspaceAdmin, 'DisableExtensionForProject', { ExtensionCode: detached, ProjectId: ALPHA });
  assert.match(String(await resumedAs(second.holdId)), /^proceed OK Guard was disabled in the workspace/);
  assert.equal((await hold(elsewhere.holdId)).Status, 'CHECKING');

  await place.clear();
  const deleted = await place.extension({ ExtensionName: 'Guard', ProjectTesting: ALPHA, testing: true });
  const third = held(await place.propose());
  await place.own(platformAdmin, 'DeleteExtension', { ExtensionCode: deleted });
  assert.match(String(await resumedAs(third.holdId)), /^proceed OK Guard was deleted/);
  assert.equal((await place.propose()).held, false);
});

test('disabling while proposals come in leaves no check that waits for it', async () => {
  for (let round = 0; round < 5; round += 1) {
    const code = await place.extension();
    const [, ...proposals] = await Promise.all([place.own(platformAdmin, 'DisableExtension', { ExtensionCode: code }), ...Array.from({ length: 6 }, () => place.propose())]);
    for (const proposed of proposals) {
      if (proposed.held) assert.equal((await hold(proposed.holdId)).Status, 'PASSED');
    }
  }
});

test('in testing an extension works in its test workspace only', async () => {
  const code = await place.extension({ ProjectTesting: ALPHA, testing: true });
  held(await place.propose());
  await assert.rejects(place.own(tenantAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: BETA }), refusal('WrongState', /test workspace/));
  // Enabled elsewhere by an earlier life, it still does not count there.
  await place.database.run('insert into extension_attachment (extension_id, workspace_id, enabled_by, enabled_at) select id, $2, 1, now() from extension where code = $1', [code, BETA]);
  assert.equal((await place.propose({ workspaceId: BETA })).held, false);
  await place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code });
  held(await place.propose({ workspaceId: BETA }));
});

test('in testing a tenant-level extension checks the operations of its owner only', async () => {
  const code = await place.extension({ BindEventList: ['delete-project'], testing: true, workspaceId: null });
  const deletion = { point: 'delete-project', workspaceId: undefined, objectKey: `workspace:${ALPHA}`, data: { projectId: ALPHA } };
  assert.equal((await place.propose(deletion, tenantAdmin)).held, false);
  const { holdId, messageId } = held(await place.propose(deletion, platformAdmin));
  await respond(messageId, code, 'FAIL', 'stay');
  assert.deepEqual(await resumedAs(holdId), ['reject FAIL stay']);
  await place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code });
  held(await place.propose(deletion, tenantAdmin));
  await place.own(platformAdmin, 'UpdateExtension', { ExtensionCode: code, ParameterSetting: `extension.project.disabled=${ALPHA}` });
  await place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code });
  assert.equal((await place.propose(deletion, tenantAdmin)).held, false);
});

test('the parameters decide by workspace and file type', async () => {
  const code = await place.extension({ BindEventList: ['commit-file', 'deploy-file'], ParameterSetting: `extension.project.commit-file.disabled=${ALPHA}\nextension.fileType.10.deploy-file.enabled=true` });
  assert.equal((await place.propose()).held, false);
  held(await place.propose({ point: 'deploy-file' }));
  assert.equal((await place.propose({ point: 'deploy-file', fileType: 6 })).held, false);
  await place.own(platformAdmin, 'UpdateExtension', { ExtensionCode: code, ParameterSetting: '' });
  await place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code });
  held(await place.propose());
});

test("the platform's own writes and other tenants are never held", async () => {
  await place.extension();
  assert.equal((await place.propose({}, { tenantId: 1, userId: platformActor('x').userId })).held, false);
  assert.equal((await place.propose({}, foreigner)).held, false);
});

test('a withdrawn hold calls nothing, and withdrawing a closed one does nothing', async () => {
  const code = await place.extension();
  const { holdId, messageId } = held(await place.propose());
  const withdraw = (id: number, tenantId = 1) => place.changes.change({ ...platformActor('DeleteFile', tenantId), userId: 4 }, (change) => place.holds.withdraw(change, id, 'The file was deleted.'));
  await withdraw(holdId, 2);
  assert.equal((await hold(holdId)).Status, 'CHECKING');
  await withdraw(holdId);
  assert.deepEqual(await resumedAs(holdId), []);
  assert.equal((await hold(holdId)).Status, 'CANCELED');
  assert.deepEqual(await place.holds.read(place.database, 1, holdId), { holdId, status: 'BLOCKED', tip: 'The file was deleted.' });
  assert.equal(await place.holds.read(place.database, 2, holdId), undefined);
  await assert.rejects(respond(messageId, code, 'OK'), refusal('WrongState'));
  const passed = held(await place.propose());
  await respond(passed.messageId, code, 'OK');
  await withdraw(passed.holdId);
  assert.deepEqual(await resumedAs(passed.holdId), ['proceed OK ']);
});

test('passing by hand needs the right, the permission of the extension and a reason', async () => {
  const code = await place.extension();
  const one = held(await place.propose());
  const pass = (caller: typeof developer, holdId: number, reason = 'checked by eye') => place.own(caller, 'MarkHoldPassed', { HoldId: holdId, ExtensionCode: code, Reason: reason });
  await assert.rejects(pass(developer, one.holdId), refusal('Forbidden', /administer/));
  await assert.rejects(pass(workspaceAdmin, one.holdId), refusal('Forbidden', /manualPass/));
  await assert.rejects(pass(foreigner, one.holdId), refusal('NotFound'));
  await assert.rejects(pass(tenantAdmin, one.holdId, ' '), refusal('MissingParameter', /Reason/));
  await pass(tenantAdmin, one.holdId);
  assert.deepEqual(await resumedAs(one.holdId), ['proceed OK Passed by hand by User 1: checked by eye']);
  const [verdict] = (await hold(one.holdId)).Verdicts ?? [];
  assert.deepEqual([verdict?.Source, verdict?.UserId, verdict?.Reason], ['Person', 1, 'checked by eye']);
  const audit = await place.database.row<{ targets: string[] }>(`select targets from audit where action = 'MarkHoldPassed' and user_id = 1`);
  assert.ok(audit?.targets.includes(`hold:${one.holdId}`));

  await place.own(platformAdmin, 'UpdateExtension', { ExtensionCode: code, ParameterSetting: 'extension.manualPass.enabled=true' });
  await place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code });
  const two = held(await place.propose());
  await pass(workspaceAdmin, two.holdId);
  assert.equal((await resumedAs(two.holdId)).length, 1);
  await assert.rejects(pass(workspaceAdmin, two.holdId), refusal('WrongState', /by hand/));
});

test('the operator or an administrator calls a hold off, which gives the operation up', async () => {
  await place.extension();
  const { holdId } = held(await place.propose());
  await assert.rejects(place.own(outsider, 'CancelHold', { HoldId: holdId }), refusal('Forbidden'));
  await assert.rejects(place.own(foreigner, 'CancelHold', { HoldId: holdId }), refusal('NotFound'));
  await place.own(developer, 'CancelHold', { HoldId: holdId, Reason: 'typo' });
  assert.deepEqual(await resumedAs(holdId), ['reject FAIL Called off by User 4: typo']);
  assert.equal((await hold(holdId)).Status, 'CANCELED');
  await assert.rejects(place.own(workspaceAdmin, 'CancelHold', { HoldId: holdId }), refusal('WrongState', /closed already/));
  const again = held(await place.propose());
  await place.own(workspaceAdmin, 'CancelHold', { HoldId: again.holdId });
  assert.deepEqual(await resumedAs(again.holdId), ['reject FAIL Called off by User 3.']);
});
