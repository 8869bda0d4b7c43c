import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

/** The files of the legacy studio as version 2024-05-18 still has them: another dialect of the same rows. */
const CURRENT = '2024-05-18';

let house: TestHouse;
let ProjectId: number;
before(async () => {
  house = await startTestHouse();
  ProjectId = Number((await house.call(CURRENT, 'CreateProject', { Name: 'files', DisplayName: 'Files' }))['Id']);
});
after(() => house.stop());

const call = (action: string, request: object = {}) => house.call(CURRENT, action, { ProjectId, ...request });

test('businesses are created, found, changed and deleted', async () => {
  const BusinessId = Number((await call('CreateBusiness', { BusinessName: 'orders', Description: 'first' }))['BusinessId']);
  await call('UpdateBusiness', { BusinessId, BusinessName: 'sales', Description: 'second' });
  const { Data } = (await call('GetBusiness', { BusinessId })) as { Data: { BusinessName: string; Description: string } };
  assert.deepEqual([Data.BusinessName, Data.Description], ['sales', 'second']);
  const list = async () => ((await call('ListBusiness', { PageNumber: 1, PageSize: 10, Keyword: 'sal' }))['Data'] as { Business: { BusinessId: number }[] }).Business.map((one) => one.BusinessId);
  assert.deepEqual(await list(), [BusinessId]);
  await call('DeleteBusiness', { BusinessId });
  assert.deepEqual(await list(), []);
});

test('folders and files are created, listed, versioned and deleted', async () => {
  await call('CreateBusiness', { BusinessName: 'flow' });
  const parent = '业务流程/flow/MaxCompute';
  await call('CreateFolder', { FolderPath: `${parent}/inner` });
  const folders = async () => ((await call('ListFolders', { PageNumber: 1, PageSize: 10, ParentFolderPath: parent }))['Data'] as { Folders: { FolderId: string; FolderPath: string }[] }).Folders;
  const [folder] = await folders();
  assert.equal(folder?.FolderPath, `${parent}/inner`);
  await call('UpdateFolder', { FolderId: String(folder?.FolderId), FolderName: 'renamed' });
  const [renamed] = await folders();
  assert.equal(renamed?.FolderPath, `${parent}/renamed`);

  const FileId = Number((await call('CreateFile', { FileName: 'greet', FileType: 6, Content: 'echo hi', FileFolderPath: `${parent}/renamed`, InputList: 'files_root' }))['Data']);
  const files = async () => ((await call('ListFiles', { Keyword: 'greet' }))['Data'] as { Files: { FileId: number }[] }).Files.map((one) => one.FileId);
  assert.deepEqual(await files(), [FileId]);
  await call('SubmitFile', { FileId, Comment: 'one' });
  await eventually('the file has a version', async () => ((await call('ListFileVersions', { FileId, PageNumber: 1, PageSize: 10 }))['Data'] as { FileVersions: { Comment: string }[] }).FileVersions.some((one) => one.Comment === 'one'));
  const draft = Number((await call('CreateFile', { FileName: 'draft', FileType: 6, Content: 'echo', FileFolderPath: parent, InputList: 'files_root' }))['Data']);
  await call('DeleteFile', { FileId: draft });
  await eventually('the draft is gone', async () => ((await call('ListFiles', { Keyword: 'draft' }))['Data'] as { Files: object[] }).Files.length === 0);

  await call('CreateFolder', { FolderPath: `${parent}/empty` });
  const empty = (await folders()).find(({ FolderPath }) => FolderPath.endsWith('/empty'));
  await call('DeleteFolder', { FolderId: String(empty?.FolderId) });
  assert.deepEqual((await folders()).map(({ FolderPath }) => FolderPath), [`${parent}/renamed`]);
});

