import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { addDays, startOfDay, wallTimeOf } from '../scheduling/calendar.ts';
import { SHELL, TENANT, USER } from '../scheduling/scheduling.fixture.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { monitoringPlace, spec } from './monitoring.fixture.ts';

test('really run: each failed attempt of a task that is run again is told, and a word of trouble in a log', async (t) => {
  const place = await monitoringPlace({ clock: systemClock });
  t.after(place.close);
  await place.start();
  const hook = await place.receiver();
  const services = place.monitoring.module.services ?? [];
  t.after(() => Promise.all(services.map((service) => service.stop())));
  for (const service of services) await service.start();
  const rule = (Name: string, Type: string, Ids: number[], Extension: object = {}) =>
    place.ask('2024-05-18', 'CreateAlertRule', { Name, Enabled: true, Owner: String(USER), TriggerCondition: { Type, Extension, Target: { Type: 'Task', Ids } }, Notification: { Channels: ['Mail'], Receivers: [{ ReceiverType: 'WebhookUrl', ReceiverValues: [hook.url] }] } });
  const midnight = spec('00 00 00 * * ?');
  const flaky = await place.publish(SHELL, 'exit 3', { name: 'flaky', spec: { ...midnight, rerunMode: 'Allowed', rerunTimes: 1, rerunInterval: 0 } });
  const loud = await place.publish(SHELL, 'echo all is well; echo "FATAL: disk is full"', { name: 'loud', spec: midnight });
  const quiet = await place.publish(SHELL, 'echo no errors here', { name: 'quiet', spec: midnight });
  await rule('each attempt', 'Error', [flaky], { Error: { AutoRerunAlertEnabled: true } });
  await rule('at the end', 'ExhaustedError', [flaky]);
  await rule('words', 'InstanceKeyword', [loud, quiet, flaky]);
  await place.generation.makeDay(TENANT, addDays(startOfDay(wallTimeOf(new Date(), 'Asia/Shanghai')), 0));
  for (const task of [flaky, loud, quiet]) await place.ends((await place.instancesOf(task))[0]?.id ?? 0, 30_000);
  await eventually('all alerts are sent', () => hook.taken.length >= 4, 30_000);
  const contents = hook.taken.map(({ body }) => String(body['content']).replaceAll(/\d{6,}/g, 'N'));
  assert.deepEqual(contents.toSorted(), [
    'Alert rule at the end: the instance N of the node flaky (N) has failed.',
    'Alert rule each attempt: the instance N of the node flaky (N) has failed in its attempt 1 and is run again.',
    'Alert rule each attempt: the instance N of the node flaky (N) has failed.',
    'Alert rule words: the instance N of the node loud (N) has FATAL in its log.',
  ]);
});
