import { VALID } from '../../server/platform/certificates/certificates.fixture.ts';
import type { TestHouse } from '../support/house.ts';
import { testUpload } from '../support/uploads.ts';

const CURRENT = '2024-05-18';

/** One of each thing that a workspace has beside its code: a role of its own, a compute resource, a certificate, a dataset with a version, an image. */
export async function makeBelongings(house: TestHouse, ProjectId: number, mark: string): Promise<Record<string, unknown>> {
  const { call } = house;
  const { Code } = await call(CURRENT, 'CreateProjectRole', { ProjectId, Name: mark });
  const ConnectionProperties = JSON.stringify({ host: `${mark}.example.com`, password: mark });
  const compute = Number((await call(CURRENT, 'CreateComputeResource', { ProjectId, Name: mark, Type: 'hologres', ConnectionPropertiesMode: 'UrlMode', ConnectionProperties, Description: mark }))['Id']);
  const certificate = Number((await call(CURRENT, 'ImportCertificate', { ProjectId, Name: mark, Description: mark, CertificateFile: await testUpload(house, mark, VALID) }))['Id']);
  const DatasetId = String((await call(CURRENT, 'CreateDataset', { ProjectId, Name: mark, Comment: mark, StorageType: 'OSS', InitVersion: JSON.stringify({ Url: `oss://${mark}/${mark}`, Comment: mark }) }))['Id']);
  await call(CURRENT, 'CreateDatasetVersion', { DatasetId, Url: `oss://${mark}/second` });
  const { Dataset } = (await call(CURRENT, 'GetDataset', { Id: DatasetId })) as { Dataset: { LatestVersion: { Id: string } } };
  const ImageId = String((await call('2026-12-01', 'RegisterImage', { Name: mark, ImageVersion: mark, ImageUri: mark, Description: mark }))['ImageId']);
  await call(CURRENT, 'AssociateProjectToImage', { ProjectId, Id: ImageId });
  const of = (id: unknown, ...actions: string[]) => Object.fromEntries(actions.map((action) => [`${action}.Id`, id]));
  return {
    DatasetId,
    ImageId,
    ...of(ImageId, 'GetImage', 'ListImageVersions', 'ListImageAssociatedProjects', 'AssociateProjectToImage', 'DissociateProjectFromImage'),
    'UpdateProjectRole.Code': Code,
    'DeleteProjectRole.Code': Code,
    // What these need to be carried out.
    'UpdateProjectRole.ModulePermissions': [{ ModuleId: 11, PermissionType: 'Read' }],
    'CreateComputeResource.ConnectionPropertiesMode': 'UrlMode',
    'ImportCertificate.CertificateFile': await testUpload(house, `${mark}_other`, VALID),
    'CreateIdentifyCredential.IdentifyCredential': { ProjectId: String(ProjectId), UserId: '1', UserType: 'SubAccount', DataSource: { Type: 'hive', InstanceId: mark, Role: 'Admin', UserName: mark, Password: mark } },
    'CreateDataset.InitVersion': { Url: `oss://${mark}/other` },
    'CreateDatasetVersion.Url': `oss://${mark}/third`,
    ...of(compute, 'GetComputeResource', 'UpdateComputeResource', 'DeleteComputeResource'),
    ...of(certificate, 'GetCertificate', 'DeleteCertificate'),
    ...of(DatasetId, 'GetDataset', 'UpdateDataset', 'DeleteDataset'),
    ...of(Dataset.LatestVersion.Id, 'GetDatasetVersion', 'UpdateDatasetVersion', 'DeleteDatasetVersion', 'PreviewDatasetVersion'),
  };
}
