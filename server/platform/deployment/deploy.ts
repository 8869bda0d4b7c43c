import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Change } from '../../kernel/change.ts';
import type { Studio } from '../studio/interface.ts';
import { packages } from './packages.ts';

/** Bringing committed versions to production. */
export interface Deployments {
  /** Deploys what is committed of a file, or holds the deployment. Returns its id. */
  deploy(change: Change, workspaceId: number, file: { readonly fileId?: number | undefined; readonly nodeId?: number | undefined }, comment: string): Promise<number>;
  readonly point: PointDeclaration;
}

export function createDeployments(options: { holds: Holds; studio: Studio }): Deployments {
  const { holds, studio } = options;
  const again = (change: Change, args: Readonly<Record<string, unknown>>) => studio.again(change, Number(args['workspaceId']), Number(args['fileId']), Number(args['version']));

  return {
    async deploy(change, workspaceId, file, comment) {
      const deployable = await studio.deployable(change, workspaceId, file);
      const { node, version } = deployable;
      const id = await packages.open(change, { workspaceId, kind: 'deploy', fileId: node.id, version: version.version, name: `${node.name} v${version.version}`, comment });
      await studio.deploying(change, deployable);
      const proposed = await holds.propose(change, {
        point: 'deploy-file',
        workspaceId,
        objectKey: `file:${node.id}`,
        data: studio.payload(deployable, change.actor.userId),
        title: node.name,
        fileType: node.file_type,
        snapshot: studio.snapshot(deployable),
        args: { workspaceId, fileId: node.id, version: version.version, packageId: id },
      });
      if (proposed.held) {
        await packages.checking(change, id);
      } else {
        await studio.deployed(change, deployable);
        await packages.succeed(change, id);
      }
      return id;
    },
    point: {
      code: 'deploy-file',
      async proceed(change, args) {
        await studio.deployed(change, await again(change, args));
        await packages.succeed(change, Number(args['packageId']));
      },
      async reject(change, args, outcome) {
        await studio.notDeployed(change, await again(change, args));
        await packages.fail(change, Number(args['packageId']), { message: outcome.tip, byCheck: true });
      },
    },
  };
}
