import type { ConsoleTest } from './browser.fixture.ts';

const legacy = '2020-05-18';
const current = '2024-05-18';

/** A workspace in which tests of the console work, with a reader who may only look, and an administrator of the Open Platform who manages it. */
export interface Shop {
  readonly workspace: number;
  /** Makes a file and commits it; answers its id. */
  commitFile(name: string): Promise<number>;
}

export async function openShop(backend: ConsoleTest): Promise<Shop> {
  const { call } = backend.house;
  const workspace = Number((await call(current, 'CreateProject', { Name: 'shop', DisplayName: 'Shop', DevEnvironmentEnabled: true }))['Id']);
  await call(legacy, 'CreateBusiness', { ProjectId: workspace, BusinessName: 'orders' });
  await backend.user('reader');
  const { userId } = await backend.user('platform_admin', ['open_platform_admin']);
  await call(current, 'CreateProjectMember', { ProjectId: workspace, UserId: userId, RoleCodes: '["role_project_admin"]' });
  return {
    workspace,
    async commitFile(name) {
      const FileId = Number((await call(legacy, 'CreateFile', { ProjectId: workspace, FileName: name, FileType: 6, Content: 'echo', FileFolderPath: '业务流程/orders/General', CreateFolderIfNotExists: true, InputList: 'shop_root', OutputList: `shop.${name}`, CronExpress: '00 30 00 * * ?', CycleType: 'DAY' }))['Data']);
      await call(legacy, 'SubmitFile', { ProjectId: workspace, FileId });
      return FileId;
    },
  };
}
