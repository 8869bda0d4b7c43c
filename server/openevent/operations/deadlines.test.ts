import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { platformActor } from '../../kernel/change.ts';
import { limits } from '../../kernel/limits.ts';
import { silentLog } from '../../kernel/log.ts';
import { maintainPartitions } from '../../kernel/partitions.ts';
import { logIsReadable } from '../../../test/support/log.ts';
import { createDeadlines } from '../deadlines/decide.ts';
import { findReader, insertDeadline, readFrom } from '../deadlines/store.ts';
import { compareCursors } from '../log.ts';
import { member, openEventPlace, owner, refused, stranger } from './callers.fixture.ts';

let place: Awaited<ReturnType<typeof openEventPlace>>;
let call: typeof place.call;
before(async () => {
  place = await openEventPlace();
  call = place.call;
  // The clock goes days ahead of what there are partitions for.
  for (let ahead = 0; ahead < 30; ahead += 3) for (const table of ['event', 'delivery_attempt']) await maintainPartitions(place.database, { table, every: 'day', keep: undefined }, new Date(Date.now() + ahead * day));
  await place.delivery.start();
});
after(async () => {
  await place.delivery.stop();
  await place.close();
});

const MINUTE = 60_000;
const day = 86_400_000;
let count = 0;
const expected = (object: string) => `{"type": ["dataworks:FileChange:CommitFile"], "data": {"operator": [{"prefix": "${object}#"}]}}`;

/** The deadlines missed so far, as they stand in the log. */
const missed = (DeadlineId: number) =>
  place.database.rows<{ data: { dueTime: number; businessDate?: string; correlation?: string; triggerEventId?: string } }>(
    `select data from event where code = 'deadline-missed' and object_key = $1 order by position, id`,
    [`deadline:${DeadlineId}`],
  );
/** Moves the clock to a time of the present day (or a later one) in UTC. */
function goTo(hours: number, minutes: number, days = 0) {
  const now = place.clock.now();
  place.clock.set(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + days, hours, minutes)));
}

test('a daily deadline is missed once a day, and not on a day on which it was met', async () => {
  goTo(1, 0, 1);
  const { DeadlineId = 0 } = await call(owner, 'CreateEventDeadline', { Name: `d${(count += 1)}`, Kind: 'Daily', EventPattern: expected('daily'), DueTime: '06:00', TimeZone: 'UTC', ProjectId: 11 });
  const due = new Date(place.clock.now().getTime() + 5 * 60 * MINUTE);
  assert.equal((await call(member, 'GetEventDeadline', { DeadlineId })).Deadline?.NextDueTime, due.getTime());
  await place.raise(1, 'daily', 1, { workspaceId: 12 });
  await place.raise(1, 'other', 1, { workspaceId: 11 });
  goTo(6, 0);
  await place.deadlines.round();
  assert.equal((await missed(DeadlineId)).length, 0, 'what happened in time may still commit');
  place.clock.advance(limits.deadlineGraceMs.value);
  await Promise.all([place.deadlines.round(), createDeadlines({ ...place, log: silentLog }).round()]);
  const [first, ...more] = await missed(DeadlineId);
  assert.deepEqual(more, []);
  assert.deepEqual([first?.data.dueTime, first?.data.businessDate], [due.getTime(), new Date(due.getTime() - day).toISOString().slice(0, 10)]);
  assert.equal((await call(owner, 'GetEventDeadline', { DeadlineId })).Deadline?.LastMissedTime, due.getTime());

  goTo(5, 59, 1);
  await place.raise(1, 'daily', 2, { workspaceId: 11 });
  goTo(7, 0);
  await place.deadlines.round();
  assert.equal((await missed(DeadlineId)).length, 1, 'met in time');
  await place.raise(1, 'daily', 3, { workspaceId: 11 });
  goTo(7, 0, 3);
  await place.deadlines.round();
  assert.deepEqual((await missed(DeadlineId)).map(({ data }) => (data.dueTime - due.getTime()) / day), [0, 2, 3, 4], 'each day on which nobody looked counts, what came too late does not');
});

