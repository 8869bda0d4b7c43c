import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { ApiError } from '../kernel/errors.ts';
import { ALPHA, BETA, extensionsPlace, held, people, refusal, SECOND } from './extensions.fixture.ts';
import { attachmentStates, extensionStates, holdStates, next, type AttachmentState, type AttachmentStep, type ExtensionState, type ExtensionStep, type HoldState } from './states.ts';

let place: Awaited<ReturnType<typeof extensionsPlace>>;

before(async () => {
  place = await extensionsPlace();
});

beforeEach(async () => {
  await place.clear();
  await place.database.run('delete from extension_review');
  await place.database.run('delete from extension_approval_policy');
  place.events.length = 0;
});

after(() => place.close());

const { developer, platformAdmin, tenantAdmin, workspaceAdmin, outsider, foreigner } = people;

const status = async (ExtensionCode: string) => (await place.legacy(developer, 'GetExtension', { ExtensionCode })).Extension?.Status;
const take = (ExtensionCode: string, step: ExtensionStep, caller = platformAdmin) => {
  switch (step) {
    case 'edit':
      return place.own(caller, 'UpdateExtension', { ExtensionCode, ExtensionDesc: 'edited' });
    case 'submit':
      return place.own(caller, 'SubmitExtension', { ExtensionCode });
    case 'withdraw':
      return place.own(caller, 'WithdrawExtension', { ExtensionCode });
    case 'approve':
      return place.own(caller, 'ReviewExtension', { ExtensionCode, Approve: true });
    case 'reject':
      return place.own(caller, 'ReviewExtension', { ExtensionCode, Approve: false });
    case 'publish':
      return place.own(caller, 'PublishExtension', { ExtensionCode });
    case 'disable':
      return place.own(caller, 'DisableExtension', { ExtensionCode });
    case 'delete':
      return place.own(caller, 'DeleteExtension', { ExtensionCode });
  }
};

/** The steps that lead from registration to a state. */
const ways: Record<Exclude<ExtensionState, 'Deleted'>, readonly ExtensionStep[]> = {
  Testing: [],
  Processing: ['submit'],
  Approved: ['submit', 'approve'],
  ApproveFailed: ['submit', 'reject'],
  Published: ['publish'],
  Disabled: ['disable'],
};
const numbers = { Testing: 0, Published: 1, Disabled: 3, Processing: 4, Approved: 5, ApproveFailed: 6 };

test('the operations take every edge of the life of an extension, refuse every other, and no edge but by its right', async () => {
  for (const [state, way] of Object.entries(ways) as [keyof typeof ways, readonly ExtensionStep[]][]) {
    for (const step of ['edit', 'submit', 'withdraw', 'approve', 'reject', 'publish', 'disable', 'delete'] as const) {
      const { ExtensionCode = '' } = await place.own(platformAdmin, 'CreateExtension', { ExtensionName: 'Walk', BindEventList: ['commit-file'] });
      for (const taken of way) await take(ExtensionCode, taken, taken === 'approve' || taken === 'reject' ? tenantAdmin : platformAdmin);
      assert.equal(await status(ExtensionCode), numbers[state]);
      const target = next(extensionStates, state, step);
      await assert.rejects(take(ExtensionCode, step, workspaceAdmin), refusal('Forbidden'), `${state} ${step}`);
      await assert.rejects(take(ExtensionCode, step, foreigner), refusal('NotFound'), `${state} ${step}`);
      const taking = take(ExtensionCode, step, tenantAdmin);
      if (target === undefined) {
        await assert.rejects(taking, refusal('WrongState'), `${state} ${step}`);
        assert.equal(await status(ExtensionCode), numbers[state]);
      } else {
        await taking;
        if (target === 'Deleted') await assert.rejects(status(ExtensionCode), refusal('NotFound'));
        else assert.equal(await status(ExtensionCode), numbers[target], `${state} ${step}`);
      }
      if (target !== 'Deleted') await place.database.run('update extension set deleted_at = now() where code = $1', [ExtensionCode]);
    }
  }
});

