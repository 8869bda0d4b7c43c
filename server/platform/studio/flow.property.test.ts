import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as fc from 'fast-check';
import { current, people, testPlatform, type TestPlatform } from '../../../test/support/platform.ts';
import { ApiError } from '../../kernel/errors.ts';
import { anySpec, brokenSpec } from '../flowspec/flowspec.fixture.ts';
import { parseFlowSpec } from '../flowspec/index.ts';

describe('any spec at the studio', () => {
  let platform: TestPlatform;
  let count = 0;
  before(async () => {
    platform = await testPlatform();
  });
  after(() => platform.close());
  const call = (action: string, request: object) => platform.gateway.call(people.developer, current, action, { ProjectId: platform.shop, ...request });

  it('is refused with the place of its fault when it is malformed', async () => {
    await fc.assert(
      fc.asyncProperty(brokenSpec, fc.constantFrom('CreateNode', 'ImportWorkflowDefinition', 'CreateWorkflowDefinition', 'CreateResource', 'CreateFunction', 'CreateComponent'), async (Spec, action) => {
        try {
          await call(action, { Spec, Scene: 'DATAWORKS_PROJECT', DryRun: true });
        } catch (error) {
          assert.ok(error instanceof ApiError, `${action} ${Spec.slice(0, 300)}: ${String(error)}`);
          if (error.entry === 'InvalidParameter') assert.match(error.message, /Spec is not valid: |ObjectIds|Scene/);
          else assert.match(error.entry, /^(AlreadyExists|NotFound|TooMany)$/);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('is imported when it is valid, and what is shown of it changes nothing when it is sent back', async () => {
    let imported = 0;
    await fc.assert(
      fc.asyncProperty(anySpec, async (one) => {
        count += 1;
        const name = `w${count}`;
        const body = one['spec'] ?? one;
        const nodes = (body as { nodes?: object[] }).nodes ?? [];
        const edges = (body as Record<string, object[]>)['dependencies'] ?? (body as Record<string, object[]>)['flow'] ?? [];
        const Spec = JSON.stringify({ version: one['version'] === '1.0.0' ? '1.1.0' : one['version'], kind: 'CycleWorkflow', spec: { workflows: [{ name, script: { path: name, runtime: { command: 'WORKFLOW' } }, nodes, dependencies: edges }] } });
        assert.ok(parseFlowSpec(Spec).ok);
        const { AsyncJob } = (await call('ImportWorkflowDefinition', { Spec })) as { AsyncJob: { Id: string; Response: string } };
        await platform.jobs.drain();
        const { JobStatus } = (await call('GetJobStatus', { JobId: AsyncJob.Id })) as { JobStatus: { Status: string; Error?: string } };
        assert.doesNotMatch(JobStatus.Error ?? '', /was logged here/, Spec.slice(0, 2_000));
        if (JobStatus.Status !== 'Success') return;
        imported += 1;
        const { Id } = JSON.parse(AsyncJob.Response) as { Id: string };
        const rows = await platform.database.rows<{ id: number; revision: number; kind: string }>(
          `with recursive below (id) as (select id from node where id = $1 union all select n.id from node n join below b on n.container_id = b.id) select n.id, n.revision, n.kind from below b join node n on n.id = b.id`,
          [Id],
        );
        const { WorkflowDefinition } = (await call('GetWorkflowDefinition', { Id, IncludeScriptContent: true })) as { WorkflowDefinition: { Spec: string } };
        assert.ok(parseFlowSpec(WorkflowDefinition.Spec).ok);
        for (const row of rows) {
          if (row.kind !== 'node') continue;
          const { Node } = (await call('GetNode', { Id: String(row.id) })) as { Node: { Spec: string } };
          await call('UpdateNode', { Id: String(row.id), Spec: Node.Spec });
        }
        const afterwards = await platform.database.rows<{ id: number; revision: number }>('select id, revision from node where id = any($1)', [rows.map(({ id }) => id)]);
        assert.deepEqual(new Map(afterwards.map(({ id, revision }) => [id, revision])), new Map(rows.map(({ id, revision }) => [id, revision])), WorkflowDefinition.Spec.slice(0, 3_000));
      }),
      { numRuns: 120 },
    );
    assert.ok(imported > 60, `${imported} imported`);
  });
});