test('a daily deadline knows what happened before it was made, and may be made anew', async () => {
  goTo(2, 0, 1);
  await place.raise(1, 'known', 1, { workspaceId: 11 });
  goTo(3, 0);
  const make = (more: object = {}) => call(owner, 'CreateEventDeadline', { Name: `d${(count += 1)}`, Kind: 'Daily', EventPattern: expected('known'), DueTime: '04:00', TimeZone: 'UTC', ...more });
  const { DeadlineId: met = 0 } = await make();
  const { DeadlineId: narrow = 0 } = await make({ WindowStartTime: '02:30' });
  const { DeadlineId: off = 0 } = await make({ WindowStartTime: '02:30', Enabled: false });
  goTo(4, 1);
  await place.deadlines.round();
  assert.deepEqual([(await missed(met)).length, (await missed(narrow)).length, (await missed(off)).length], [0, 1, 0]);
  await call(owner, 'EnableEventDeadline', { DeadlineId: off });
  await call(owner, 'DisableEventDeadline', { DeadlineId: narrow });
  await call(owner, 'UpdateEventDeadline', { DeadlineId: met, DueTime: '05:00', WindowStartTime: '04:30' });
  goTo(5, 1);
  await place.deadlines.round();
  goTo(4, 1, 1);
  await place.deadlines.round();
  assert.deepEqual([(await missed(met)).length, (await missed(narrow)).length, (await missed(off)).length], [1, 1, 1]);
  await call(owner, 'DeleteEventDeadline', { DeadlineId: off });
  await assert.rejects(call(owner, 'GetEventDeadline', { DeadlineId: off }), refused('NotFound'));
  await call(owner, 'DeleteEventDeadline', { DeadlineId: met });
});

test('something is expected within minutes after something else, of the same object where a path says so', async () => {
  const trigger = '{"type": ["dataworks:FileChange:CommitFile"], "data": {"projectId": [11, 12]}}';
  const deployed = '{"type": ["dataworks:FileChange:DeployFile"]}';
  const { DeadlineId = 0 } = await call(owner, 'CreateEventDeadline', { Name: `d${(count += 1)}`, Kind: 'After', EventPattern: deployed, TriggerPattern: trigger, WithinMinutes: 10, CorrelationPath: 'data.projectId' });
  const start = place.clock.now().getTime();
  await place.raise(1, 'x', 1, { workspaceId: 11 });
  const late = await place.raise(1, 'x', 1, { workspaceId: 12 });
  place.clock.advance(5 * MINUTE);
  await place.deadlines.round();
  await place.raise(1, 'x', 2, { workspaceId: 11, code: 'deploy-file' });
  place.clock.advance(6 * MINUTE);
  await place.deadlines.round();
  await place.deadlines.round();
  const [only, ...more] = await missed(DeadlineId);
  assert.deepEqual(more, []);
  assert.deepEqual([only?.data.correlation, only?.data.triggerEventId, only?.data.dueTime], ['12', late, start + 10 * MINUTE]);

  // A long time in which nobody looked: what was met in time was met, what came too late was missed.
  const second = place.clock.now().getTime();
  await place.raise(1, 'x', 3, { workspaceId: 11 });
  place.clock.advance(9 * MINUTE);
  await place.raise(1, 'x', 3, { workspaceId: 11, code: 'deploy-file' });
  await place.raise(1, 'x', 4, { workspaceId: 11 });
  place.clock.advance(11 * MINUTE);
  await place.raise(1, 'x', 4, { workspaceId: 11, code: 'deploy-file' });
  place.clock.advance(60 * MINUTE);
  await place.deadlines.round();
  assert.deepEqual((await missed(DeadlineId)).slice(1).map(({ data }) => data.dueTime), [second + 19 * MINUTE]);
  await call(owner, 'DeleteEventDeadline', { DeadlineId });
});

test('a missed deadline reaches the target of a rule like any other event', async () => {
  const receiver = await place.receiver();
  const { RuleId = 0 } = await call(owner, 'CreateEventRule', { EventBusName: 'default', RuleName: 'missed', EventPattern: '{"type": ["millrace:Deadline:Missed"]}' });
  await call(owner, 'CreateRuleTarget', { RuleId, TargetName: 't', Url: receiver.url });
  const { DeadlineId = 0 } = await call(owner, 'CreateEventDeadline', { Name: 'routed', Kind: 'After', EventPattern: expected('never'), TriggerPattern: expected('began'), WithinMinutes: 1 });
  await place.raise(1, 'began', 1, { workspaceId: 11 });
  place.clock.advance(2 * MINUTE);
  await place.deadlines.round();
  await place.until('the event', () => {
    return receiver.received.length === 1;
  });
  assert.deepEqual([receiver.received[0]?.envelope.type, receiver.received[0]?.envelope.data['deadlineName']], ['millrace:Deadline:Missed', 'routed']);
  await call(owner, 'DeleteEventDeadline', { DeadlineId });
  const types = (await call(member, 'ListEventTypes', { Keyword: 'Deadline' })).EventTypes;
  assert.deepEqual(types?.map((type) => type.EventCode), ['deadline-missed']);
});

