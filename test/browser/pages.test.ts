import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { dayText } from '../../console/src/pages/platform/dates.ts';
import { contracts } from '../../contract/index.ts';
import { makeSample } from '../../server/sample.ts';
import { seriousFaults } from './acts.fixture.ts';
import { screen, settled, soon, startConsole, until, type ConsolePage, type ConsoleTest } from './browser.fixture.ts';

/** Every view, in both languages: it shows what it has, breaks nothing, calls nobody else, and axe finds nothing serious. */

let backend: ConsoleTest;
let opened: ConsolePage;
/** Ids that stand in addresses of views. */
const ids = { workspace: 0, file: 0, instance: 0, date: '', call: '', event: '', subscription: 0, rule: 0, extension: '', hold: 0, alert: 0 };

before(async () => {
  backend = await startConsole();
  const { house } = backend;
  await makeSample(house.house.gateway, house.url, house.first);
  const { call } = house;
  const projects = (await call('2024-05-18', 'ListProjects', {}))['PagingInfo'] as { Projects: { Id: number }[] };
  ids.workspace = projects.Projects[0]?.Id ?? 0;
  const ProjectId = ids.workspace;
  const files = (await call('2020-05-18', 'ListFiles', { ProjectId }))['Data'] as { Files: { FileId: number }[] };
  ids.file = files.Files[0]?.FileId ?? 0;
  const instances = (await call('2020-05-18', 'ListInstances', { ProjectId, ProjectEnv: 'PROD' }))['Data'] as { Instances: { InstanceId: number; Bizdate: number }[] };
  ids.instance = instances.Instances[0]?.InstanceId ?? 0;
  // Named in the addresses: the day may end between the sample and a view.
  ids.date = dayText(instances.Instances[0]?.Bizdate ?? 0, 'Asia/Shanghai');
  // Transactions of other tests in the same PostgreSQL hold the log back for a moment.
  ids.event = await soon('an event can be read', async () => ((await call('2026-12-01', 'ListEvents', {}))['PagingInfo'] as { Events: { EventId: string }[] }).Events[0]?.EventId);
  // Nobody listens at this address: the subscription has failed deliveries and a blocked object to show.
  ids.subscription = Number((await call('2026-12-01', 'CreateSubscription', { Name: 'status board', Url: 'http://127.0.0.1:9/', Types: '[]' }))['SubscriptionId']);
  await call('2026-12-01', 'CreateEventBus', { EventBusName: 'orders', Description: 'What happens to orders.' });
  await call('2026-12-01', 'CreateDistributionChannel', { ProjectId, EventBusName: 'orders' });
  ids.rule = Number((await call('2026-12-01', 'CreateEventRule', { EventBusName: 'orders', RuleName: 'commits', EventPattern: '{"data":{"eventCode":["commit-file"]}}' }))['RuleId']);
  await call('2026-12-01', 'CreateRuleTarget', { RuleId: ids.rule, TargetName: 'board', Url: 'http://127.0.0.1:9/rule' });
  const extension = await call('2026-12-01', 'CreateExtension', { ExtensionName: 'Lockdown days', ExtensionDesc: 'No deployment on chosen days.', BindEventList: '["deploy-file"]', ProjectTesting: ProjectId, ParameterSetting: 'extension.manualPass.enabled=true' });
  ids.extension = String(extension['ExtensionCode']);
  await call('2026-12-01', 'EnableExtension', { ExtensionCode: ids.extension, ProjectId });
  await call('2020-05-18', 'UpdateFile', { ProjectId, FileId: ids.file, Content: 'select 2;' });
  const DeploymentId = Number((await call('2020-05-18', 'SubmitFile', { ProjectId, FileId: ids.file }))['Data']);
  await soon('the file is committed', async () => ((await call('2020-05-18', 'GetDeployment', { ProjectId, DeploymentId }))['Data'] as { Deployment: { Status: number } }).Deployment.Status === 1);
  await call('2020-05-18', 'DeployFile', { ProjectId, FileId: ids.file });
  const holds = (await call('2026-12-01', 'ListHolds', {}))['PagingInfo'] as { Holds: { HoldId: number }[] };
  ids.hold = holds.Holds[0]?.HoldId ?? 0;
  await call('2026-12-01', 'CreateEventDeadline', { Name: 'daily totals', Kind: 'Daily', DueTime: '06:00', EventPattern: '{"data":{"eventCode":["instance-status-changes"]}}' });
  ids.alert = Number((await call('2024-05-18', 'CreateAlertRule', { Name: 'a run fails', Enabled: true, Owner: String(house.first.userId), TriggerCondition: JSON.stringify({ Type: 'Error', Target: { Type: 'Project', Ids: [ProjectId] } }) }))['Id']);
  await makeBaseline(ProjectId);
  const { KafkaUserId } = await call('2026-12-01', 'CreateKafkaUser', { Name: 'reports' });
  await makeGroup(Number(KafkaUserId), ProjectId);
  // Calls are written in batches.
  ids.call = await soon('a call is in the log', async () => ((await call('2026-12-01', 'ListCalls', { Operation: 'SubmitFile' }))['PagingInfo'] as { Calls: { RequestId: string }[] }).Calls[0]?.RequestId);
  await soon('a delivery has failed', async () => ((await call('2026-12-01', 'ListDeliveryAttempts', { SubscriptionId: ids.subscription }))['PagingInfo'] as { TotalCount: number }).TotalCount > 0);
  for (const [name, id] of Object.entries(ids)) assert.ok(id !== 0 && id !== '' && !Number.isNaN(id), `no ${name} to show`);
  opened = await backend.open('/', house.first.userName);
});
after(() => backend.stop());

