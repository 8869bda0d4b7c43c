import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kernel/clock.ts';
import { createGroup, type Group, type JoinAnswer, type JoinRequest } from './groups.ts';
import type { GroupWrite } from './group-store.ts';
import { code } from './protocol/errors.ts';

function place(write: GroupWrite = 'written') {
  const clock = manualClock(new Date());
  const saved: string[] = [];
  let ids = 0;
  const group = createGroup({
    clock,
    newId: () => String((ids += 1)),
    save: async (state, members) => {
      saved.push(`${state} ${members}`);
      return write;
    },
  });
  return { clock, group, saved };
}

const request = (clientId: string, more: Partial<JoinRequest> = {}): JoinRequest => ({
  memberId: '',
  instanceId: undefined,
  clientId,
  clientHost: '127.0.0.1',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 20_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from(clientId) }],
  idFirst: false,
  ...more,
});

/** Lets everything that has resolved go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

/** Two members in a stable group. */
async function stable(): Promise<ReturnType<typeof place> & { leader: JoinAnswer; follower: JoinAnswer }> {
  const made = place();
  const [one, two] = [made.group.join(request('a')), made.group.join(request('b'))];
  await settle();
  made.clock.advance(100);
  const answers = [await one, await two];
  const leader = answers.find((answer) => answer.memberId === answer.leader);
  const follower = answers.find((answer) => answer.memberId !== answer.leader);
  assert.ok(leader !== undefined && follower !== undefined);
  assert.equal(leader.members.length, 2);
  assert.equal(follower.members.length, 0);
  const waiting = made.group.sync(follower.memberId, undefined, 1, null, null, []);
  const own = await made.group.sync(leader.memberId, undefined, 1, null, null, [leader, follower].map((one) => ({ memberId: one.memberId, assignment: Buffer.from(one.memberId) })));
  assert.equal(own.assignment.toString(), leader.memberId);
  assert.equal((await waiting).assignment.toString(), follower.memberId);
  assert.equal(made.group.state(), 'Stable');
  return { ...made, leader, follower };
}

const beat = (group: Group, answer: JoinAnswer) => group.heartbeat(answer.memberId, undefined, answer.generation);

test('those who come together share one rebalance, and the group is written down first', async () => {
  const { saved, group, leader } = await stable();
  await settle();
  assert.equal(saved[0], 'PreparingRebalance 1');
  assert.equal(saved.at(-1), 'Stable 2');
  assert.equal(beat(group, leader), code.none);
  assert.equal(group.checkCommit(leader.memberId, undefined, 1), code.none);
  assert.equal(group.checkCommit(leader.memberId, undefined, 2), code.illegalGeneration);
  assert.equal(group.checkCommit('nobody', undefined, 1), code.unknownMemberId);
  assert.equal(group.checkCommit('', undefined, -1), code.unknownMemberId);
});

test('what is written down of a group is settled when its last member has left', async () => {
  const { saved, group, leader, follower } = await stable();
  group.leave([{ memberId: leader.memberId, instanceId: undefined }, { memberId: follower.memberId, instanceId: undefined }]);
  assert.equal(group.idle(), true);
  await group.settled();
  assert.equal(saved.at(-1), 'Empty 0');
});

test('a third member calls the others; one that does not come is left out at the end of the rebalance timeout', async () => {
  const { clock, group, leader, follower } = await stable();
  const third = group.join(request('c'));
  await settle();
  assert.equal(group.state(), 'PreparingRebalance');
  assert.equal(beat(group, leader), code.rebalanceInProgress);
  const again = group.join(request('a', { memberId: leader.memberId }));
  clock.advance(9_000);
  assert.equal(beat(group, follower), code.rebalanceInProgress);
  clock.advance(9_000);
  assert.equal(beat(group, follower), code.rebalanceInProgress);
  clock.advance(2_000);
  assert.equal((await third).generation, 2);
  assert.equal((await again).members.length + (await third).members.length, 2);
  assert.equal(beat(group, follower), code.unknownMemberId);
});

test('a silent member is lost after its session, one that leaves at once', async () => {
  const { clock, group, leader, follower } = await stable();
  clock.advance(6_000);
  assert.equal(beat(group, leader), code.none);
  clock.advance(5_000);
  assert.equal(group.state(), 'PreparingRebalance');
  assert.equal(beat(group, follower), code.unknownMemberId);
  assert.deepEqual(group.leave([{ memberId: leader.memberId, instanceId: undefined }]), [code.none]);
  assert.equal(group.state(), 'Empty');
  assert.equal(group.checkCommit('', undefined, -1), code.none);
});

test('a leader that never assigns does not hold the others for ever', async () => {
  const { clock, group } = place();
  const [one, two] = [group.join(request('a', { sessionTimeoutMs: 60_000 })), group.join(request('b', { sessionTimeoutMs: 60_000 }))];
  await settle();
  clock.advance(100);
  const answers = [await one, await two];
  const follower = answers.find((answer) => answer.memberId !== answer.leader);
  const waiting = group.sync(follower?.memberId ?? '', undefined, 1, null, null, []);
  clock.advance(20_000);
  assert.equal((await waiting).error, code.rebalanceInProgress);
  assert.equal(group.state(), 'PreparingRebalance');
});

test('newer clients get their id first, and a static member its place back', async () => {
  const { clock, group } = place();
  const first = await group.join(request('a', { idFirst: true }));
  assert.equal(first.error, code.memberIdRequired);
  assert.equal((await group.join(request('a', { memberId: 'made up', idFirst: true }))).error, code.unknownMemberId);
  const joined = group.join(request('a', { memberId: first.memberId, idFirst: true }));
  const fixed = group.join(request('s', { instanceId: 's', idFirst: true }));
  await settle();
  clock.advance(100);
  const [one, two] = [await joined, await fixed];
  const leader = one.leader === one.memberId ? one : two;
  await group.sync(leader.memberId, leader === two ? 's' : undefined, 1, null, null, [{ memberId: two.memberId, assignment: Buffer.from('kept') }]);
  const back = await group.join(request('s', { instanceId: 's', idFirst: true }));
  assert.equal(back.generation, 1, 'no rebalance');
  assert.notEqual(back.memberId, two.memberId);
  assert.equal(group.heartbeat(two.memberId, 's', 1), code.fencedInstanceId);
  assert.equal((await group.sync(back.memberId, 's', 1, null, null, [])).assignment.toString(), 'kept');
});

test('refused: another protocol, a tenant without room, a coordinator that is none any more', async () => {
  const { group } = await stable();
  assert.equal((await group.join(request('x', { protocols: [{ name: 'other', metadata: Buffer.alloc(0) }] }))).error, code.inconsistentGroupProtocol);
  assert.equal((await group.join(request('x', { protocolType: 'connect' }))).error, code.inconsistentGroupProtocol);
  assert.equal((await place('full').group.join(request('x'))).error, code.policyViolation);
  assert.equal((await place('fenced').group.join(request('x'))).error, code.notCoordinator);
  const waiting = group.join(request('c'));
  await settle();
  group.end();
  assert.equal((await waiting).error, code.notCoordinator);
});