test('who submits does not review, and with review demanded nothing else leads to being published', async () => {
  await assert.rejects(place.own(platformAdmin, 'SetExtensionReview', { Required: true }), refusal('Forbidden'));
  await place.own(tenantAdmin, 'SetExtensionReview', { Required: true });
  assert.deepEqual(await place.own(developer, 'GetExtensionReview', {}), { Required: true });
  assert.deepEqual(await place.own(foreigner, 'GetExtensionReview', {}), { Required: false });
  const { ExtensionCode = '' } = await place.own(platformAdmin, 'CreateExtension', { ExtensionName: 'X', BindEventList: ['commit-file'] });
  const refused = () => assert.rejects(take(ExtensionCode, 'publish'), refusal('WrongState', /review/));
  await refused();
  // The way round over disabling is closed too.
  await take(ExtensionCode, 'disable');
  await refused();
  await take(ExtensionCode, 'edit');
  await take(ExtensionCode, 'submit');
  await assert.rejects(take(ExtensionCode, 'approve'), refusal('Forbidden', /somebody else/));
  await take(ExtensionCode, 'approve', tenantAdmin);
  // An edit voids the approval.
  await take(ExtensionCode, 'edit');
  await refused();
  await take(ExtensionCode, 'submit');
  await take(ExtensionCode, 'approve', tenantAdmin);
  await take(ExtensionCode, 'publish');
  // What was in force was reviewed.
  await take(ExtensionCode, 'disable');
  await take(ExtensionCode, 'publish');
  // A new version needs its own review.
  await take(ExtensionCode, 'edit');
  await refused();
  await take(ExtensionCode, 'submit');
  await take(ExtensionCode, 'approve', tenantAdmin);
  await take(ExtensionCode, 'publish');
  assert.equal(await status(ExtensionCode), 1);
});

test('an edit of a published extension is tested in the test workspace beside the version in force, and can be taken back', async () => {
  const code = await place.extension({ ProjectTesting: ALPHA });
  await place.own(tenantAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: BETA });
  await place.own(platformAdmin, 'UpdateExtension', { ExtensionCode: code, ExtensionName: 'Second', ParameterSetting: 'extension.fileType.6.commit-file.enabled=true' });
  // The new version checks files of type 6 only, and only in the test workspace.
  assert.equal((await place.propose()).held, false);
  const tried = held(await place.propose({ fileType: 6 }));
  held(await place.propose({ workspaceId: BETA }));
  assert.equal((await place.own(tenantAdmin, 'GetHold', { HoldId: tried.holdId })).Hold?.Verdicts?.[0]?.Version, 2);
  assert.equal((await place.legacy(developer, 'GetExtension', { ExtensionCode: code })).Extension?.ExtensionName, 'Checker');
  const versions = async () => (await place.own(developer, 'ListExtensionVersions', { ExtensionCode: code })).Versions?.map(({ Version, Status, InForce }) => [Version, Status, InForce]);
  assert.deepEqual(await versions(), [[2, 0, false], [1, 1, true]]);
  await take(code, 'submit');
  await assert.rejects(place.own(platformAdmin, 'DiscardExtensionVersion', { ExtensionCode: code }), refusal('WrongState', /Processing/));
  await assert.rejects(take(code, 'edit'), refusal('WrongState', /Processing/));
  await take(code, 'withdraw');
  await take(code, 'publish');
  assert.deepEqual(await versions(), [[2, 1, true], [1, 3, false]]);
  assert.equal((await place.propose({ workspaceId: BETA })).held, false);

  await assert.rejects(place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code, ExtensionVersion: 7 }), refusal('NotFound', /version/));
  await place.own(platformAdmin, 'PublishExtension', { ExtensionCode: code, ExtensionVersion: 1 });
  assert.deepEqual(await versions(), [[2, 3, false], [1, 1, true]]);
  held(await place.propose({ workspaceId: BETA }));
  await take(code, 'edit');
  assert.deepEqual(await versions(), [[3, 0, false], [2, 3, false], [1, 1, true]]);
  await place.own(platformAdmin, 'DiscardExtensionVersion', { ExtensionCode: code });
  await assert.rejects(place.own(platformAdmin, 'DiscardExtensionVersion', { ExtensionCode: code }), refusal('WrongState', /no version/));
  assert.deepEqual(await versions(), [[2, 3, false], [1, 1, true]]);
});