/** A baseline with a status for a day that no round looks at any more. */
async function makeBaseline(ProjectId: number): Promise<void> {
  const { house } = backend;
  const id = Number(
    (await house.call('2020-05-18', 'CreateBaseline', { ProjectId, BaselineName: 'morning', BaselineType: 'DAILY', Owner: String(house.first.userId), Priority: 7, OvertimeSettings: JSON.stringify([{ Cycle: 1, Time: '06:00' }]), AlertMarginThreshold: 30 }))['Data'],
  );
  await house.database.run(
    `insert into baseline_status (baseline_id, bizdate, cycle, tenant_id, workspace_id, status, finish_status, end_cast, exp_time, sla_time, buffer_seconds, path, computed_at)
     select id, '2026-03-01T00:00:00+08', 1, tenant_id, workspace_id, 'DANGEROUS', 'UNFINISH', '2026-03-02T05:48:00+08', '2026-03-02T05:30:00+08', '2026-03-02T06:00:00+08', 720, '[]', now() from baseline where id = $1`,
    [id],
  );
}

/** A consumer group that has read a part of the workspace's topic. */
async function makeGroup(userId: number, ProjectId: number): Promise<void> {
  const { database } = backend.house;
  await database.run(`insert into kafka_group (user_id, group_id, protocol_type, state, members, epoch, created_at, modified_at) values ($1, 'reports', 'consumer', 'Empty', 0, 0, now(), now())`, [userId]);
  await database.run(`insert into kafka_group_offset (user_id, group_id, workspace_id, partition, committed_offset, metadata, committed_at) values ($1, 'reports', $2, 0, 0, '', now())`, [userId, ProjectId]);
}

/** Goes to a view without loading the page anew, as a click does. */
async function goTo(page: Page, path: string): Promise<void> {
  await page.evaluate(`history.pushState(null, '', ${JSON.stringify(`/console${path}`)}); dispatchEvent(new PopStateEvent('popstate'));`);
  await settled(page);
}

interface View {
  readonly name: string;
  readonly path: () => string;
  /** Kept as a picture in both languages. */
  readonly kept?: boolean;
  /** Shown when the view is as it should be. */
  readonly awaits: string;
}

