/** Which stages a pipeline run has. Pure. */

export interface StagePlan {
  readonly code: 'BUILD_PACKAGE' | 'DEV_CHECK' | 'DEV' | 'PROD_CHECK' | 'PROD' | 'OfflineCheck';
  readonly type: 'Build' | 'Check' | 'Deploy' | 'Offline';
}

const build: StagePlan = { code: 'BUILD_PACKAGE', type: 'Build' };
const production: readonly StagePlan[] = [
  { code: 'PROD_CHECK', type: 'Check' },
  { code: 'PROD', type: 'Deploy' },
];

/** Names and meanings for people. */
export const stageTexts: Readonly<Record<StagePlan['code'], { readonly name: string; readonly description: string }>> = {
  BUILD_PACKAGE: { name: 'Build', description: 'Makes versions of the drafts and sees whether they fit together.' },
  DEV_CHECK: { name: 'Development check', description: 'Extensions at the point commit-file decide.' },
  DEV: { name: 'Deploy to development', description: 'Puts the versions into service in development.' },
  PROD_CHECK: { name: 'Production check', description: 'Extensions at the points deploy-file, or undeploy-node, decide.' },
  PROD: { name: 'Production', description: 'Puts the versions into service in production, or takes them out of it.' },
  OfflineCheck: { name: 'Dependency check', description: 'Sees whether something in production waits for what is to leave it.' },
};

/** The stages of a run, the first of which begins by itself. A workspace in standard mode has development before production. */
export function stagesOf(type: 'Online' | 'Offline', standardMode: boolean): readonly StagePlan[] {
  if (type === 'Offline') return [{ code: 'OfflineCheck', type: 'Check' }, { code: 'PROD_CHECK', type: 'Check' }, { code: 'PROD', type: 'Offline' }];
  return standardMode ? [build, { code: 'DEV_CHECK', type: 'Check' }, { code: 'DEV', type: 'Deploy' }, ...production] : [build, ...production];
}