test('the new version of a tenant-level extension checks its owner only, until it is published', async () => {
  const code = await place.extension({ BindEventList: ['delete-project'], ParameterSetting: `extension.project.disabled=${ALPHA}`, workspaceId: null });
  const deletion = { point: 'delete-project', workspaceId: undefined, objectKey: `workspace:${ALPHA}`, data: { projectId: ALPHA } };
  await place.own(platformAdmin, 'UpdateExtension', { ExtensionCode: code, ParameterSetting: '' });
  assert.equal((await place.propose(deletion, tenantAdmin)).held, false);
  held(await place.propose(deletion, platformAdmin));
  await take(code, 'publish');
  held(await place.propose(deletion, tenantAdmin));
});

test('the target of an extension is told to its owner and to who writes the Open Platform only', async () => {
  const { ExtensionCode = '' } = await place.own(platformAdmin, 'CreateExtension', { ExtensionName: 'T', BindEventList: ['commit-file'], Invocation: 'HTTP', Target: 'http://127.0.0.1:9/?key=secret', DeadlineSeconds: 7 });
  const first = async (caller: typeof developer) => (await place.own(caller, 'ListExtensionVersions', { ExtensionCode })).Versions?.[0];
  assert.deepEqual([(await first(platformAdmin))?.Target, (await first(platformAdmin))?.DeadlineSeconds], ['http://127.0.0.1:9/?key=secret', 7]);
  assert.equal((await first(developer))?.Target, undefined);
});

test('an owner is a user of the tenant, and may answer', async () => {
  const create = (Owner: number) => place.own(platformAdmin, 'CreateExtension', { ExtensionName: 'Owned', BindEventList: ['commit-file'], Owner });
  await assert.rejects(create(foreigner.userId), refusal('NotFound', /user/));
  const code = await place.extension({ Owner: outsider.userId });
  const { messageId } = held(await place.propose());
  await place.legacy(outsider, 'UpdateIDEEventResult', { MessageId: messageId, ExtensionCode: code, CheckResult: 'OK' });
});

test('what could not be asked is refused when it is registered', async () => {
  const create = (given: object) => place.own(platformAdmin, 'CreateExtension', { ExtensionName: 'X', BindEventList: ['commit-file'], ...given });
  await assert.rejects(create({ Invocation: 'HTTP' }), refusal('MissingParameter', /Target/));
  await assert.rejects(create({ Invocation: 'HTTP', Target: 'ftp://x/' }), refusal('InvalidParameter', /Target/));
  await assert.rejects(create({ Invocation: 'HTTP', Target: 'http://169.254.169.254/latest' }), refusal('TargetForbidden'));
  await assert.rejects(create({ Target: 'http://127.0.0.1/' }), refusal('InvalidParameter', /follows the events/));
  await assert.rejects(create({ Invocation: 'RULE', Target: 'true', RequireToken: true }), refusal('InvalidParameter', /RequireToken/));
  await assert.rejects(create({ Invocation: 'RULE', Target: `${'('.repeat(200)}1${')'.repeat(200)}` }), refusal('InvalidParameter', /cannot be read/));
});

test('the enabling takes every edge of an attachment and refuses every other', async () => {
  const modes = { shadow: 'SHADOW', warn: 'WARN', enforce: 'ENFORCE' } as const;
  const paths: Record<AttachmentState, readonly AttachmentStep[]> = { Off: [], Shadow: ['shadow'], Warn: ['warn'], Enforce: ['enforce'] };
  const step = (ExtensionCode: string, taken: AttachmentStep) =>
    taken === 'disable'
      ? place.own(workspaceAdmin, 'DisableExtensionForProject', { ExtensionCode, ProjectId: ALPHA })
      : place.own(workspaceAdmin, 'EnableExtension', { ExtensionCode, ProjectId: ALPHA, Mode: modes[taken] });
  const state = async (ExtensionCode: string) => {
    const [found] = (await place.own(platformAdmin, 'ListExtensionAttachments', { ExtensionCode })).PagingInfo?.Attachments ?? [];
    return found?.Mode === undefined ? 'Off' : { SHADOW: 'Shadow', WARN: 'Warn', ENFORCE: 'Enforce' }[found.Mode];
  };
  for (const [from, path] of Object.entries(paths) as [AttachmentState, readonly AttachmentStep[]][]) {
    for (const taken of ['shadow', 'warn', 'enforce', 'disable'] as const) {
      const { ExtensionCode = '' } = await place.own(platformAdmin, 'CreateExtension', { ExtensionName: 'Walk', BindEventList: ['commit-file'] });
      await take(ExtensionCode, 'publish');
      for (const before of path) await step(ExtensionCode, before);
      // Saying again what is so changes nothing, and is no step.
      if (next(attachmentStates, from, taken) === undefined && from.toLowerCase() !== taken) await assert.rejects(step(ExtensionCode, taken), refusal('WrongState'), `${from} ${taken}`);
      else await step(ExtensionCode, taken);
      assert.equal(await state(ExtensionCode), next(attachmentStates, from, taken) ?? from, `${from} ${taken}`);
    }
  }
});