const views: readonly View[] = [
  { name: 'overview', path: () => '/', awaits: '.tour-list', kept: true },
  { name: 'tour', path: () => '/tours/lockdown', awaits: '.tour-steps' },
  { name: 'keys', path: () => '/account/keys', awaits: '.ant-table-row' },
  { name: 'usage', path: () => '/openapi/usage', awaits: '[role=img] svg', kept: true },
  { name: 'calls', path: () => '/openapi/calls', awaits: '.virtual-row', kept: true },
  { name: 'call', path: () => `/openapi/calls/${ids.call}`, awaits: '.panel a[href*="/openevent/events/"]' },
  { name: 'explorer', path: () => '/openapi/explorer/dataworks-public/2024-05-18/CreateProjectMember', awaits: '.operation-form', kept: true },
  { name: 'buses', path: () => '/openevent/buses', awaits: '.ant-table-row' },
  { name: 'bus', path: () => '/openevent/buses/orders', awaits: '.ant-table-row', kept: true },
  { name: 'rule', path: () => `/openevent/rules/${ids.rule}`, awaits: '.ant-table-row' },
  { name: 'kafka', path: () => '/openevent/kafka', awaits: '.ant-table-row summary', kept: true },
  { name: 'deadlines', path: () => '/openevent/deadlines', awaits: '.ant-table-row' },
  { name: 'subscriptions', path: () => '/openevent/subscriptions', awaits: '.ant-table-row' },
  { name: 'subscription', path: () => `/openevent/subscriptions/${ids.subscription}`, awaits: '.facts' },
  { name: 'events', path: () => '/openevent/events', awaits: '.virtual-row', kept: true },
  { name: 'event', path: () => `/openevent/events/${ids.event}`, awaits: '.code-block' },
  { name: 'catalogue', path: () => '/openevent/catalogue?event=commit-file', awaits: '.code-block', kept: true },
  { name: 'deliveries', path: () => '/openevent/deliveries', awaits: '.ant-table-row' },
  { name: 'extensions', path: () => '/extensions/list', awaits: '.ant-table-row', kept: true },
  { name: 'register', path: () => '/extensions/register', awaits: 'form' },
  { name: 'extension', path: () => `/extensions/list/${ids.extension}`, awaits: '.facts' },
  { name: 'manage', path: () => `/extensions/manage?workspace=${ids.workspace}`, awaits: '.ant-table-row' },
  { name: 'checks', path: () => '/extensions/checks', awaits: '.ant-table-row' },
  { name: 'check', path: () => `/extensions/checks/${ids.hold}`, awaits: '.timeline', kept: true },
  { name: 'approvals', path: () => '/extensions/approvals', awaits: '.ant-table-row, .empty-state' },
  { name: 'workspaces', path: () => '/platform/workspaces', awaits: '.ant-table-row' },
  { name: 'workspace', path: () => `/platform/workspaces/${ids.workspace}`, awaits: '.ant-table-row' },
  { name: 'studio', path: () => `/platform/studio/${ids.workspace}/${ids.file}`, awaits: '.cm-content', kept: true },
  { name: 'versions', path: () => `/platform/studio/${ids.workspace}/${ids.file}?tab=versions`, awaits: '.ant-table-row' },
  { name: 'schedule', path: () => `/platform/studio/${ids.workspace}/${ids.file}?tab=schedule`, awaits: '.wide-form' },
  { name: 'instances', path: () => `/platform/operations/${ids.workspace}?date=${ids.date}`, awaits: '.virtual-row', kept: true },
  { name: 'instance', path: () => `/platform/operations/${ids.workspace}/instances/${ids.instance}`, awaits: '.graph-box', kept: true },
  { name: 'tasks', path: () => `/platform/operations/${ids.workspace}/tasks`, awaits: '.filters' },
  { name: 'backfill', path: () => `/platform/operations/${ids.workspace}/backfill`, awaits: '.panel' },
  { name: 'alerts', path: () => '/platform/alerts', awaits: '.ant-table-row', kept: true },
  { name: 'alert', path: () => `/platform/alerts/rules/${ids.alert}`, awaits: '.facts' },
  { name: 'messages', path: () => '/platform/alerts/messages', awaits: '.empty-state, .ant-table-row' },
  { name: 'baselines', path: () => `/platform/alerts/baselines?workspace=${ids.workspace}&date=2026-03-01`, awaits: '.ruler', kept: true },
  { name: 'users', path: () => '/administration/users', awaits: '.ant-table-row' },
  { name: 'plans', path: () => '/administration/plans', awaits: '.ant-table-row' },
  { name: 'health', path: () => '/administration/health', awaits: '.figures', kept: true },
  { name: 'nothing', path: () => '/no/such/view', awaits: 'p > a[href="/console/"]' },
];

