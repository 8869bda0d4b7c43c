import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { current, legacy, people, testPlatform, type TestPlatform } from '../../../test/support/platform.ts';
import { ApiError, type ErrorName } from '../../kernel/errors.ts';
import { deploymentStates, statesBefore, type DeploymentState } from './states.ts';

const { admin, developer, visitor } = people;
const refusal = (entry: ErrorName, text?: string) => (error: unknown) => {
  assert.ok(error instanceof ApiError, String(error));
  assert.equal(error.entry, entry, error.message);
  if (text !== undefined) assert.match(error.message, new RegExp(text));
  return true;
};

interface DeploymentAnswer {
  Data: { Deployment: Record<string, unknown>; DeployedItems: { FileId: number; FileVersion: number; Status: number }[] };
}

describe('the way of a file to production', () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await testPlatform();
  });
  beforeEach(() => {
    platform.holds.holding.clear();
    platform.events.raised.length = 0;
    platform.scheduling.published.length = 0;
    platform.scheduling.withdrawn.length = 0;
  });
  after(() => platform.close());

  const call = (action: string, request: object = {}, caller = admin, version = legacy) => platform.gateway.call(caller, version, action, { ProjectId: platform.shop, ...request });
  let count = 0;
  const createFile = async (extra: object = {}) => Number((await call('CreateFile', { FileName: `file${(count += 1)}`, FileType: 10, Content: 'select 1;', ...extra }, developer))['Data']);
  const submit = async (FileId: number) => Number((await call('SubmitFile', { FileId, Comment: 'why' }, developer))['Data']);
  const deploy = async (FileId: number) => Number((await call('DeployFile', { FileId }))['Data']);
  const deployment = async (DeploymentId: number) => ((await call('GetDeployment', { DeploymentId })) as unknown as DeploymentAnswer).Data;
  const state = async (id: number) => {
    const { Deployment, DeployedItems } = await deployment(id);
    return [Deployment['Status'], Deployment['CheckingStatus'], Deployment['ErrorMessage'], DeployedItems[0]?.Status];
  };
  const file = async (FileId: number) => ((await call('GetFile', { FileId })) as { Data: { File: Record<string, unknown> } }).Data.File;
  const versions = async (FileId: number) => {
    const answer = (await call('ListFileVersions', { FileId })) as { Data: { FileVersions: { FileVersion: number; Status: string; ChangeType: string; IsCurrentProd: boolean }[] } };
    return answer.Data.FileVersions.map((version) => [version.FileVersion, version.Status, version.ChangeType, version.IsCurrentProd]);
  };
  const snapshot = () => platform.holds.proposals.at(-1)?.snapshot ?? {};
  const hold = (...points: string[]) => points.forEach((point) => platform.holds.holding.add(point));

  it('commits: an immutable version, a task in development, an event', async () => {
    const id = await createFile({ ConnectionName: 'odps_first', ParaValue: 'day=$bizdate' });
    const commit = await submit(id);
    assert.deepEqual(await state(commit), [1, undefined, '', 1]);
    const { Deployment, DeployedItems } = await deployment(commit);
    assert.deepEqual([Deployment['FromEnvironment'], Deployment['ToEnvironment'], Deployment['CreatorId'], Deployment['HandlerId']], [0, 1, '2', '2']);
    assert.deepEqual(DeployedItems, [{ FileId: id, FileVersion: 1, Status: 1 }]);
    const { NodeId, FileName, CommitStatus, CurrentVersion } = await file(id);
    assert.deepEqual([CommitStatus, CurrentVersion], [1, 1]);
    const [task, ...others] = platform.scheduling.published;
    assert.equal(others.length, 0);
    assert.deepEqual(
      [task?.taskId, task?.environment, task?.fileVersion, task?.content, task?.command, task?.ownerId, task?.spec['name'], task?.workspaceId],
      [NodeId, 'DEV', 1, 'select 1;', 'ODPS_SQL', 2, FileName, platform.shop],
    );
    assert.deepEqual(
      platform.events.raised.map(({ code, objectKey, workspaceId, data }) => ({ code, objectKey, workspaceId, data })),
      [
        {
          code: 'commit-file',
          objectKey: `file:${id}`,
          workspaceId: platform.shop,
          data: {
            operator: '2',
            projectId: platform.shop,
            nodeId: NodeId,
            fileId: id,
            fileName: FileName,
            fileType: 10,
            fileOwner: '2',
            fileCreateTime: '2026-03-22 06:30:00',
            fileVersion: 1,
            changeType: '0',
            dataSourceName: 'odps_first',
            blockBusiness: false,
          },
        },
      ],
    );
    await call('UpdateFile', { FileId: id, Content: 'select 2;' }, developer);
    await submit(id);
    assert.equal(platform.events.raised.at(-1)?.data['changeType'], '1');
    assert.deepEqual(await versions(id), [
      [2, 'COMMITTED', 'UPDATE', false],
      [1, 'COMMITTED', 'CREATE', false],
    ]);
    const first = (await call('GetFileVersion', { FileId: id, FileVersion: 1 })) as { Data: Record<string, unknown> };
    assert.equal(first.Data['FileContent'], 'select 1;');
    assert.equal(first.Data['Comment'], 'why');
    assert.equal(JSON.parse(String(first.Data['NodeContent']))['ParaValue'], 'day=$bizdate');
  });

  it('commits in basic mode without a task in development', async () => {
    const basic = await platform.createWorkspace('basic', false);
    const id = Number((await call('CreateFile', { ProjectId: basic, FileName: 'plain', FileType: 6 }))['Data']);
    await call('SubmitFile', { ProjectId: basic, FileId: id });
    assert.equal(platform.scheduling.published.length, 0);
    await call('DeployFile', { ProjectId: basic, FileId: id });
    assert.deepEqual(platform.scheduling.published.map((task) => task.environment), ['PROD']);
  });

  it('holds a commit, with everything an extension may want to see', async () => {
    const id = await createFile({ Content: 'select max_pt(1);', InputList: 'shop_root' });
    hold('commit-file');
    const commit = await submit(id);
    assert.deepEqual(await state(commit), [0, 8, '', 0]);
    assert.deepEqual(await versions(id), [[1, 'COMMITTING', 'CREATE', false]]);
    assert.equal(platform.scheduling.published.length, 0);
    assert.equal((await file(id))['CommitStatus'], 0);
    assert.deepEqual(snapshot()['CommittedFile'], {
      ChangeType: 'CREATE',
      Comment: 'why',
      Committor: '2',
      Content: 'select max_pt(1);',
      FileId: id,
      FileName: (await file(id))['FileName'],
      FileType: 10,
      NodeId: (await file(id))['NodeId'],
      UseType: 'NORMAL',
      FilePropertyContent: { BusinessId: 0, CurrentVersion: 1, DataSourceName: '', FolderId: '', Owner: '2', ParentFileId: 0 },
      NodeConfiguration: {
        AutoRerunIntervalMillis: 180_000,
        AutoRerunTimes: 0,
        CronExpress: '00 05 00 * * ?',
        CycleType: 'DAY',
        DependentNodeIdList: '',
        DependentType: 'NONE',
        InputList: [{ Input: 'shop_root', ParseType: 'MANUAL' }],
        OutputList: [{ Output: `shop.${id}_out`, RefTableName: '' }],
        ParaValue: '',
        RerunMode: 'ALL_ALLOWED',
        ResourceGroupId: undefined,
        SchedulerType: 'NORMAL',
      },
    });
    await assert.rejects(submit(id), refusal('WrongState'));
    await assert.rejects(deploy(id), refusal('WrongState'));
    await assert.rejects(call('DeleteFile', { FileId: id }), refusal('WrongState'));

    // The draft goes on meanwhile; what is committed is what was checked.
    await call('UpdateFile', { FileId: id, Content: 'select 3;' }, developer);
    await platform.decide('WARN', 'mind this');
    assert.deepEqual(await state(commit), [1, undefined, '', 1]);
    assert.equal(platform.scheduling.published.at(-1)?.content, 'select max_pt(1);');
    const { Content, CommitStatus } = await file(id);
    assert.deepEqual([Content, CommitStatus], ['select 3;', 0]);
  });

  it('ends a commit that is blocked with the tip, and loses nothing', async () => {
    const id = await createFile();
    hold('commit-file');
    const commit = await submit(id);
    await platform.decide('FAIL', 'MAX_PT is forbidden');
    assert.deepEqual(await state(commit), [2, 7, 'MAX_PT is forbidden', 6]);
    assert.deepEqual(await versions(id), [[1, 'CANCELLED', 'CREATE', false]]);
    assert.equal((await file(id))['Content'], 'select 1;');
    assert.equal(platform.scheduling.published.length, 0);
    await assert.rejects(deploy(id), refusal('WrongState', 'SubmitFile'));
    platform.holds.holding.clear();
    await submit(id);
    assert.deepEqual(await versions(id), [
      [2, 'COMMITTED', 'CREATE', false],
      [1, 'CANCELLED', 'CREATE', false],
    ]);
  });

  it('deploys the committed version to production', async () => {
    const id = await createFile();
    await submit(id);
    await call('UpdateFile', { FileId: id, Content: 'not committed' }, developer);
    await assert.rejects(call('DeployFile', { FileId: id }, developer), refusal('Forbidden'));
    platform.events.raised.length = 0;
    platform.scheduling.published.length = 0;
    const { NodeId } = await file(id);
    const answer = await call('DeployFile', { NodeId, Comment: 'to production' });
    const first = Number(answer['Data']);
    assert.deepEqual(await state(first), [1, undefined, '', 1]);
    const { Deployment } = await deployment(first);
    assert.deepEqual([Deployment['FromEnvironment'], Deployment['ToEnvironment']], [1, 2]);
    assert.deepEqual(platform.scheduling.published.map((task) => [task.environment, task.taskId, task.content]), [['PROD', NodeId, 'select 1;']]);
    assert.deepEqual(platform.events.raised.map(({ code, data }) => [code, data['changeType'], data['fileVersion'], data['operator']]), [['deploy-file', '0', 1, '1']]);
    assert.deepEqual(await versions(id), [[1, 'DEPLOYED', 'CREATE', true]]);
    // The same version again is an update of production.
    await deploy(id);
    assert.equal(platform.events.raised.at(-1)?.data['changeType'], '1');
    assert.deepEqual(await versions(id), [[1, 'DEPLOYED', 'CREATE', true]]);
    const row = await platform.database.row<{ comment: string }>('select comment from deployment where id = $1', [first]);
    assert.equal(row?.comment, 'to production');
  });

  it('holds a deployment, and leaves production as it was after FAIL', async () => {
    const id = await createFile();
    await submit(id);
    await deploy(id);
    await call('UpdateFile', { FileId: id, Content: 'select 2;' }, developer);
    await submit(id);
    platform.scheduling.published.length = 0;
    hold('deploy-file');
    const blocked = await deploy(id);
    assert.deepEqual(await state(blocked), [0, 8, '', 0]);
    assert.deepEqual((await versions(id))[0], [2, 'DEPLOYING', 'UPDATE', false]);
    await assert.rejects(deploy(id), refusal('WrongState'));
    await platform.decide('FAIL', 'not today');
    assert.deepEqual(await state(blocked), [2, 7, 'not today', 6]);
    assert.deepEqual(await versions(id), [
      [2, 'COMMITTED', 'UPDATE', false],
      [1, 'DEPLOYED', 'CREATE', true],
    ]);
    assert.equal(platform.scheduling.published.length, 0);
    const passed = await deploy(id);
    await platform.decide('OK');
    assert.deepEqual(await state(passed), [1, undefined, '', 1]);
    assert.deepEqual(platform.scheduling.published.map((task) => [task.environment, task.fileVersion]), [['PROD', 2]]);
    assert.deepEqual((await versions(id))[0], [2, 'DEPLOYED', 'UPDATE', true]);
  });

  it('deletes to the recycle bin, and takes out of production by deploying the deletion', async () => {
    const id = await createFile();
    await submit(id);
    await deploy(id);
    const { NodeId } = await file(id);
    platform.events.raised.length = 0;
    const deletion = Number((await call('DeleteFile', { FileId: id }, developer))['DeploymentId']);
    assert.deepEqual(await state(deletion), [1, undefined, '', 1]);
    assert.equal((await file(id))['DeletedStatus'], 'RECYCLE_BIN');
    assert.deepEqual(platform.scheduling.withdrawn, [{ taskId: NodeId, environment: 'DEV' }]);
    assert.deepEqual(platform.events.raised.map(({ code, data }) => [code, data['changeType'], data['fileId']]), [['delete-file', undefined, id]]);
    assert.deepEqual(Object.keys(snapshot()['DeletedFile'] ?? {}).toSorted(), [
      'BusinessId',
      'Content',
      'CurrentVersion',
      'DataSourceName',
      'FileId',
      'FileName',
      'FileType',
      'FolderId',
      'NodeId',
      'Owner',
      'ParentFileId',
      'UseType',
    ]);
    const listed = (await call('ListFiles', { FileIdIn: String(id) })) as { Data: { TotalCount: number } };
    assert.equal(listed.Data.TotalCount, 0);
    for (const [action, request] of [
      ['UpdateFile', { Content: 'x' }],
      ['SubmitFile', {}],
      ['DeleteFile', {}],
    ] as const) {
      await assert.rejects(call(action, { FileId: id, ...request }), refusal('NotFound'));
    }
    const offline = await deploy(id);
    assert.deepEqual(await state(offline), [1, undefined, '', 1]);
    assert.equal(platform.events.raised.at(-1)?.data['changeType'], '2');
    assert.deepEqual(platform.scheduling.withdrawn.at(-1), { taskId: NodeId, environment: 'PROD' });
    await assert.rejects(deploy(id), refusal('NotFound'));
    const row = await platform.database.row<{ state: string; deployed_version: number | null }>('select state, deployed_version from node where id = $1', [id]);
    assert.deepEqual(row, { state: 'DELETED', deployed_version: null });
  });

  it('deletes what was never committed, and lets its deletion be deployed as programs do', async () => {
    const id = await createFile();
    await call('DeleteFile', { FileId: id });
    assert.deepEqual(await state(await deploy(id)), [1, undefined, '', 1]);
    assert.deepEqual(platform.scheduling.withdrawn, []);
  });

  it('holds a deletion, and keeps the file after FAIL', async () => {
    const id = await createFile();
    await submit(id);
    hold('delete-file');
    const blocked = Number((await call('DeleteFile', { FileId: id }))['DeploymentId']);
    assert.deepEqual(await state(blocked), [0, 8, '', 0]);
    assert.equal((await file(id))['DeletedStatus'], 'NORMAL');
    await assert.rejects(call('DeleteFile', { FileId: id }), refusal('WrongState'));
    await platform.decide('FAIL', '');
    const [status, checking, message] = await state(blocked);
    assert.deepEqual([status, checking], [2, 7]);
    assert.notEqual(message, '');
    assert.equal((await file(id))['DeletedStatus'], 'NORMAL');
    await submit(id);
    const passed = Number((await call('DeleteFile', { FileId: id }))['DeploymentId']);
    await platform.decide('OK');
    assert.deepEqual(await state(passed), [1, undefined, '', 1]);
    assert.equal((await file(id))['DeletedStatus'], 'RECYCLE_BIN');
  });

  it('lets one file give an output, and nobody wait for himself', async () => {
    const giver = await createFile({ OutputList: 'shop.orders' });
    await submit(giver);
    await deploy(giver);
    const second = await createFile({ OutputList: 'shop.orders' });
    await submit(second);
    await assert.rejects(deploy(second), refusal('WrongState', 'shop.orders'));
    assert.deepEqual(await versions(second), [[1, 'COMMITTED', 'CREATE', false]]);

    const reader = await createFile({ InputList: 'shop.orders', OutputList: 'shop.report' });
    await submit(reader);
    await deploy(reader);
    await call('UpdateFile', { FileId: giver, InputList: 'shop.report' });
    await submit(giver);
    await assert.rejects(deploy(giver), refusal('WrongState', 'close a circle: file'));
    assert.deepEqual((await versions(giver))[1], [1, 'DEPLOYED', 'CREATE', true]);

    // With the reader out of production there is no circle, and its output is free.
    await call('DeleteFile', { FileId: reader });
    await deploy(reader);
    await assert.rejects(deploy(giver), refusal('WrongState', 'waits for the output shop.report, which nothing deployed gives'));
    await call('UpdateFile', { FileId: giver, InputList: 'shop_root' });
    await submit(giver);
    assert.deepEqual(await state(await deploy(giver)), [1, undefined, '', 1]);
    await call('DeleteFile', { FileId: giver });
    await deploy(giver);
    assert.deepEqual(await state(await deploy(second)), [1, undefined, '', 1]);
  });

  it('lists deployments, in both dialects', async () => {
    const other = await platform.createWorkspace('listing', false);
    const id = Number((await call('CreateFile', { ProjectId: other, FileName: 'listed', FileType: 6 }))['Data']);
    const commit = (await call('SubmitFile', { ProjectId: other, FileId: id }))['Data'];
    platform.clock.advance(60_000);
    const before = platform.clock.now().getTime() - 1;
    hold('deploy-file');
    const blocked = (await call('DeployFile', { ProjectId: other, FileId: id }))['Data'];
    await platform.decide('FAIL', 'no');
    const list = async (request: object, action = 'ListDeployments', version = legacy) => {
      const answer = (await call(action, { ProjectId: other, ...request }, visitor, version)) as { Data: { TotalCount: number; Deployments: { Id: number; Status: number }[] } };
      return [answer.Data.TotalCount, ...answer.Data.Deployments.map((one) => [one.Id, one.Status])];
    };
    assert.deepEqual(await list({}), [2, [blocked, 6], [commit, 1]]);
    assert.deepEqual(await list({}, 'ListDeploymentPackages', current), [2, [blocked, 6], [commit, 1]]);
    assert.deepEqual(await list({ Status: 6 }), [1, [blocked, 6]]);
    assert.deepEqual(await list({ Status: 0 }), [0]);
    assert.deepEqual(await list({ EndCreateTime: before }), [1, [commit, 1]]);
    assert.deepEqual(await list({ Keyword: 'LISTED', PageSize: 1, PageNumber: 2 }), [2, [commit, 1]]);
    assert.deepEqual(await list({ Creator: '2' }), [0]);
    await assert.rejects(list({ EndCreateTime: -1 }), refusal('InvalidParameter'));
    const { Deployment } = ((await call('GetDeploymentPackage', { ProjectId: other, DeploymentId: blocked }, visitor, current)) as unknown as DeploymentAnswer).Data;
    assert.deepEqual([Deployment['Status'], Deployment['CheckingStatus'], Deployment['ErrorMessage']], [2, 7, 'no']);
    await assert.rejects(call('GetDeployment', { DeploymentId: blocked }), refusal('NotFound'));
  });

  it('lists what waits for its deployment', async () => {
    const other = await platform.createWorkspace('waiting', true);
    const ids: number[] = [];
    for (const [index, name] of ['one', 'two', 'three'].entries()) {
      ids.push(Number((await call('CreateFile', { ProjectId: other, FileName: name, FileType: index === 0 ? 10 : 6 }))['Data']));
      await call('SubmitFile', { ProjectId: other, FileId: ids[index], Comment: name });
      platform.clock.advance(1_000);
    }
    await call('DeployFile', { ProjectId: other, FileId: ids[1] });
    const list = async (request: object) => {
      const answer = (await call('ListDeploymentPackageFiles', { ProjectId: other, ...request }, visitor, current)) as {
        PagingInfo: { TotalCount: number; DeploymentPackageFiles: { FileId: number; Status: number; ChangeType: number; CommitUserName: string; Comment: string }[] };
      };
      return [answer.PagingInfo.TotalCount, ...answer.PagingInfo.DeploymentPackageFiles.map((one) => [ids.indexOf(one.FileId), one.Status, one.ChangeType, one.CommitUserName, one.Comment])];
    };
    assert.deepEqual(await list({}), [2, [2, 11, 0, 'user1', 'three'], [0, 11, 0, 'user1', 'one']]);
    assert.deepEqual(await list({ FileType: 10 }), [1, [0, 11, 0, 'user1', 'one']]);
    assert.deepEqual(await list({ FileName: 'THREE', CommitFrom: '2026-03-22', CommitTo: '2026-03-22', CommitUserId: '1' }), [1, [2, 11, 0, 'user1', 'three']]);
    assert.deepEqual(await list({ CommitTo: '2026-03-21' }), [0]);
    assert.deepEqual(await list({ FileIds: [String(ids[1])] }), [0]);
    await call('DeleteFile', { ProjectId: other, FileId: ids[1] });
    assert.deepEqual(await list({ ChangeType: 2 }), [1, [1, 11, 2, 'user1', '']]);
    await assert.rejects(list({ ChangeType: 7 }), refusal('InvalidParameter'));
    await assert.rejects(list({ CommitFrom: 'monday' }), refusal('InvalidParameter'));
  });

  it('keeps the events of one file in the order of its changes, whoever changes it at once', async () => {
    const id = await createFile();
    await Promise.all(Array.from({ length: 8 }, () => submit(id)));
    const committed = platform.events.raised.filter((event) => event.code === 'commit-file').map((event) => event.data['fileVersion']);
    assert.deepEqual(committed, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(new Set(platform.scheduling.published.map((task) => task.taskId)).size, 1);
  });

  it('does not let a caller switch checks off', async () => {
    const id = await createFile();
    await assert.rejects(call('SubmitFile', { FileId: id, SkipAllDeployFileExtensions: true }), refusal('InvalidParameter', 'MarkHoldPassed'));
    assert.deepEqual(await versions(id), []);
  });

  it('moves deployments only along the edges of their table', () => {
    const all = Object.keys(deploymentStates) as DeploymentState[];
    assert.deepEqual(
      Object.fromEntries(all.map((to) => [to, statesBefore(to)])),
      {
        Ready: [], Running: ['Ready', 'Checking'], Checking: ['Ready', 'Running'], Success: ['Ready', 'Running', 'Checking'], Failed: ['Ready', 'Running', 'Checking'], Rejected: ['Running', 'Checking'],
        Cancelled: ['Ready', 'Running', 'Checking'],
      },
    );
  });
});