/** Brings a hold into each state by the operations, and answers what it takes to walk on. */
async function holdIn(state: HoldState): Promise<{ holdId: number; code: string; messageId: string }> {
  await place.clear();
  await place.database.run('delete from extension_approval_policy');
  if (state === 'APPROVING') await place.own(platformAdmin, 'CreateExtensionApprovalPolicy', { Name: 'all', Steps: [{ Type: 'ROLE', Values: ['role_project_admin'] }] });
  const code = await place.extension();
  const { holdId, messageId } = held(await place.propose());
  const say = (CheckResult: string) => place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: messageId, ExtensionCode: code, CheckResult });
  if (state === 'APPROVING') await say('WARN');
  if (state === 'PASSED') await say('OK');
  if (state === 'BLOCKED') await say('FAIL');
  if (state === 'CANCELED') await place.own(developer, 'CancelHold', { HoldId: holdId });
  return { holdId, code, messageId };
}

/** ListCheckProcesses and the holds' own view must never differ. */
async function views(holdId: number): Promise<HoldState> {
  const hold = await place.database.row<{ message_id: string }>('select message_id from hold where id = $1', [holdId]);
  const { Hold } = await place.own(tenantAdmin, 'GetHold', { HoldId: holdId });
  const { PagingInfo } = await place.legacy(tenantAdmin, 'ListCheckProcesses', { EventCode: 'commit-file', MessageId: hold?.message_id });
  const own = await place.holds.read(place.database, 1, holdId);
  const process = PagingInfo?.CheckProcesses?.[0]?.Status;
  assert.equal(process, own?.status);
  const same = { CHECKING: 'CHECKING', APPROVING: 'CHECKING', PASSED: 'PASSED', BLOCKED: 'BLOCKED', CANCELED: 'BLOCKED' } as const;
  const state = (Hold?.Status ?? 'CHECKING') as HoldState;
  assert.equal(process, same[state]);
  const filtered = await place.legacy(tenantAdmin, 'ListCheckProcesses', { EventCode: 'commit-file', MessageId: hold?.message_id, Status: process });
  assert.equal(filtered.PagingInfo?.TotalCount, 1);
  return state;
}

test('a hold takes every edge of its life and no other, and both of its views agree all the way', async () => {
  for (const state of Object.keys(holdStates) as HoldState[]) {
    for (const step of ['pass', 'block', 'ask', 'cancel', 'refuse'] as const) {
      const { holdId, code, messageId } = await holdIn(state);
      assert.equal(await views(holdId), state);
      const target = next(holdStates, state, step);
      const approving = state === 'APPROVING';
      const say = (CheckResult: string) => place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: messageId, ExtensionCode: code, CheckResult });
      const decide = (Approve: boolean) => place.own(workspaceAdmin, 'DecideHoldApproval', { HoldId: holdId, Approve });
      const taking = async () => {
        if (step === 'pass') await (approving ? decide(true) : say('OK'));
        if (step === 'block') await (approving ? decide(false) : say('FAIL'));
        if (step === 'ask') {
          await place.own(platformAdmin, 'CreateExtensionApprovalPolicy', { Name: `again ${holdId}`, Steps: [{ Type: 'ROLE', Values: ['role_project_admin'] }] });
          await say('WARN');
        }
        if (step === 'cancel') await place.own(developer, 'CancelHold', { HoldId: holdId });
        if (step === 'refuse') {
          place.hinder(() => {
            throw new ApiError('NotFound', { kind: 'File', label: 'file', id: 17 });
          });
          await place.runner().drain();
          place.hinder(undefined);
        }
      };
      if (target !== undefined) {
        await taking();
        assert.equal(await views(holdId), target, `${state} ${step}`);
        continue;
      }
      // The same answer again is taken as the repetition it is; everything else is refused, or (a resumption with nothing to resume) does nothing.
      const repeated = (state === 'PASSED' && step === 'pass') || (state === 'BLOCKED' && step === 'block') || (approving && step === 'ask');
      if (step === 'refuse' || repeated) await taking();
      else await assert.rejects(taking(), refusal('WrongState'), `${state} ${step}`);
      assert.equal(await views(holdId), state, `${state} ${step}`);
    }
  }
});