test('what does not fit is refused', async () => {
  const daily = { Name: 'refused', Kind: 'Daily', EventPattern: '{}', DueTime: '06:00' } as const;
  const after = { Name: 'refused', Kind: 'After', EventPattern: '{}', TriggerPattern: '{}', WithinMinutes: 1 } as const;
  const make = (request: Parameters<typeof call<'CreateEventDeadline'>>[2]) => call(owner, 'CreateEventDeadline', request);
  await assert.rejects(make({ ...daily, DueTime: '6 am' }), refused('InvalidParameter', /DueTime/));
  await assert.rejects(make({ ...daily, WindowStartTime: '07:00' }), refused('InvalidParameter', /WindowStartTime/));
  await assert.rejects(make({ ...daily, TimeZone: 'Mars' }), refused('InvalidParameter', /TimeZone/));
  await assert.rejects(make({ ...daily, EventPattern: '{"data": {"a": [{"prefix": 1}]}}' }), refused('InvalidParameter', /EventPattern.*\$\.data\.a\[0\]\.prefix/));
  await assert.rejects(make({ ...daily, ProjectId: 99 }), refused('WorkspaceNotFound'));
  await assert.rejects(make({ Name: 'x', Kind: 'Daily', EventPattern: '{}' }), refused('MissingParameter'));
  await assert.rejects(make({ Name: 'x', Kind: 'After', EventPattern: '{}', WithinMinutes: 1 }), refused('MissingParameter'));
  await assert.rejects(make({ ...after, TriggerPattern: '{"a": 1}' }), refused('InvalidParameter', /TriggerPattern/));
  await assert.rejects(make({ ...after, CorrelationPath: 'data..x' }), refused('InvalidParameter', /CorrelationPath/));
  await assert.rejects(call(member, 'CreateEventDeadline', daily), refused('Forbidden'));
  const { DeadlineId = 0 } = await make({ ...daily, ProjectId: 12 });
  await assert.rejects(make(daily), refused('AlreadyExists'));
  await assert.rejects(call(member, 'GetEventDeadline', { DeadlineId }), refused('NotFound'));
  await assert.rejects(call(stranger, 'DeleteEventDeadline', { DeadlineId }), refused('NotFound'));
  assert.ok((await call(owner, 'ListEventDeadlines', { ProjectId: 12 })).PagingInfo?.Deadlines?.some((row) => row.DeadlineId === DeadlineId));
  assert.equal((await call(member, 'ListEventDeadlines', { ProjectId: 12 })).PagingInfo?.TotalCount, 0);
});

test('a deadline that comes while a page is being looked through counts from its own beginning', async () => {
  goTo(1, 0, 1);
  await call(owner, 'CreateEventDeadline', { Name: `d${(count += 1)}`, Kind: 'After', EventPattern: expected('elsewhere'), TriggerPattern: expected('elsewhere'), WithinMinutes: 10 });
  await place.deadlines.round();
  const since = await place.events.end();
  await place.raise(1, 'begun', 1, { workspaceId: 11 });
  let id = 0;
  /** Another call's change that commits just after the deadlines were read. */
  async function comeBetween(): Promise<void> {
    id = await place.changes.change(platformActor('test', 1), async (change) => {
      await readFrom(change, 1, since);
      const row = { workspace_id: null, name: `d${(count += 1)}`, kind: 'after', pattern: expected('ended'), trigger_pattern: expected('begun'), due_time: null, window_start: null, time_zone: 'UTC', within_minutes: 10, correlation: null, enabled: true } as const;
      return insertDeadline(change, { ...row, since_position: since.position, since_row_id: since.id, window_from: null, due_at: null, satisfied: false, tenant_id: 1, created_by: 1 }, change.now);
    });
  }
  const database = {
    ...place.database,
    async rows<Row extends object>(text: string, values?: readonly unknown[]) {
      const rows = await place.database.rows<Row>(text, values);
      if (id === 0 && text.includes('from event_deadline where tenant_id = $1 and enabled')) await comeBetween();
      return rows;
    },
  };
  const reader = createDeadlines({ ...place, database, log: silentLog });
  await logIsReadable(place.events);
  await reader.round();
  assert.ok(id > 0);
  await logIsReadable(place.events);
  await reader.round();
  place.clock.advance(11 * MINUTE);
  await logIsReadable(place.events);
  await reader.round();
  assert.equal((await missed(id)).length, 1);
});

test('the reader of a tenant in which nothing happens does not look through the same events of others for ever', async () => {
  await call(stranger, 'CreateEventDeadline', { Name: `d${(count += 1)}`, Kind: 'After', EventPattern: expected('quiet'), TriggerPattern: expected('quiet'), WithinMinutes: 10 });
  const before = await findReader(place.database, 2);
  for (let others = 0; others < 3; others += 1) await place.raise(1, 'noise', others, { workspaceId: 11 });
  await place.deadlines.round();
  place.clock.advance(MINUTE);
  await place.deadlines.round();
  const after = await findReader(place.database, 2);
  assert.ok(before !== undefined && after !== undefined && compareCursors(after, before) > 0);
});
