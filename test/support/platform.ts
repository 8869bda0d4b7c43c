import { randomBytes } from 'node:crypto';
import { createChanges, platformActor } from '../../server/kernel/change.ts';
import { manualClock } from '../../server/kernel/clock.ts';
import { openDatabase } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { silentLog } from '../../server/kernel/log.ts';
import { createJobRunner } from '../../server/kernel/jobs.ts';
import { secretBox } from '../../server/kernel/secrets.ts';
import { maintainAllPartitions } from '../../server/modules.ts';
import { createDeployment } from '../../server/platform/deployment/index.ts';
import { createStudio } from '../../server/platform/studio/index.ts';
import { createWorkspaces } from '../../server/platform/workspaces/index.ts';
import type { HoldOutcome } from '../../server/extensions/declare.ts';
import { testCaller, testEvents, testGateway, testHolds } from './call.ts';
import { testDatabase } from './database.ts';
import { recordedScheduling } from './scheduling.ts';

export const legacy = '2020-05-18';
export const current = '2024-05-18';
export const own = '2026-12-01';

/** The tenant's administrator; a developer, who may not deploy; a visitor; somebody outside the workspace; the owner of another tenant. */
export const people = {
  admin: testCaller(1, 1, ['tenant_admin']),
  developer: testCaller(2),
  visitor: testCaller(3),
  outsider: testCaller(4),
  stranger: testCaller(9, 2, ['tenant_owner']),
};

/** Workspaces, studio and deployment on a database of their own, with stand-ins for the doors and the scheduler, and a workspace `shop` in standard mode. */
export async function testPlatform() {
  const test = await testDatabase();
  const database = openDatabase({ connection: test.url, connections: 8 });
  const clock = manualClock(new Date('2026-03-22T06:30:00Z'));
  await maintainAllPartitions(database, clock.now());
  const events = testEvents();
  const holds = testHolds();
  const scheduling = recordedScheduling();
  const users = {
    async find(id: number, tenantId: number) {
      return (tenantId === 1 && id >= 1 && id < 9) || (tenantId === 2 && id === 9) ? { id, name: `user${id}`, displayName: `User ${id}` } : undefined;
    },
  };
  const workspaces = createWorkspaces({ database, clock, log: silentLog, users, holds, scheduling });
  const studio = createStudio({
    holds,
    scheduling,
    users,
    packages: () => deployment.packages,
    secrets: secretBox(randomBytes(32)),
    workspaces: workspaces.directory,
    uploads: { operations: {}, read: async (_tenantId, _parameter, url) => ({ content: `fetched from ${url}`, encoding: 'utf-8' as const }) },
  });
  const deployment = createDeployment({ holds, studio: studio.studio, releases: studio.releases });
  const undeploy = { code: 'undeploy-node', async proceed() {}, async reject() {} };
  const points = [...workspaces.points, ...studio.points, ...deployment.points, undeploy].map((point) => deployment.throughRuns(point));
  const modules = [workspaces.module, studio.module, deployment.module];
  const gateway = testGateway({ database, clock, directory: workspaces.directory, events, operations: modules.flatMap((module) => module.operations ?? []) });
  const changes = createChanges({ database, clock, ids: randomIds, events });
  const jobs = createJobRunner({ database, changes, clock, log: silentLog, jobs: modules.flatMap((module) => module.jobs ?? []) });

  async function createWorkspace(name: string, standard: boolean): Promise<number> {
    const answer = await gateway.call(people.admin, current, 'CreateProject', { Name: name, DisplayName: name, DevEnvironmentEnabled: standard });
    const id = Number(answer['Id']);
    await gateway.call(people.admin, current, 'CreateProjectMember', { ProjectId: id, UserId: '2', RoleCodes: ['role_project_dev'] });
    await gateway.call(people.admin, current, 'CreateProjectMember', { ProjectId: id, UserId: '3', RoleCodes: ['role_project_guest'] });
    return id;
  }
  const shop = await createWorkspace('shop', true);

  return {
    database,
    clock,
    events,
    holds,
    scheduling,
    gateway,
    /** Carries out what follows changes; nothing does so by itself here. */
    jobs,
    shop,
    createWorkspace,
    /** Ends the last hold as the resuming job does. */
    decide: (verdict: HoldOutcome['verdict'], tip?: string) => changes.change(platformActor('test', 1), (change) => holds.decide(change, points, verdict, tip)),
    async close() {
      await database.close();
      await test.drop();
    },
  };
}

export type TestPlatform = Awaited<ReturnType<typeof testPlatform>>;
