import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startTestHouse, type TestHouse } from '../../../test/support/house.ts';

const CURRENT = '2024-05-18';
const OWN = '2026-12-01';

interface Image {
  readonly Id: string;
  readonly Name: string;
  readonly Version: string;
  readonly Official: boolean;
  readonly Status: string;
  readonly Description: string;
  readonly Supported: { readonly TaskTypes: string[] };
}

describe('images', () => {
  let house: TestHouse;
  let ProjectId: number;
  before(async () => {
    house = await startTestHouse();
    ProjectId = Number((await house.call(CURRENT, 'CreateProject', { Name: 'pictured', DisplayName: 'pictured' }))['Id']);
  });
  after(() => house.stop());

  const register = async (Name: string, ImageVersion: string, extra: object = {}) => String((await house.call(OWN, 'RegisterImage', { Name, ImageVersion, ImageUri: `registry.example.com/${Name}:${ImageVersion}`, ...extra }))['ImageId']);
  const list = async (request: object = {}, call = house.call) => ((await call(CURRENT, 'ListImages', { PageSize: 100, ...request }))['PagingInfo'] as { ImageList: Image[] }).ImageList;
  const refused = (pattern: RegExp) => (error: unknown) => {
    assert.match(String(error), pattern);
    return true;
  };

  it('those of the server stand for what tasks really have, and say that they are records', async () => {
    const [scripts, sql] = await list({ Official: true });
    assert.deepEqual([scripts?.Supported.TaskTypes.includes('DIDE_SHELL'), sql?.Supported.TaskTypes.includes('ODPS_SQL')], [true, true]);
    for (const image of [scripts, sql]) assert.deepEqual([image?.Status, image?.Description.startsWith('Record only.')], ['ReadOnly', true]);
    assert.deepEqual((await house.call(CURRENT, 'GetImage', { Id: scripts?.Id ?? '' }))['Image'], scripts);
  });

  it('versions are added to the image of the name, and the latest is shown', async () => {
    const Id = await register('tools', '1.0', { Description: 'first', TaskTypes: JSON.stringify(['DIDE_SHELL', 'DIDE_SHELL']) });
    assert.equal(await register('tools', '2.0'), Id);
    await assert.rejects(register('tools', '2.0'), refused(/There is already/));
    const get = async (request: object) => (await house.call(CURRENT, 'GetImage', { Id, ...request }))['Image'] as Image;
    assert.deepEqual([(await get({})).Version, (await get({ ImageVersion: '1.0' })).Supported.TaskTypes], ['2.0', ['DIDE_SHELL']]);
    await assert.rejects(get({ ImageVersion: '3.0' }), refused(/There is no/));
    const { PagingInfo } = (await house.call(CURRENT, 'ListImageVersions', { Id, PageSize: 1 })) as { PagingInfo: { ImageVersions: Image[]; TotalCount: number } };
    assert.deepEqual([PagingInfo.ImageVersions.map((one) => one.Version), PagingInfo.TotalCount], [['2.0'], 2]);
    assert.deepEqual(await house.database.rows('select version from image_version where image_id = $1 order by position', [Id]), [{ version: '1.0' }, { version: '2.0' }]);
  });

  it('a workspace uses an image until it is taken away or goes', async () => {
    const Id = await register('used', '1');
    await house.call(CURRENT, 'AssociateProjectToImage', { ProjectId, Id });
    await house.call(CURRENT, 'AssociateProjectToImage', { ProjectId, Id: 'official_sql' });
    const used = async () => (await list({ ProjectIds: JSON.stringify([ProjectId]), SortBy: 'Name Desc' })).map((one) => one.Name);
    assert.deepEqual(await used(), ['used', 'millrace_sql']);
    const projects = async (call = house.call) => (await call(CURRENT, 'ListImageAssociatedProjects', { Id }))['Data'];
    assert.deepEqual(await projects(), [ProjectId]);
    const outsider = await house.as('outsider');
    assert.deepEqual(await projects(outsider.call), []);
    await assert.rejects(outsider.call(CURRENT, 'ListImages', { ProjectIds: JSON.stringify([ProjectId]) }), refused(/You may not/));
    await assert.rejects(outsider.call(CURRENT, 'AssociateProjectToImage', { ProjectId, Id }), refused(/You may not/));
    await assert.rejects(outsider.call(OWN, 'RegisterImage', { Name: 'x', ImageVersion: '1', ImageUri: 'x' }), refused(/You may not/));

    await house.call(CURRENT, 'DissociateProjectFromImage', { ProjectId, Id: 'official_sql' });
    assert.deepEqual(await used(), ['used']);
    await assert.rejects(house.call(CURRENT, 'DissociateProjectFromImage', { ProjectId, Id: 'official_sql' }), refused(/does not use it/));
    await house.call(OWN, 'DeregisterImage', { ImageId: Id });
    assert.deepEqual(await house.database.rows('select 1 from image_workspace where image_id = $1', [Id]), []);
    await assert.rejects(house.call(CURRENT, 'GetImage', { Id }), refused(/There is no/));
    await assert.rejects(house.call(CURRENT, 'AssociateProjectToImage', { ProjectId, Id }), refused(/There is no/));
  });

  it('is found by its properties, in its tenant only', async () => {
    await register('findme', '1', { TaskTypes: JSON.stringify(['PYODPS3', 'DIDE_SHELL']) });
    const names = async (request: object, call = house.call) => (await list(request, call)).map((one) => one.Name);
    assert.deepEqual(await names({ Name: 'FINDME' }), ['findme']);
    assert.deepEqual(await names({ SupportedTaskTypes: JSON.stringify(['PYODPS3']), Accessibility: 'Private' }), ['findme']);
    assert.deepEqual(await names({ ProviderTypes: JSON.stringify(['DataWorks']) }), ['millrace_scripts', 'millrace_sql']);
    assert.deepEqual(await names({ Statuses: JSON.stringify(['Available']) }), []);
    const stranger = await house.stranger();
    assert.deepEqual(await names({}, stranger.call), ['millrace_scripts', 'millrace_sql']);
    for (const request of [{ SortBy: 'Size' }, { PageSize: 101 }]) await assert.rejects(list(request), refused(/is not valid/));
    for (const name of ['', '-x', 'a b', 'nul\u0000']) await assert.rejects(register(name, '1'), refused(/is not valid|is required/), name);
    for (const Id of ['', 'x', '9'.repeat(30), 'nul\u0000']) await assert.rejects(house.call(CURRENT, 'GetImage', { Id }), refused(/There is no|is required|is not valid/), Id);
  });
});