test('a WARN starts an approval by policy: its steps in order, by their approvers, never by the operator', async () => {
  const code = await place.extension();
  const policy = (given: object) => place.own(platformAdmin, 'CreateExtensionApprovalPolicy', { Name: 'p', Steps: [{ Type: 'ROLE', Values: ['role_project_admin'] }], ...given });
  await assert.rejects(policy({ Steps: [] }), refusal('InvalidParameter', /Steps/));
  await assert.rejects(policy({ Steps: [{ Type: 'ROLE', Values: ['king'] }] }), refusal('InvalidParameter', /no role/));
  await assert.rejects(policy({ Steps: [{ Type: 'MEMBER', Values: ['anna'] }] }), refusal('InvalidParameter', /id of a user/));
  await assert.rejects(policy({ ExtensionCodes: ['none'] }), refusal('NotFound'));
  await assert.rejects(place.own(developer, 'CreateExtensionApprovalPolicy', { Name: 'p', Steps: [{ Type: 'MEMBER', Values: ['3'] }], ProjectIds: [ALPHA] }), refusal('Forbidden', /administer/));
  await assert.rejects(place.own(workspaceAdmin, 'CreateExtensionApprovalPolicy', { Name: 'p', Steps: [{ Type: 'MEMBER', Values: ['3'] }] }), refusal('Forbidden', /all workspaces/));
  const { PolicyId = 0 } = await policy({
    ProjectIds: [ALPHA],
    ExtensionCodes: [code],
    Steps: [{ Type: 'MEMBER', Values: [String(workspaceAdmin.userId), String(developer.userId), String(outsider.userId)] }, { Type: 'ACCOUNT', Values: [String(outsider.userId)] }],
  });
  await assert.rejects(policy({}), refusal('AlreadyExists'));
  const warn = async (workspaceId = ALPHA) => {
    const one = held(await place.propose({ workspaceId }));
    await place.legacy(platformAdmin, 'UpdateIDEEventResult', { MessageId: one.messageId, ExtensionCode: code, CheckResult: 'WARN', CheckResultTip: 'hm' });
    return one.holdId;
  };
  const hold = async (HoldId: number) => (await place.own(tenantAdmin, 'GetHold', { HoldId })).Hold;
  const decide = (HoldId: number, caller: typeof developer, Approve = true) => place.own(caller, 'DecideHoldApproval', { HoldId, Approve, Comment: 'seen' });

  const one = await warn();
  assert.deepEqual([(await hold(one))?.Status, (await hold(one))?.Approval?.Step, (await hold(one))?.Approval?.Cause], ['APPROVING', 1, 'WARN']);
  await assert.rejects(decide(one, developer), refusal('Forbidden', /operator/));
  await assert.rejects(decide(one, platformAdmin), refusal('Forbidden', /approver/));
  await assert.rejects(decide(one, outsider), refusal('Forbidden', /approver/));
  await assert.rejects(decide(one, foreigner), refusal('NotFound'));
  await decide(one, workspaceAdmin);
  assert.equal((await hold(one))?.Status, 'APPROVING');
  await assert.rejects(decide(one, workspaceAdmin), refusal('Forbidden'));
  await decide(one, outsider);
  const approved = await hold(one);
  assert.deepEqual([approved?.Status, approved?.CheckResult, approved?.CheckResultTip, approved?.Approval?.State], ['PASSED', 'WARN', 'hm\nApproved by User 5: seen', 'APPROVED']);
  assert.deepEqual(approved?.Approval?.Decisions?.map(({ Step, UserId }) => [Step, UserId]), [[1, 3], [2, 5]]);
  assert.deepEqual(place.events.filter(({ code: event }) => event.startsWith('approval')).map(({ code: event, data }) => [event, data['status']]), [
    ['approval-change-created', 'Submit'],
    ['approval-change-finished', 'Agree'],
  ]);
  await assert.rejects(decide(one, outsider), refusal('WrongState', /pending/));

  const two = await warn();
  await decide(two, tenantAdmin, false);
  assert.deepEqual([(await hold(two))?.Status, (await hold(two))?.CheckResult], ['BLOCKED', 'FAIL']);

  const three = await warn();
  place.clock.advance(8 * 86_400 * SECOND);
  await place.runner().drain();
  assert.deepEqual([(await hold(three))?.Status, (await hold(three))?.Approval?.State], ['BLOCKED', 'EXPIRED']);
  assert.match(String((await hold(three))?.CheckResultTip), /Nobody approved it/);

  const four = await warn();
  await place.own(developer, 'CancelHold', { HoldId: four });
  assert.deepEqual([(await hold(four))?.Status, (await hold(four))?.Approval?.State], ['CANCELED', 'CANCELED']);

  // Elsewhere, without a policy, a WARN passes.
  await place.own(tenantAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: BETA });
  assert.equal((await hold(await warn(BETA)))?.Status, 'PASSED');
  await assert.rejects(place.own(developer, 'DeleteExtensionApprovalPolicy', { PolicyId }), refusal('Forbidden'));
  assert.equal((await place.own(developer, 'ListExtensionApprovalPolicies', {})).PagingInfo?.TotalCount, 1);
  await place.own(workspaceAdmin, 'DeleteExtensionApprovalPolicy', { PolicyId });
  assert.equal((await hold(await warn()))?.Status, 'PASSED');
});

