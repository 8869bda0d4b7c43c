import type { Holds, PointDeclaration } from '../../extensions/declare.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { Packages, Releases, Studio } from '../studio/interface.ts';
import { createDeployments } from './deploy.ts';
import { currentOperations, legacyOperations } from './operations.ts';
import { packages } from './packages.ts';
import { createPipeline } from './pipeline.ts';
import { pipelineOperations } from './pipeline-operations.ts';

export { deploymentSchema } from './schema.ts';

/** The way of committed versions to production, and the record of everything that is on its way. */
export function createDeployment(options: { holds: Holds; studio: Studio; releases: Releases }): {
  readonly module: Module;
  readonly points: readonly PointDeclaration[];
  readonly packages: Packages;
  /** To be laid over all points: holds that a stage of a pipeline run has asked for go back to the run. */
  throughRuns(point: PointDeclaration): PointDeclaration;
} {
  const deployments = createDeployments(options);
  const pipeline = createPipeline(options);
  return {
    module: {
      name: 'deployment',
      operations: [
        ...declareOperations('dataworks-public', '2020-05-18', legacyOperations(deployments)),
        ...declareOperations('dataworks-public', '2024-05-18', currentOperations(deployments)),
        ...declareOperations('dataworks-public', '2024-05-18', pipelineOperations(pipeline, options.releases)),
      ],
      jobs: pipeline.jobs,
    },
    points: [deployments.point],
    packages,
    throughRuns: pipeline.throughRuns,
  };
}
