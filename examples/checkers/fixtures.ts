/**
 * Writes `fixtures/<event code>.json`, one for each extension point: what a program receives there, for unit tests of checkers. `event` is the message of
 * OpenEvent, `function` the envelope of Function Compute, `http` the plain form of a direct check. Made-up values in true shapes.
 *
 *     node examples/checkers/fixtures.ts
 */
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { extensionPoints, type EventType } from '../../contract/index.ts';
import { createEnvelopes } from '../../server/openevent/envelope.ts';
import { sampleEvent } from '../../server/openevent/sample.ts';
import { functionBody, plainBody } from '../../server/extensions/request.ts';
import { canonicalJson, hashText } from '../../server/extensions/snapshot.ts';

const MESSAGE = '0a1b2c3d-0000-4000-8000-000000000001';
const moment = new Date('2026-12-01T08:00:00Z');

const file = { FileId: 17, FileName: 'daily.sql', FileType: 10, Content: "select *\nfrom orders\nwhere ds = max_pt('orders');\n" };
const schedule = { CycleType: 'NOT_DAY', CronExpress: '00 30 05 * * ?', DependentType: 'NONE', RerunMode: 'ALL_ALLOWED', SchedulerType: 'NORMAL', InputList: [{ Input: 'shop_root', ParseType: 'MANUAL' }], OutputList: [{ Output: 'shop.daily' }] };
const table = { TableName: 'orders', Comment: 'Orders of a day', Env: 'DEV', LifeCycle: 365, Columns: [{ ColumnName: 'id', ColumnType: 'bigint', Comment: 'Order', IsPartitionColumn: false }, { ColumnName: 'ds', ColumnType: 'string', Comment: 'Day', IsPartitionColumn: true }] };
const committed = { CommittedFile: { ...file, ChangeType: 'CREATE', Comment: 'first version', Committor: '5', NodeId: 1001, UseType: 'NORMAL', FilePropertyContent: { CurrentVersion: 1, FolderId: 'f1', Owner: '5' }, NodeConfiguration: schedule } };

/** The branch of GetIDEEventDetail that is filled at a point; elsewhere the payload says it all. */
const snapshots: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'commit-file': committed,
  'deploy-file': committed,
  'delete-file': { DeletedFile: { ...file, CurrentVersion: 1, NodeId: 1001, Owner: '5', UseType: 'NORMAL' } },
  'run-file': { FileExecutionCommand: { FileId: file.FileId, FileType: file.FileType, Content: file.Content } },
  'commit-table': { TableModel: table },
  'deploy-table': { TableModel: { ...table, Env: 'PROD' } },
};

/** The fixture of a point. */
export async function fixtureOf(point: EventType): Promise<Record<string, unknown>> {
  const tenantLevel = point.level === 'tenant';
  const sampled = sampleEvent(point, { tenantId: 1, workspaceId: 501, eventId: MESSAGE, now: moment });
  const event = { ...sampled, workspaceId: tenantLevel ? undefined : 501, data: { ...sampled.data, extensionBizId: 'job_42', blockBusiness: true, ...(point.category === 'file-change' ? { fileId: 17, fileName: 'daily.sql', fileType: 10 } : {}) } };
  const wrap = createEnvelopes({ directory: { find: async () => undefined, byId: async () => undefined, rolesOf: async () => [] }, defaultRegion: 'local', publishAddress: '127.0.0.1' });
  const snapshot = snapshots[point.eventCode] ?? {};
  const asked = {
    holdId: 42,
    messageId: MESSAGE,
    point: point.eventCode,
    extensionCode: 'extension_sample',
    tenantId: 1,
    workspaceId: tenantLevel ? null : 501,
    operatorId: 5,
    title: point.category === 'file-change' ? 'daily.sql' : point.name,
    createdAt: moment,
    deadlineAt: new Date(moment.getTime() + 3_600_000),
    snapshotHash: hashText(canonicalJson(snapshot)),
    snapshot,
    payload: event.data,
    options: {},
  };
  return { event: await wrap(event, moment), function: functionBody(asked), http: plainBody(asked) };
}

export const fixturesFolder = new URL('fixtures/', import.meta.url);

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const point of extensionPoints) await writeFile(new URL(`${point.eventCode}.json`, fixturesFolder), `${JSON.stringify(await fixtureOf(point), null, 2)}\n`);
}