test('where an attachment says so, a person decides what its extension did not', async () => {
  const code = await place.extension({ DeadlineSeconds: 5 });
  await place.own(workspaceAdmin, 'EnableExtension', { ExtensionCode: code, ProjectId: ALPHA, DeadlineOutcome: 'ASK' });
  const { holdId } = held(await place.propose());
  place.clock.advance(6 * SECOND);
  await place.runner().drain();
  const { Hold } = await place.own(tenantAdmin, 'GetHold', { HoldId: holdId });
  assert.deepEqual([Hold?.Status, Hold?.Approval?.Cause, Hold?.Verdicts?.[0]?.CheckResult, Hold?.Verdicts?.[0]?.Source], ['APPROVING', 'ASK', 'ASK', 'Deadline']);
  await place.own(workspaceAdmin, 'DecideHoldApproval', { HoldId: holdId, Approve: true });
  await place.runner().drain();
  assert.deepEqual((await place.resumed(holdId)).map(({ what }) => what), ['proceed']);
});

test('passing by hand is an event and an audit line', async () => {
  const code = await place.extension();
  const { holdId } = held(await place.propose());
  await place.own(tenantAdmin, 'MarkHoldPassed', { HoldId: holdId, ExtensionCode: code, Reason: 'release night' });
  const event = place.events.find(({ code: raised }) => raised === 'approval-change-finished');
  assert.deepEqual([event?.data['status'], event?.data['comments'], event?.data['assignee'], event?.data['processId']], ['MarkedAsPassed', 'release night', '1', `job_${holdId}`]);
  assert.equal((await place.database.rows(`select 1 from audit where action = 'MarkHoldPassed' and $1 = any(targets)`, [`hold:${holdId}`])).length, 1);
});

test('the request of a direct checker can be had for any operation on record', async () => {
  const code = await place.extension({ OptionSetting: '{"type":"object","properties":{"level":{"x-component":"Input","default":"high"}}}' });
  const { holdId, messageId } = held(await place.propose());
  const body = async (given: object, caller = developer) => JSON.parse((await place.own(caller, 'GetCheckRequest', { HoldId: holdId, ...given })).Body ?? '') as Record<string, unknown>;
  const plain = await body({ ExtensionCode: code });
  assert.deepEqual([plain['messageId'], plain['options'], (plain['snapshot'] as Record<string, unknown>)['CommittedFile'] !== undefined], [messageId, { level: 'high' }, true]);
  assert.deepEqual(Object.keys(await body({ Form: 'FUNCTION' })), ['messageId', 'eventType', 'eventCategoryType', 'extensionBizId', 'blockBusiness', 'messageBody']);
  await assert.rejects(body({}, outsider), refusal('Forbidden'));
  await assert.rejects(body({}, foreigner), refusal('NotFound'));
});
