import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { Packages, Studio } from '../studio/interface.ts';
import { createDeployments } from './deploy.ts';
import { currentOperations, legacyOperations } from './operations.ts';
import { packages } from './packages.ts';

export { deploymentSchema } from './schema.ts';

/** The way of committed versions to production, and the record of everything that is on its way. */
export function createDeployment(options: { holds: Holds; studio: Studio }): { readonly module: Module; readonly points: readonly PointDeclaration[]; readonly packages: Packages } {
  const deployments = createDeployments(options);
  return {
    module: {
      name: 'deployment',
      operations: [
        ...declareOperations('dataworks-public', '2020-05-18', legacyOperations(deployments)),
        ...declareOperations('dataworks-public', '2024-05-18', currentOperations(deployments)),
      ],
    },
    points: [deployments.point],
    packages,
  };
}
