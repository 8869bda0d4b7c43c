import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { startTestHouse, type TestHouse } from '../../../test/support/house.ts';
import { testUpload } from '../../../test/support/uploads.ts';
import { readLocation } from './location.ts';

const CURRENT = '2024-05-18';

interface Preview {
  readonly Content?: string;
  readonly FileName: string;
  readonly MimeType: string;
  readonly SupportPreview: boolean;
}

async function duckdb(file: string, ...statements: string[]): Promise<void> {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  for (const statement of statements) await connection.run(statement);
  connection.closeSync();
  instance.closeSync();
}

describe('datasets', () => {
  let house: TestHouse;
  let ProjectId: number;
  let folder: string;
  let scratch: string;
  before(async () => {
    house = await startTestHouse();
    ProjectId = Number((await house.call(CURRENT, 'CreateProject', { Name: 'sets', DisplayName: 'sets', DevEnvironmentEnabled: true }))['Id']);
    folder = join(house.dataFolder, 'workspaces', String(ProjectId));
    await mkdir(folder, { recursive: true });
    scratch = await mkdtemp(join(tmpdir(), 'millrace-sets-'));
  });
  after(async () => {
    await house.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const create = async (Name: string, Url: string, extra: object = {}) => String((await house.call(CURRENT, 'CreateDataset', { ProjectId, Name, StorageType: 'NAS', InitVersion: JSON.stringify({ Url, Comment: 'first' }), ...extra }))['Id']);
  const get = async (Id: string) => (await house.call(CURRENT, 'GetDataset', { Id }))['Dataset'] as Record<string, unknown> & { LatestVersion: { Id: string; VersionNumber: number; Url: string } };
  const preview = async (id: string) => (await house.call(CURRENT, 'PreviewDatasetVersion', { Id: (await get(id)).LatestVersion.Id }))['PreviewResult'] as Preview;
  const NOT_VALID = /is not valid|is required/;
  const refused = (pattern: RegExp) => (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, pattern);
    return true;
  };

  it('a dataset begins with its first version; ids are texts, and a storage type has the spelling of answers', async () => {
    const Id = await create('first', 'oss://bucket/pictures/', { DataType: 'PIC', StorageType: 'EXTREMENAS', Comment: 'pictures', InitVersion: JSON.stringify({ Url: 'oss://bucket/pictures/', Comment: 'v1', MountPath: '/mnt/data', ImportInfo: { a: 'b' } }) });
    const { LatestVersion, ...dataset } = await get(Id);
    const CreatorId = String(house.first.userId);
    assert.deepEqual({ ...dataset, CreateTime: 0, ModifyTime: 0 }, { Id, ProjectId, Name: 'first', DataType: 'PIC', StorageType: 'EXTREM_NAS', Origin: 'DataWorks', Comment: 'pictures', Readme: '', Labels: [], CreatorId, CreateTime: 0, ModifyTime: 0 });
    assert.deepEqual({ ...LatestVersion, Id: '', CreateTime: 0, ModifyTime: 0 }, { Id: '', DatasetId: Id, VersionNumber: 1, Comment: 'v1', Url: 'oss://bucket/pictures/', MountPath: '/mnt/data', ImportInfo: { a: 'b' }, StorageType: 'EXTREM_NAS', Labels: [], CreatorId, CreateTime: 0, ModifyTime: 0 });
    assert.deepEqual(await preview(Id), { FileName: 'pictures', MimeType: 'application/octet-stream', SupportPreview: false });
  });

  it('what comes from the web is copied: a version stays what it was', async () => {
    const url = await testUpload(house, 'cities.csv', 'city,n\nHangzhou,3\n');
    const Id = await create('copied', url);
    await house.database.run('delete from upload');
    assert.deepEqual(await preview(Id), { FileName: 'cities.csv', MimeType: 'text/csv', SupportPreview: true, Content: 'city,n\nHangzhou,3\n' });
    await house.call(CURRENT, 'CreateDatasetVersion', { DatasetId: Id, Url: await testUpload(house, 'cities.csv', 'city,n\nSuzhou,4\n'), Comment: 'second' });
    const latest = await get(Id);
    assert.equal(latest.LatestVersion.VersionNumber, 2);
    assert.match((await preview(Id)).Content ?? '', /Suzhou/);
    const { PagingInfo } = (await house.call(CURRENT, 'ListDatasetVersions', { DatasetId: Id })) as { PagingInfo: { DatasetVersions: { Id: string; VersionNumber: number }[]; TotalCount: number } };
    assert.deepEqual([PagingInfo.DatasetVersions.map((one) => one.VersionNumber), PagingInfo.TotalCount], [[2, 1], 2]);
    const first = PagingInfo.DatasetVersions[1]?.Id ?? '';
    assert.match(((await house.call(CURRENT, 'PreviewDatasetVersion', { Id: first }))['PreviewResult'] as Preview).Content ?? '', /Hangzhou/);

    await house.call(CURRENT, 'DeleteDatasetVersion', { Id: latest.LatestVersion.Id });
    assert.equal((await get(Id)).LatestVersion.Id, first);
    await assert.rejects(house.call(CURRENT, 'DeleteDatasetVersion', { Id: first }), refused(/cannot do this now/), 'the only one');
    await house.call(CURRENT, 'CreateDatasetVersion', { DatasetId: Id, Url: 'oss://b/x' });
    assert.equal((await get(Id)).LatestVersion.VersionNumber, 3, 'a number is never given twice');
    await house.call(CURRENT, 'UpdateDatasetVersion', { Id: first, Comment: 'renamed' });
    const { DatasetVersion } = (await house.call(CURRENT, 'GetDatasetVersion', { Id: first })) as { DatasetVersion: { Comment: string } };
    assert.equal(DatasetVersion.Comment, 'renamed');
  });

  it('shows the first rows of Parquet files and of tables in the DuckDB file of the workspace', async () => {
    const parquet = join(scratch, 'sales.parquet');
    await duckdb(':memory:', `copy (select i as id, 'a "b", c' as text, case when i > 0 then i end as maybe from range(300) t(i)) to '${parquet}' (format parquet)`);
    const shown = await preview(await create('parquet', await testUpload(house, 'sales.parquet', await readFile(parquet))));
    assert.deepEqual([shown.MimeType, shown.SupportPreview, shown.Content?.split('\n').length], ['text/csv', true, 102]);
    assert.deepEqual(shown.Content?.split('\n').slice(0, 3), ['id,text,maybe', '0,"a ""b"", c",', '1,"a ""b"", c",1']);
    await duckdb(join(folder, 'dev.duckdb'), 'create schema shop', 'create table shop.orders (id int, day date)', "insert into shop.orders values (1, '2026-03-21')");
    assert.deepEqual(await preview(await create('table', 'duckdb://dev/shop.orders')), { FileName: 'orders.csv', MimeType: 'text/csv', SupportPreview: true, Content: 'id,day\n1,2026-03-21\n' });
    for (const [name, url] of [['no_table', 'duckdb://dev/shop.none'], ['no_file', 'duckdb://prod/orders'], ['injected', 'duckdb://dev/orders" limit 1; drop table x; --']] as const) {
      assert.equal((await preview(await create(name, url))).SupportPreview, false, name);
    }
    const broken = await create('broken', await testUpload(house, 'x.parquet', 'this is no parquet'));
    assert.equal((await preview(broken)).SupportPreview, false);
    assert.deepEqual((await readFile(join(folder, 'dev.duckdb'))).length > 0, true);
  });

  it('shows files of the workspace, and no others', async () => {
    await writeFile(join(folder, 'notes.txt'), `${'long '.repeat(20_000)}ende`);
    const { Content = '' } = await preview(await create('notes', 'file:notes.txt'));
    assert.equal(Content.length, 64 * 1024);
    await writeFile(join(folder, 'letters.txt'), 'ü'.repeat(40_000));
    assert.match((await preview(await create('letters', 'file:///letters.txt'))).Content ?? '', /^ü+$/);
    await writeFile(join(folder, 'picture.png'), Buffer.from([137, 80, 78, 71, 0, 1]));
    assert.deepEqual(await preview(await create('picture', 'file:picture.png')), { FileName: 'picture.png', MimeType: 'image/png', SupportPreview: false });
    await writeFile(join(scratch, 'outside.txt'), 'hush');
    await symlink(join(scratch, 'outside.txt'), join(folder, 'link.txt'));
    assert.equal((await preview(await create('link', 'file:link.txt'))).SupportPreview, false);
    for (const url of ['file:../x', 'file:', 'file:a/../../x', 'duckdb://test/x', 'nothing', 'duckdb://dev/a.b.c', '', 'https://', 'file:nul\u0000']) {
      await assert.rejects(create('bad', url), refused(NOT_VALID), url);
    }
    assert.deepEqual(readLocation('Url', 'file:/a/./b.csv'), { kind: 'file', path: 'a/b.csv', fileName: 'b.csv' });
  });

  it('lists what the caller may read, by its properties', async () => {
    const other = Number((await house.call(CURRENT, 'CreateProject', { Name: 'more_sets', DisplayName: 'more' }))['Id']);
    await create('listed_a', 'oss://b/a', { ProjectId: other, DataType: 'TEXT', StorageType: 'EXTREMENAS' });
    await create('listed_b', 'oss://b/b', { ProjectId: other, DataType: 'TABLE', StorageType: 'OSS', Origin: 'PAI' });
    const list = async (request: object, call = house.call) => {
      const { PagingInfo } = (await call(CURRENT, 'ListDatasets', { ...request })) as { PagingInfo: { Datasets: { Name: string; LatestVersion: { VersionNumber: number } }[] } };
      return PagingInfo.Datasets.map((one) => `${one.Name} ${one.LatestVersion.VersionNumber}`);
    };
    assert.deepEqual(await list({ Name: 'LISTED', SortBy: 'Name', Order: 'Asc' }), ['listed_a 1', 'listed_b 1']);
    assert.deepEqual(await list({ ProjectId: other, StorageTypeList: 'EXTREMENAS' }), ['listed_a 1']);
    assert.deepEqual(await list({ ProjectId: other, DataTypeList: 'TABLE,PIC' }), ['listed_b 1']);
    assert.deepEqual(await list({ ProjectId: other, Origin: 'PAI' }), ['listed_b 1']);
    const reader = await house.as('reader');
    assert.deepEqual(await list({}, reader.call), []);
    await assert.rejects(list({ ProjectId: other }, reader.call), refused(/You may not call/));
    await house.call(CURRENT, 'CreateProjectMember', { ProjectId: other, UserId: String(reader.userId), RoleCodes: JSON.stringify(['role_project_guest']) });
    assert.equal((await list({}, reader.call)).length, 2);
    const stranger = await house.stranger();
    assert.deepEqual(await list({}, stranger.call), []);
    await assert.rejects(list({ ProjectId: other }, stranger.call), refused(/There is no workspace/));
  });

  it('changes, deletes, and refuses what cannot be', async () => {
    const Id = await create('changing', 'oss://b/c');
    await house.call(CURRENT, 'UpdateDataset', { Id, Name: 'changed', Readme: '# What it is' });
    const changed = await get(Id);
    assert.deepEqual([changed['Name'], changed['Readme'], changed['Comment']], ['changed', '# What it is', '']);
    await assert.rejects(create('changed', 'oss://b/d'), refused(/There is already/));
    const another = await create('another', 'oss://b/d');
    await assert.rejects(house.call(CURRENT, 'UpdateDataset', { Id: another, Name: 'changed' }), refused(/There is already/));
    for (const extra of [{ StorageType: 'CPFS' }, { DataType: 'X' }, { Origin: 'X' }, { Name: ' ' }]) await assert.rejects(create('bad', 'oss://b/d', extra), refused(NOT_VALID));
    await house.call(CURRENT, 'DeleteDataset', { Id });
    assert.deepEqual(await house.database.rows('select 1 from dataset_version where dataset_id = $1', [Id]), []);
    for (const id of [Id, '', 'x', '1e3', '9'.repeat(30)]) await assert.rejects(house.call(CURRENT, 'GetDataset', { Id: id }), refused(/There is no|is required/), id);
  });

  it('the secrets of a signed address are not kept', async () => {
    const url = await testUpload(house, 'signed.csv', 'a\n1\n');
    await create('signed', `${url}?Expires=1&Signature=zq7-signature&security-token=zq7-token`);
    assert.deepEqual(await house.database.rows(`select url from dataset_version v where v::text like '%zq7-%'`), []);
  });
});
