import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { current, legacy, own, people, testPlatform, type TestPlatform } from '../../../test/support/platform.ts';
import { ApiError, type ErrorName } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { nextVersionStatuses, type VersionStatus } from './model.ts';

const { admin, developer, visitor, outsider, stranger } = people;
const refusal = (entry: ErrorName) => (error: unknown) => {
  assert.ok(error instanceof ApiError, String(error));
  assert.equal(error.entry, entry, error.message);
  return true;
};

interface FileAnswer {
  Data: { File: Record<string, unknown>; NodeConfiguration: Record<string, unknown> };
}
interface ListAnswer {
  Data: { Files: Record<string, unknown>[]; TotalCount: number };
}

describe('the studio', () => {
  let platform: TestPlatform;
  before(async () => {
    platform = await testPlatform();
  });
  after(() => platform.close());

  const call = (action: string, request: object = {}, version = legacy, caller = developer) => platform.gateway.call(caller, version, action, { ProjectId: platform.shop, ...request });
  const createFile = async (name: string, extra: object = {}) => Number((await call('CreateFile', { FileName: name, FileType: 6, Content: 'echo 1', ...extra }))['Data']);
  const getFile = async (FileId: number) => (await call('GetFile', { FileId })) as unknown as FileAnswer;
  const createBusiness = async (name: string, extra: object = {}) => Number((await call('CreateBusiness', { BusinessName: name, ...extra }))['BusinessId']);
  const folderId = async (path: string) => String(((await call('GetFolder', { FolderPath: path })) as { Data: { FolderId: string } }).Data.FolderId);
  const nodeRow = (id: number) => platform.database.row<{ name: string; state: string; content: string; revision: number }>('select name, state, content, revision from node where id = $1', [id]);

  it('creates, finds, changes and deletes businesses', async () => {
    const id = await createBusiness('sales', { Description: 'first', Owner: '1' });
    assert.deepEqual(((await call('GetBusiness', { BusinessId: id })) as { Data: object }).Data, {
      BusinessId: id,
      BusinessName: 'sales',
      Description: 'first',
      Owner: '1',
      ProjectId: String(platform.shop),
      UseType: 'NORMAL',
    });
    await assert.rejects(createBusiness('sales'), refusal('AlreadyExists'));
    await assert.rejects(createBusiness('with/slash'), refusal('InvalidParameter'));
    await assert.rejects(createBusiness('owned', { Owner: '9' }), refusal('NotFound'));
    await createBusiness('sales', { UseType: 'MANUAL_BIZ' });

    const fileId = await createFile('in_business', { FileFolderPath: '业务流程/sales/MaxCompute' });
    await call('UpdateBusiness', { BusinessId: id, BusinessName: 'revenue' });
    assert.equal((await getFile(fileId)).Data.File['BusinessId'], id);
    assert.ok(await folderId('业务流程/revenue/MaxCompute'));
    await assert.rejects(folderId('业务流程/sales/MaxCompute'), refusal('NotFound'));
    await assert.rejects(call('DeleteBusiness', { BusinessId: id }), refusal('WrongState'));
    await call('DeleteFile', { FileId: fileId });
    await call('DeleteBusiness', { BusinessId: id });
    await assert.rejects(call('GetBusiness', { BusinessId: id }), refusal('NotFound'));
    assert.equal((await platform.database.rows('select 1 from folder where business_id = $1', [id])).length, 0);
    const list = (await call('ListBusiness', { PageNumber: 1, PageSize: 10, Keyword: 'SALE' }, current)) as { Data: { TotalCount: number; Business: { UseType: string }[] } };
    assert.deepEqual([list.Data.TotalCount, list.Data.Business[0]?.UseType], [1, 'MANUAL_BIZ']);
    const listed = (await call('ListBusiness', { PageNumber: 1, PageSize: 10, Keyword: 'SALE' })) as typeof list;
    assert.deepEqual(listed.Data, list.Data);
  });

  it('keeps a tree of folders in which files move along', async () => {
    await createBusiness('tree');
    const root = '业务流程/tree/MaxCompute';
    const folder = String((await call('CreateFolder', { FolderPath: `${root}/a/b` }))['Data']);
    assert.equal(await folderId(`/${root}/a/b/`), folder);
    await assert.rejects(call('CreateFolder', { FolderPath: `${root}/a/b` }), refusal('AlreadyExists'));
    await assert.rejects(call('CreateFolder', { FolderPath: '业务流程/nobody/MaxCompute/a' }), refusal('NotFound'));
    await assert.rejects(call('CreateFolder', { FolderPath: Array(limits.folderDepth.value + 1).fill('x').join('/') }), refusal('TooMany'));
    await assert.rejects(call('CreateFolder', { FolderPath: 'a/../b' }), refusal('InvalidParameter'));
    const fileId = await createFile('deep', { FileFolderPath: `${root}/a/b` });

    await call('UpdateFolder', { FolderId: await folderId(`${root}/a`), FolderName: 'renamed' });
    assert.equal(await folderId(`${root}/renamed/b`), folder);
    const found = (await call('ListFiles', { FileFolderPath: `${root}/renamed`, NeedAbsoluteFolderPath: true })) as unknown as ListAnswer;
    assert.deepEqual(
      found.Data.Files.map((file) => [file['FileId'], file['AbsoluteFolderPath']]),
      [[fileId, `${root}/renamed/b`]],
    );
    await assert.rejects(call('DeleteFolder', { FolderId: folder }), refusal('WrongState'));
    await assert.rejects(call('DeleteFolder', { FolderId: await folderId(root) }), refusal('WrongState'));
    await assert.rejects(call('UpdateFolder', { FolderId: 'x', FolderName: 'y' }), refusal('InvalidParameter'));
    await call('UpdateFile', { FileId: fileId, FileFolderPath: root });
    await call('DeleteFolder', { FolderId: folder });
    await assert.rejects(folderId(`${root}/renamed/b`), refusal('NotFound'));
    const children = (await call('ListFolders', { ParentFolderPath: '业务流程/tree', PageNumber: 1, PageSize: 50 }, current)) as { Data: { Folders: { FolderPath: string }[] } };
    assert.ok(children.Data.Folders.some((child) => child.FolderPath === root));
    const below = (await call('ListFolders', { ParentFolderPath: root, PageNumber: 1, PageSize: 50 })) as { Data: { TotalCount: number } };
    assert.equal(below.Data.TotalCount, 1);
  });

  it('takes the folders of a business as existing, but not others', async () => {
    await createBusiness('given');
    for (const path of ['业务流程/given/MaxCompute', 'Business Flow/given/通用', '业务流程/given/SomethingNew', '临时查询']) {
      assert.ok((await createFile(`in ${path.replaceAll('/', ' ')}`, { FileFolderPath: path })) > 0);
    }
    await assert.rejects(createFile('lost', { FileFolderPath: '业务流程/given/MaxCompute/no/such' }), refusal('NotFound'));
    const id = await createFile('found', { FileFolderPath: '业务流程/given/MaxCompute/no/such', CreateFolderIfNotExists: true });
    assert.equal((await getFile(id)).Data.File['FileFolderId'], await folderId('业务流程/given/MaxCompute/no/such'));
    assert.equal((await getFile(await createFile('query', { FileFolderPath: '临时查询' }))).Data.File['UseType'], 'ADHOCQUERY');
    await assert.rejects(createFile('nowhere', { FileFolderPath: '业务流程' }), refusal('InvalidParameter'));
  });

  it('creates a file that comes back as it was sent', async () => {
    const id = await createFile('sum_day', { FileType: 10, Content: 'select 1;', Owner: '1', FileDescription: 'sums', ParaValue: 'day=$bizdate', CronExpress: '00 30 01 * * ?', InputList: 'shop_root' });
    const { Data } = await getFile(id);
    const moment = platform.clock.now().getTime();
    assert.deepEqual(Data.File, {
      FileId: id,
      FileName: 'sum_day',
      FileType: 10,
      FileDescription: 'sums',
      FileFolderId: '',
      BusinessId: 0,
      BizId: 0,
      ParentId: 0,
      UseType: 'NORMAL',
      Owner: '1',
      Content: 'select 1;',
      ConnectionName: '',
      IsMaxCompute: true,
      AutoParsing: false,
      AdvancedSettings: '',
      CommitStatus: 0,
      CurrentVersion: 0,
      DeletedStatus: 'NORMAL',
      NodeId: undefined,
      CreateTime: moment,
      CreateUser: '2',
      LastEditTime: moment,
      LastEditUser: '2',
    });
    assert.equal(Data.NodeConfiguration['ParaValue'], 'day=$bizdate');
    assert.deepEqual(Data.NodeConfiguration['OutputList'], [{ Output: `shop.${id}_out`, RefTableName: '' }]);
    const same = (await call('GetFile', { FileId: id }, current)) as unknown as FileAnswer;
    assert.deepEqual(same.Data, Data);
  });

  it('refuses bad files', async () => {
    await createFile('twice');
    await assert.rejects(createFile('twice'), refusal('AlreadyExists'));
    for (const name of ['', ' blank', 'a/b', 'x'.repeat(129), 'nul\u0000']) await assert.rejects(createFile(name), refusal('InvalidParameter'));
    await assert.rejects(createFile('type', { FileType: 424_242 }), refusal('InvalidParameter'));
    await assert.rejects(createFile('resource', { FileType: 12 }), refusal('InvalidParameter'));
    await assert.rejects(createFile('big', { Content: 'é'.repeat(limits.fileContentBytes.value / 2 + 1) }), refusal('InvalidParameter'));
    await assert.rejects(createFile('owner', { Owner: '77' }), refusal('NotFound'));
    await assert.rejects(call('GetFile', {}), refusal('MissingParameter'));
  });

  it('changes the draft only, and counts only real changes', async () => {
    const id = await createFile('changing');
    await call('SubmitFile', { FileId: id });
    assert.equal((await getFile(id)).Data.File['CommitStatus'], 1);
    await call('UpdateFile', { FileId: id, Content: 'echo 1', FileName: 'changing' });
    assert.equal((await getFile(id)).Data.File['CommitStatus'], 1);
    platform.clock.advance(1_000);
    await call('UpdateFile', { FileId: id, Content: 'echo 2', FileName: 'changed', SchedulerType: 'MANUAL', Owner: '1' }, legacy, admin);
    const { File } = (await getFile(id)).Data;
    assert.deepEqual([File['CommitStatus'], File['FileName'], File['UseType'], File['Owner'], File['LastEditUser'], File['LastEditTime']], [0, 'changed', 'MANUAL', '1', '1', platform.clock.now().getTime()]);
    const version = (await call('GetFileVersion', { FileId: id, FileVersion: 1 })) as { Data: Record<string, unknown> };
    assert.equal(version.Data['FileContent'], 'echo 1');
    await createFile('taken');
    await assert.rejects(call('UpdateFile', { FileId: id, FileName: 'taken' }), refusal('AlreadyExists'));
  });

  it('lists files by what is asked, in pages', async () => {
    await createBusiness('listed');
    const path = '业务流程/listed/通用';
    const ids: number[] = [];
    for (const name of ['list_a', 'list_b', 'list_c']) {
      platform.clock.advance(1_000);
      ids.push(await createFile(name, { FileFolderPath: path, FileType: name === 'list_b' ? 10 : 6 }));
    }
    const list = async (request: object, version = legacy) => {
      const answer = (await call('ListFiles', request, version)) as unknown as ListAnswer;
      return [answer.Data.TotalCount, ...answer.Data.Files.map((file) => ids.indexOf(Number(file['FileId'])))];
    };
    assert.deepEqual(await list({ FileFolderPath: path }), [3, 2, 1, 0]);
    assert.deepEqual(await list({ FileFolderPath: path, PageSize: 2, PageNumber: 2 }), [3, 0]);
    assert.deepEqual(await list({ FileFolderPath: path, FileTypes: '10,99' }), [1, 1]);
    assert.deepEqual(await list({ Keyword: 'LIST_' }), [3, 2, 1, 0]);
    assert.deepEqual(await list({ Keyword: 'list%' }), [0]);
    assert.deepEqual(await list({ ExactFileName: 'list_a' }), [1, 0]);
    assert.deepEqual(await list({ FileIdIn: `${ids[0]},${ids[2]}` }), [2, 2, 0]);
    assert.deepEqual(await list({ FileFolderPath: path, Owner: '1' }), [0]);
    await call('SubmitFile', { FileId: ids[0] });
    assert.deepEqual(await list({ FileFolderPath: path, CommitStatus: 1 }, current), [1, 0]);
    assert.deepEqual(await list({ FileFolderPath: path, CommitStatus: 0 }, current), [2, 2, 1]);
    const taskId = (await getFile(ids[0] ?? 0)).Data.File['NodeId'];
    assert.deepEqual(await list({ NodeId: taskId }), [1, 0]);
    const bare = (await call('ListFiles', { FileFolderPath: path })) as unknown as ListAnswer;
    assert.equal(bare.Data.Files[0]?.['Content'], undefined);
    const full = (await call('ListFiles', { FileFolderPath: path, NeedContent: true })) as unknown as ListAnswer;
    assert.equal(full.Data.Files[0]?.['Content'], 'echo 1');
    await assert.rejects(call('ListFiles', { PageSize: 0 }), refusal('InvalidParameter'));
    await assert.rejects(call('ListFiles', { FileTypes: 'x' }), refusal('InvalidParameter'));
  });

  it('refuses a page whose code is too much for one answer, and gives it in smaller ones', async () => {
    await createBusiness('heavy');
    const path = '业务流程/heavy';
    const ids = [await createFile('heavy_a', { FileFolderPath: path, Content: 'x'.repeat(60) }), await createFile('heavy_b', { FileFolderPath: path, Content: 'ä'.repeat(30) })];
    for (const FileId of [ids[0], ids[0]]) await call('SubmitFile', { FileId });
    const limit = limits.pageContentBytes as { value: number };
    const { value } = limit;
    limit.value = 100;
    try {
      await assert.rejects(call('ListFiles', { FileFolderPath: path, NeedContent: true }), refusal('InvalidParameter'));
      await assert.rejects(call('ListFileVersions', { FileId: ids[0] }), refusal('InvalidParameter'));
      assert.equal(((await call('ListFiles', { FileFolderPath: path })) as unknown as ListAnswer).Data.Files.length, 2);
      for (const PageNumber of [1, 2]) {
        const { Data } = (await call('ListFiles', { FileFolderPath: path, NeedContent: true, PageNumber, PageSize: 1 })) as unknown as ListAnswer;
        assert.equal(Buffer.byteLength(String(Data.Files[0]?.['Content'])), 60);
        await call('ListFileVersions', { FileId: ids[0], PageNumber, PageSize: 1 });
      }
    } finally {
      limit.value = value;
    }
  });

  it('lists the types of files', async () => {
    const answer = (await call('ListFileType', { PageNumber: 1, PageSize: 100, Keyword: 'shell' })) as { NodeTypeInfoList: { NodeTypeInfo: { NodeType: number }[]; TotalCount: number } };
    assert.ok(answer.NodeTypeInfoList.NodeTypeInfo.some((type) => type.NodeType === 6));
    assert.equal(answer.NodeTypeInfoList.TotalCount, answer.NodeTypeInfoList.NodeTypeInfo.length);
  });

  it('takes a file of every type that it lists', async () => {
    const page = async (PageNumber: number) => ((await call('GetNodeTypeListInfo', { PageNumber, PageSize: 50 })) as { NodeTypeInfoList: { NodeTypeInfo: { NodeType: number; NodeTypeName: string }[]; TotalCount: number } }).NodeTypeInfoList;
    const { TotalCount, NodeTypeInfo: types } = await page(1);
    for (let number = 2; types.length < TotalCount; number += 1) types.push(...(await page(number)).NodeTypeInfo);
    assert.equal(new Set(types.map((type) => type.NodeType)).size, TotalCount);
    for (const { NodeType, NodeTypeName } of types) {
      const id = await createFile(`of type ${NodeType}`, { FileType: NodeType });
      assert.equal((await getFile(id)).Data.File['FileType'], NodeType, NodeTypeName);
    }
  });

  it('runs the draft, or other code, without committing it', async () => {
    const id = await createFile('ran', { Content: 'echo draft' });
    platform.events.raised.length = 0;
    const answer = await call('RunFile', { FileId: id }, own);
    const run = platform.scheduling.runs.at(-1);
    assert.deepEqual([run?.fileId, run?.content, run?.command, run?.taskId, run?.spec['name']], [id, 'echo draft', 'DIDE_SHELL', undefined, 'ran']);
    assert.equal(answer['InstanceId'], 500_000 + platform.scheduling.runs.length);
    assert.deepEqual(platform.events.raised.map(({ code, objectKey }) => [code, objectKey]), [['run-file', `file:${id}`]]);
    assert.deepEqual(platform.holds.proposals.at(-1)?.snapshot, { FileExecutionCommand: { Content: 'echo draft', DataSourceName: '', FileId: id, FileType: 6 } });

    platform.holds.holding.add('run-file');
    try {
      const held = await call('RunFile', { FileId: id, Content: 'echo selected' }, own);
      assert.ok(Number(held['HoldId']) > 0);
      assert.equal(held['InstanceId'], undefined);
      const before = platform.scheduling.runs.length;
      await platform.decide('FAIL', 'no');
      assert.equal(platform.scheduling.runs.length, before);
      await call('RunFile', { FileId: id, Content: 'echo selected' }, own);
      await platform.decide('OK');
      assert.equal(platform.scheduling.runs.at(-1)?.content, 'echo selected');
    } finally {
      platform.holds.holding.clear();
    }
    assert.equal((await nodeRow(id))?.content, 'echo draft');
  });

  it('keeps others out: without the right, of another workspace, of another tenant', async () => {
    const id = await createFile('mine');
    await call('GetFile', { FileId: id }, legacy, visitor);
    for (const [action, request] of [
      ['CreateFile', { FileName: 'x', FileType: 6 }],
      ['UpdateFile', { FileId: id, Content: 'x' }],
      ['DeleteFile', { FileId: id }],
      ['SubmitFile', { FileId: id }],
      ['CreateFolder', { FolderPath: 'x' }],
      ['CreateBusiness', { BusinessName: 'x' }],
    ] as const) {
      await assert.rejects(call(action, request, legacy, visitor), refusal('Forbidden'));
    }
    await assert.rejects(call('GetFile', { FileId: id }, legacy, outsider), refusal('Forbidden'));
    await assert.rejects(call('GetFile', { FileId: id }, legacy, stranger), refusal('WorkspaceNotFound'));
    const other = await platform.createWorkspace('other', false);
    for (const [action, request] of [
      ['GetFile', { FileId: id }],
      ['UpdateFile', { FileId: id, Content: 'x' }],
      ['DeleteFile', { FileId: id }],
      ['SubmitFile', { FileId: id }],
      ['GetFileVersion', { FileId: id, FileVersion: 1 }],
      ['ListFileVersions', { FileId: id }],
    ] as const) {
      await assert.rejects(call(action, { ...request, ProjectId: other }), refusal('NotFound'));
    }
    assert.equal((await nodeRow(id))?.content, 'echo 1');
  });

  it('moves versions only along the edges of their table', () => {
    const all = Object.keys(nextVersionStatuses) as VersionStatus[];
    assert.deepEqual(
      all.flatMap((from) => all.filter((to) => nextVersionStatuses[from].includes(to)).map((to) => `${from} ${to}`)),
      ['COMMITTING COMMITTED', 'COMMITTING CANCELLED', 'COMMITTED DEPLOYING', 'DEPLOYING COMMITTED', 'DEPLOYING DEPLOYED', 'DEPLOYED DEPLOYING'],
    );
  });
});