test('every view shows itself in English and Chinese without a fault, and axe finds nothing serious', async () => {
  const { page } = opened;
  for (const { name, path, awaits, kept } of views) {
    await goTo(page, path());
    await page.waitForSelector(awaits).catch(async () => assert.fail(`${name}: ${awaits} did not come; the page says ${(await page.textContent('#content'))?.slice(0, 400)}`));
    const refused = page.locator('#content [role=alert]');
    assert.equal(await refused.count(), 0, `${name} says ${(await refused.allTextContents()).join(' ')}`);
    assert.deepEqual(await seriousFaults(page), [], name);
    if (kept === true) await screen(page, `${name}.en`);
    const english = await page.textContent('#content');
    await page.click('.bar-button[lang="zh-CN"]');
    await until(page, "document.documentElement.lang === 'zh-CN'");
    assert.notEqual(await page.textContent('#content'), english, `${name} is the same in Chinese`);
    if (kept === true) await screen(page, `${name}.zh`);
    await page.click('.bar-button[lang="en"]');
    await until(page, "document.documentElement.lang === 'en'");
  }
  assert.deepEqual(opened.faults, []);
});

test('every request of the pages is an operation of a contract or a file of the console', () => {
  const operations = new Set([...contracts.values()].flatMap((contract) => [...contract.operations.keys()].map((action) => `/api/${contract.product}/${contract.version}/${action}`)));
  const others = [...opened.requests].filter((path) => !operations.has(path) && !path.startsWith('/console/') && path !== '/openapi.json' && path !== '/readyz' && path !== '/metrics');
  assert.deepEqual(others, []);
  assert.ok([...opened.requests].filter((path) => operations.has(path)).length > 35);
});

test('the sign-in page and the dialogs are clean as well', async () => {
  const outside = await backend.open('/', undefined);
  assert.deepEqual(await seriousFaults(outside.page), []);
  await screen(outside.page, 'sign-in.en');
  await outside.close();
  const { page } = opened;
  for (const [path, name] of [
    ['/administration/users', 'Create a user'],
    ['/openevent/subscriptions', 'Subscribe'],
    ['/platform/workspaces', 'Create a workspace'],
    [`/extensions/manage?workspace=${ids.workspace}`, 'Options'],
    ['/extensions/approvals', 'New approval policy'],
    ['/openevent/deadlines', 'New deadline'],
    ['/openevent/kafka', 'Create a Kafka user'],
    ['/platform/alerts', 'New rule'],
    [`/platform/alerts/baselines?workspace=${ids.workspace}`, 'New baseline'],
  ] as const) {
    await goTo(page, path);
    await page.getByRole('button', { name, exact: true }).first().click();
    await page.locator('.ant-modal form').waitFor();
    assert.deepEqual(await seriousFaults(page), [], name);
    await page.keyboard.press('Escape');
    await page.locator('.ant-modal form').waitFor({ state: 'hidden' });
  }
  assert.deepEqual(opened.faults, []);
});

test('the Kafka page tells of the servers of the listener and of a cluster that events are written to', async () => {
  const { page } = opened;
  // No cluster stands beside the tests: the answer is given what it would tell.
  await page.route('**/GetKafkaAccess', async (route) => {
    const response = await route.fetch();
    const body = (await response.json()) as { PagingInfo: Record<string, unknown> };
    body.PagingInfo['Brokers'] = [
      { NodeId: 1, Host: 'a.test', Port: 9092, Coordinator: true },
      { NodeId: 2, Host: 'b.test', Port: 9092, Coordinator: false },
    ];
    body.PagingInfo['Cluster'] = { BootstrapServers: 'kafka.test:9092', Connected: true, LagCount: 12, LagSeconds: 90, RelayTime: Date.now(), UsersMirrored: true, TopicNames: ['dataworks.workspace.1'] };
    await route.fulfill({ response, json: body });
  });
  await goTo(page, '/');
  await goTo(page, '/openevent/kafka?page=1');
  const cluster = page.getByRole('region', { name: 'Apache Kafka cluster' });
  await cluster.getByText('12 events, the oldest 1 min 30 s old').waitFor();
  await cluster.getByText('Connected', { exact: true }).waitFor();
  await page.getByText('Server 2: b.test:9092').waitFor();
  await page.getByText('coordinates groups').waitFor();
  assert.deepEqual(await seriousFaults(page), []);
  await page.unroute('**/GetKafkaAccess');
});

