import assert from 'node:assert/strict';
import { until } from '../../examples/demo/until.ts';
import type { TestHouse } from './house.ts';

const LEGACY = '2020-05-18';

/** Nodes of a workspace of a test house, deployed and run. The business flow of the workspace's name must be there. */
export function testRuns(house: TestHouse, workspace: { readonly id: number; readonly name: string }) {
  const ProjectId = workspace.id;

  /** Commits a file of the studio and puts it into production. */
  async function deploy(FileId: number): Promise<void> {
    const ended = (DeploymentId: number) =>
      until('a deployment', async () => {
        const { Deployment } = (await house.call(LEGACY, 'GetDeployment', { ProjectId, DeploymentId }))['Data'] as { Deployment: { Status: number; ErrorMessage?: string } };
        assert.notEqual(Deployment.Status, 2, Deployment.ErrorMessage);
        return Deployment.Status === 1 ? true : undefined;
      });
    await ended(Number((await house.call(LEGACY, 'SubmitFile', { ProjectId, FileId, Comment: 'first' }))['Data']));
    await ended(Number((await house.call(LEGACY, 'DeployFile', { ProjectId, FileId, Comment: 'first' }))['Data']));
  }

  return {
    deploy,
    /** Deploys the code as a node and runs it for the business date 2026-03-21. Answers how it ended, and its log. */
    async run(name: string, FileType: number, Content: string, more: Record<string, string> = {}, ProjectEnv = 'PROD'): Promise<{ status: string; log: string }> {
      const FileFolderPath = `业务流程/${workspace.name}/MaxCompute`;
      const FileId = Number((await house.call(LEGACY, 'CreateFile', { ProjectId, FileName: name, FileType, Content, FileFolderPath, InputList: `${workspace.name}_root`, OutputList: `${workspace.name}.${name}`, ...more }))['Data']);
      await deploy(FileId);
      const { File } = (await house.call(LEGACY, 'GetFile', { ProjectId, FileId }))['Data'] as { File: { NodeId: number } };
      const DagId = Number((await house.call(LEGACY, 'RunSmokeTest', { ProjectEnv, NodeId: File.NodeId, Name: name, Bizdate: '2026-03-21 00:00:00' }))['Data']);
      const { Instances } = (await house.call(LEGACY, 'ListInstances', { ProjectId, ProjectEnv, DagId }))['Data'] as { Instances: { InstanceId: number }[] };
      const InstanceId = Instances[0]?.InstanceId ?? 0;
      const status = await until('the end of an instance', async () => {
        const { Data } = (await house.call(LEGACY, 'GetInstance', { ProjectEnv, InstanceId })) as { Data: { Status: string } };
        return ['SUCCESS', 'FAILURE'].includes(Data.Status) ? Data.Status : undefined;
      });
      return { status, log: String((await house.call(LEGACY, 'GetInstanceLog', { ProjectEnv, InstanceId }))['Data']) };
    },
  };
}
