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
