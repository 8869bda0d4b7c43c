import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playStory } from '../../examples/demo/story.ts';
import { callsMaxPt } from '../../examples/demo/checker.ts';
import { startTestHouse } from '../support/house.ts';

test('the demo plays its whole story, and each step has its effect', async () => {
  const house = await startTestHouse();
  try {
    const lines: string[] = [];
    const { accessKeyId, accessKeySecret } = house.first;
    const result = await playStory({ url: house.url, accessKeyId, accessKeySecret, say: (line) => void lines.push(line) });
    const { projectId, fileId, nodeId } = result;

    // The checker blocked the first commit, said why, and nothing was lost by it.
    assert.equal(result.blocked.succeeded, false);
    assert.match(result.blocked.message, /MAX_PT/);
    assert.match(result.draftAfterBlock, /max_pt\('orders'\)/);
    assert.deepEqual(result.decisions.map(({ fileName, result: verdict }) => [fileName, verdict]), [['shop_totals', 'FAIL'], ['shop_totals', 'OK']]);
    const processes = (await house.call('2020-05-18', 'ListCheckProcesses', { EventCode: 'commit-file', ProjectId: projectId }))['PagingInfo'] as { CheckProcesses: { Status: string }[] };
    assert.deepEqual(processes.CheckProcesses.map(({ Status }) => Status).toSorted(), ['BLOCKED', 'PASSED']);

    // The fixed code is the version that was committed and deployed.
    assert.ok(result.committed.succeeded, result.committed.message);
    assert.ok(result.deployed.succeeded, result.deployed.message);
    const { File } = (await house.call('2020-05-18', 'GetFile', { ProjectId: projectId, FileId: fileId }))['Data'] as { File: { Content: string; CommitStatus: number; NodeId: number } };
    assert.equal(callsMaxPt(File.Content), false);
    assert.equal(File.CommitStatus, 1);
    assert.equal(File.NodeId, nodeId);

    // It really ran.
    assert.equal(result.instanceStatus, 'SUCCESS', result.log);
    assert.deepEqual(result.rows, [['north', '165'], ['south', '80']]);
    assert.match(result.log, /3 rows changed/);

    // Everything was told in order, signed, once.
    assert.equal(result.refused, 0);
    assert.equal(new Set(result.events.map((event) => event.id)).size, result.events.length);
    const types = result.events.map((event) => event.type.slice(event.type.lastIndexOf(':') + 1));
    assert.deepEqual(types.filter((type) => type !== 'InstanceStatusChanges' && type !== 'NodeChangeUpdated'), ['CommitFile', 'CommitFile', 'DeployFile', 'NodeChangeCreated']);
    const statuses = result.events.filter((event) => event.type.endsWith(':InstanceStatusChanges')).map((event) => Number(event.data['status']));
    assert.deepEqual(statuses, statuses.toSorted((a, b) => a - b));
    assert.equal(statuses.at(-1), 6);

    // Every call is in the log.
    const operations = result.calls.map((row) => row.Operation);
    assert.ok(result.calls.every((row) => row.HttpStatus === 200 && row.RequestId !== ''));
    assert.equal(operations[0], 'CreateProject');
    assert.equal(operations.filter((name) => name === 'UpdateIDEEventResult').length, 2);
    for (const name of ['CreateFile', 'CreateSubscription', 'EnableExtension', 'SubmitFile', 'GetIDEEventDetail', 'UpdateFile', 'DeployFile', 'RunSmokeTest', 'GetInstanceLog']) assert.ok(operations.includes(name), name);

    // Its receiver is gone, and so are the subscription and the checker: the next commit is held by nobody.
    const subscriptions = (await house.call('2026-12-01', 'ListSubscriptions', { ProjectId: projectId }))['PagingInfo'] as { TotalCount: number };
    assert.equal(subscriptions.TotalCount, 0);
    const attachments = (await house.call('2026-12-01', 'ListExtensionAttachments', { ProjectId: projectId }))['PagingInfo'] as { TotalCount: number };
    assert.equal(attachments.TotalCount, 0);
    assert.ok(lines.length > 30);
  } finally {
    await house.stop();
  }
});

test('the checker looks at code, not at comments and texts', () => {
  assert.equal(callsMaxPt("select * from t where ds = MAX_PT ('t')"), true);
  assert.equal(callsMaxPt("-- max_pt('t')\nselect 'max_pt(x)' /* max_pt() */"), false);
  assert.equal(callsMaxPt('select my_max_pt(1)'), false);
});
