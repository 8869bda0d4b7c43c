import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { auditInvariants, auditLedger } from './audit.ts';
import { emptyLedger, prepareFiles, sender, type WrittenFile } from './writers.ts';

let house: TestHouse;
const ledger = emptyLedger();
let file: WrittenFile;
before(async () => {
  house = await startTestHouse();
  const send = sender(Number(new URL(house.url).port), house.first);
  const [first] = await prepareFiles(send, 'audited', ledger);
  assert.ok(first !== undefined);
  file = first;
  const deployed = await send('DeployFile', { ProjectId: file.projectId, FileId: file.fileId });
  assert.equal(deployed.kind, 'acknowledged');
});
after(() => house.stop());

const findings = async () => [...(await auditInvariants(house.database, 60_000)), ...(await auditLedger(house.database, ledger))];

/** Breaks something, and takes it back. */
async function broken(statement: string, ...expected: RegExp[]): Promise<void> {
  assert.deepEqual(await findings(), []);
  const undo = new Error('undo');
  await house.database
    .transaction(async (tx) => {
      await tx.run(statement);
      const database = { ...house.database, ...tx };
      const found = [...(await auditInvariants(database, 60_000)), ...(await auditLedger(database, ledger))];
      for (const pattern of expected) assert.ok(found.some((line) => pattern.test(line)), `${String(pattern)} is not in ${JSON.stringify(found)}`);
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
}

test('the audit of the kill rounds finds a lost event, an invented one, one that is there twice, and one out of order', async () => {
  await broken(`delete from event where code = 'commit-file'`, /version has not exactly one event/);
  await broken(`delete from event where code = 'deploy-file'`, /deployments and their events/);
  await broken(`delete from event where code = 'node-change-created'`, /publications of nodes/);
  await broken(`update event set object_key = 'file:1' where code = 'commit-file'`, /tells of a commit that is not there/);
  await broken(
    `insert into event (position, event_id, tenant_id, workspace_id, code, type, object_key, data, occurred_at, actor_id, request_id)
     select position - 1, event_id, tenant_id, workspace_id, code, type, object_key, data, occurred_at, actor_id, request_id from event where code = 'deploy-file'`,
    /is there twice/,
    /against their order/,
  );
});

test('it finds changes that were acknowledged and are lost', async () => {
  await broken(`update workspace set status = 'Deleted' where name = 'audited'`, /deleted workspace has not exactly one event/);
  await broken(`delete from audit`, /no audit line/);
  await broken(`update node set content = 'echo -1'`, /has the content echo -1/);
  await broken(`update deployment set status = 'Ready'`, /did not end with its change/);
});