test('dark views are readable', async () => {
  const dark = await backend.open('/', backend.house.first.userName, { appearance: 'dark' });
  for (const name of ['overview', 'calls', 'explorer', 'check', 'studio', 'users']) {
    const view = views.find((one) => one.name === name);
    await goTo(dark.page, view?.path() ?? '');
    await dark.page.waitForSelector(view?.awaits ?? 'h1');
    assert.deepEqual(await seriousFaults(dark.page), [], name);
    if (name === 'check') await screen(dark.page, 'check.dark');
  }
  assert.deepEqual(dark.faults, []);
  await dark.close();
});

test('the pages to look things up fit a phone', async () => {
  const phone = await backend.open('/', backend.house.first.userName, { phone: true, language: 'zh' });
  for (const name of ['overview', 'usage', 'calls', 'call', 'events', 'event', 'checks', 'check', 'instances', 'instance']) {
    const view = views.find((one) => one.name === name);
    await goTo(phone.page, view?.path() ?? '');
    await phone.page.waitForSelector(view?.awaits ?? 'h1');
    const width = (await phone.page.evaluate('document.documentElement.scrollWidth')) as number;
    assert.ok(width <= 390, `${name} is ${width} wide`);
  }
  await phone.page.click('.menu-button');
  await phone.page.click('.navigation a[href$="/openevent/catalogue"]');
  await phone.page.waitForSelector('.catalogue-list');
  await phone.close();
});

test('a list of 100,000 calls draws only the rows in view, and any place can be scrolled to', async () => {
  await backend.house.database.run(
    `insert into call_log (at, tenant_id, region, user_id, user_name, access_key_id, product, version, action, access, status, code, message, duration_us, request_id, source_address, parameters, counted)
     select now() - n * interval '0.5 seconds', tenant_id, region, user_id, 'load', access_key_id, product, version, 'ListNodes', 'read', 200, '', '', 1000, 'LOAD-' || n, '127.0.0.1', '{}', false
     from (select * from call_log where user_id <> 0 limit 1) as one, generate_series(1, 100000) as n`,
  );
  const many = await backend.open('/openapi/calls?operation=ListNodes', backend.house.first.userName);
  const { page } = many;
  await page.waitForSelector('.virtual-row a');
  assert.match((await page.textContent('#content')) ?? '', /100,000/);
  for (const place of [0.25, 0.5, 1]) {
    await page.evaluate(`{ const list = document.querySelector('.virtual'); list.scrollTop = list.scrollHeight * ${place}; }`);
    await until(page, `(() => { const rows = [...document.querySelectorAll('.virtual-row')]; return rows.length > 0 && rows.every((row) => row.querySelector('a') !== null) && Number(rows.at(-1).getAttribute('aria-rowindex')) > ${Math.floor(place * 99_000)}; })()`);
    assert.ok(((await page.evaluate("document.querySelectorAll('.virtual-row').length")) as number) < 60);
  }
  await many.close();
});

test('the first load stays under 300 KB, compressed, before a view of its own', () => {
  const dist = join(import.meta.dirname, '..', '..', 'console', 'dist');
  const manifest = JSON.parse(readFileSync(join(dist, 'manifest.json'), 'utf8')) as Record<string, { file: string; isEntry?: boolean; imports?: string[]; css?: string[] }>;
  const files = new Set<string>();
  const add = (key: string): void => {
    const chunk = manifest[key];
    if (chunk === undefined || files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    for (const next of chunk.imports ?? []) add(next);
  };
  for (const [key, chunk] of Object.entries(manifest)) if (chunk.isEntry === true) add(key);
  const bytes = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file)), { level: 9 }).length, 0);
  assert.ok(bytes < 300_000, `${bytes} bytes`);
  for (const file of files) assert.ok(existsSync(join(dist, `${file}.gz`)), `${file} has no compressed copy`);
});