test('a file is changed, committed, deployed and runs from then on as its version says', async () => {
  await call('CreateBusiness', { BusinessName: 'release' });
  const FileFolderPath = '业务流程/release/MaxCompute';
  const { Data: folder } = (await call('GetFolder', { FolderPath: FileFolderPath })) as { Data: { FolderId: string } };
  assert.deepEqual((await call('GetFolder', { FolderId: folder.FolderId }))['Data'], { FolderId: folder.FolderId, FolderPath: FileFolderPath });

  const FileId = Number((await call('CreateFile', { FileName: 'released', FileType: 6, Content: 'echo 1', FileFolderPath, InputList: 'files_root' }))['Data']);
  await call('UpdateFile', { FileId, Content: 'echo 2', FileDescription: 'prints two', CronExpress: '00 30 02 * * ?' });
  const { Data: shown } = (await call('GetFile', { FileId })) as { Data: { File: Record<string, unknown>; NodeConfiguration: Record<string, unknown> } };
  assert.deepEqual([shown.File['Content'], shown.File['FileDescription'], shown.NodeConfiguration['CronExpress']], ['echo 2', 'prints two', '00 30 02 * * ?']);

  const version = async () => ((await call('GetFileVersion', { FileId, FileVersion: 1 }))['Data']) as Record<string, unknown>;
  await call('SubmitFile', { FileId, Comment: 'two' });
  await eventually('the file has a version', () => version().then(() => true, () => false));
  await call('UpdateFile', { FileId, Content: 'echo 3' });
  const committed = await version();
  assert.deepEqual([committed['FileContent'], committed['Comment'], committed['ChangeType'], committed['IsCurrentProd']], ['echo 2', 'two', 'CREATE', false]);

  await call('DeployFile', { FileId });
  await eventually('the version is in production', async () => (await version())['IsCurrentProd'] === true);
  const { PagingInfo } = (await call('ListTasks', { Name: 'released', ProjectEnv: 'Prod' })) as { PagingInfo: { Tasks: { Id: number; Trigger: { Cron: string } }[] } };
  assert.deepEqual(PagingInfo.Tasks.map((task) => task.Trigger.Cron), ['00 30 02 * * ?']);
  const { Task } = (await call('GetTask', { Id: PagingInfo.Tasks[0]?.Id, ProjectEnv: 'Prod' })) as { Task: { Script: { Content: string } } };
  assert.equal(Task.Script.Content, 'echo 2');
});

test('resource and function files are the resources and functions of the newer operations', async () => {
  await call('CreateBusiness', { BusinessName: 'kit' });
  const path = (kind: string) => `业务流程/kit/MaxCompute/${kind}`;
  for (const kind of ['资源', '函数']) await call('CreateFolder', { FolderPath: path(kind) }).catch(() => undefined);
  const resource = Number((await call('CreateResourceFile', { FileName: 'kit.py', FileType: 12, FileFolderPath: path('资源'), OriginResourceName: 'kit_of_ours.py', RegisterToCalcEngine: true, Content: 'def one(): return 1', FileDescription: 'small things' }))['Data']);
  const { PagingInfo: resources } = (await call('ListResources', { Name: 'kit' })) as { PagingInfo: { Resources: Record<string, unknown>[] } };
  assert.deepEqual(resources.Resources.map((one) => [one['Id'], one['Name'], one['Type'], one['SourcePath']]), [[String(resource), 'kit.py', 'Python', 'kit_of_ours.py']]);
  const { Resource } = (await call('GetResource', { Id: String(resource) })) as { Resource: { Spec: string } };
  const [document] = (JSON.parse(Resource.Spec) as { spec: { fileResources: { script: { content: string }; description: string }[] } }).spec.fileResources;
  assert.deepEqual([document?.script.content, document?.description], ['def one(): return 1', 'small things']);

  const made = Number((await call('CreateUdfFile', { FileName: 'one', FunctionType: 'MATH', ClassName: 'kit.One', Resources: 'kit.py', FileFolderPath: path('函数'), UdfDescription: 'one' }))['Data']);
  const functions = async () => ((await call('ListFunctions', { Name: 'one' })) as { PagingInfo: { Functions: Record<string, unknown>[] } }).PagingInfo.Functions.map((one) => [one['Id'], one['ClassName'], one['Type'], one['FileResource'], one['Description'], one['ReturnValueDescription']]);
  assert.deepEqual(await functions(), [[String(made), 'kit.One', 'Math', 'kit.py', 'one', undefined]]);
  await call('UpdateUdfFile', { FileId: String(made), FunctionType: 'STRING', ClassName: 'kit.Uno', Resources: 'kit.py,more.py', ReturnValue: 'always one' });
  assert.deepEqual(await functions(), [[String(made), 'kit.Uno', 'String', 'kit.py,more.py', 'one', 'always one']]);
});
