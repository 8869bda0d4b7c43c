import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { anySpec, brokenSpec } from './flowspec.fixture.ts';
import { countFlowNodes, parseFlowSpec, toDocument, writeFlowSpec, type FlowModel, type FlowNode, type FlowSpecDocument } from './index.ts';

function read(spec: object, creating = true): FlowSpecDocument {
  const parsed = parseFlowSpec(JSON.stringify(spec), { creating });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.document;
}

function faultsOf(spec: object | string, creating = true) {
  const parsed = parseFlowSpec(typeof spec === 'string' ? spec : JSON.stringify(spec), { creating });
  assert.ok(!parsed.ok);
  return parsed.faults;
}

/** The model without the places in the document it was read from. */
function bare(model: FlowModel): unknown {
  const { version: _version, ...rest } = model;
  return JSON.parse(JSON.stringify(rest, (key, value: unknown) => (key === 'path' && typeof value === 'string' && /^(spec|nodes|workflows|fileResources|functions|components)\b/.test(value) ? undefined : value)));
}

const node = (extra: object = {}) => ({ name: 'a', script: { path: 'x/a', runtime: { command: 'DIDE_SHELL' }, content: 'echo' }, ...extra });
const spec = (nodes: object[], extra: object = {}) => ({ version: '2.0.0', kind: 'CycleWorkflow', spec: { nodes, ...extra } });

describe('FlowSpec', () => {
  it('writes back any valid spec as it was read', () => {
    fc.assert(
      fc.property(anySpec, (one) => {
        const text = JSON.stringify(one);
        assert.equal(writeFlowSpec(read(one)), text);
      }),
      { numRuns: 300 },
    );
  });

  it('brings any valid spec to a form of 2.0.0 that means the same and is its own form', () => {
    fc.assert(
      fc.property(anySpec, (one) => {
        const { model } = read(one);
        const written = toDocument(model);
        const again = read(written);
        assert.deepEqual(bare(again.model), bare(model));
        assert.equal(JSON.stringify(toDocument(again.model)), JSON.stringify(written));
      }),
      { numRuns: 300 },
    );
  });

  it('tells of every malformed spec where the fault is, and never throws', () => {
    let refused = 0;
    fc.assert(
      fc.property(brokenSpec, fc.boolean(), (text, creating) => {
        const parsed = parseFlowSpec(text, { creating });
        if (parsed.ok) return;
        refused += 1;
        assert.ok(parsed.faults.length > 0);
        for (const fault of parsed.faults) assert.ok(fault.message !== '' && /^0x50830000000000\d\d$/.test(fault.code) && fault.path.length < 10_000, JSON.stringify(fault));
      }),
      { numRuns: 1_000 },
    );
    assert.ok(refused > 250, `${refused} refused`);
  });

  it('locates faults and gives the vendor codes', () => {
    const first = (one: object | string, creating = true) => {
      const [fault] = faultsOf(one, creating);
      return [fault?.path, fault?.code.slice(-2), fault?.message];
    };
    assert.deepEqual(first('{"a"').slice(0, 2), ['', '05']);
    assert.deepEqual(first('[1]'), ['', '05', 'a spec is a JSON object']);
    assert.deepEqual(first({ kind: 'Node', spec: {} }), ['version', '10', 'it is needed']);
    assert.deepEqual(first({ version: '2.0.0', kind: 'Nodes', spec: {} }).slice(0, 2), ['kind', '05']);
    assert.deepEqual(first({ version: '3.0.0', kind: 'Node', spec: {} }).slice(0, 2), ['version', '10']);
    assert.deepEqual(first(spec([{ name: 'a', script: { path: 'a', runtime: {} } }])), ['spec.nodes[0].script.runtime.command', '10', 'script.runtime.command is empty']);
    assert.deepEqual(first(spec([node({ script: { path: 'x/b', runtime: { command: 'VIRTUAL' } } })])), ['spec.nodes[0].script.path', '10', 'Script path must end with node name']);
    assert.deepEqual(first(spec([node({ recurrence: 'Never' })])), ['spec.nodes[0].recurrence', '04', 'it must be one of Normal, Pause, Skip']);
    assert.deepEqual(first(spec([node({ priority: 'high' })])), ['spec.nodes[0].priority', '10', 'it must be a whole number']);
    assert.deepEqual(first(spec([node({ trigger: { type: 'Scheduler' } })])), ['spec.nodes[0].trigger.cron', '10', 'a trigger of the type Scheduler needs it']);
    assert.deepEqual(first(spec([node({ trigger: { type: 'Scheduler', cron: 'every day' } })]))[0], 'spec.nodes[0].trigger.cron');
    assert.deepEqual(first(spec([node({ inputs: { variables: [{ name: 'v', scope: 'NodeContext' }] } })])), ['spec.nodes[0].inputs.variables[0].type', '10', 'it is needed']);
    assert.deepEqual(first(spec([node({ id: '1' }), { ...node({ id: '1' }) }])), ['spec.nodes[1].id', '07', 'another of the nodes has the id 1']);
    assert.deepEqual(first(spec([node({ trigger: '{{t}}' })])), ['spec.nodes[0].trigger', '09', 'there is no Trigger t in the document']);
    assert.deepEqual(first(spec([node({ trigger: '{{a.b.c.d}}' })])), ['spec.nodes[0].trigger', '08', 'a reference may have at most two dots']);
    assert.deepEqual(first(spec([node(), node({ name: 'b', script: { path: 'b', runtime: { command: 'VIRTUAL' } } })], { flow: [{ nodeId: 'c', depends: [] }] })), ['spec.flow[0].nodeId', '09', 'there is no node c in the document']);
    assert.deepEqual(first(spec([node()], { flow: [{ depends: [] }] })), ['spec.flow[0].nodeId', '10', 'it is needed']);
    assert.deepEqual(first(spec([node({ join: { branches: [{ name: 'b' }] } })])), ['spec.nodes[0].join.branches[0].assertion', '10', 'it is needed']);
    assert.deepEqual(first(spec([node({ 'x y': ['\u0000'] })])), ['spec.nodes[0]."x y"[0]', '10', 'it contains a character that is not allowed']);
    assert.deepEqual(first({ version: '1.0.0', kind: 'CycleWorkflow', nodes: [{ name: 'a' }] }), ['nodes[0].script', '10', 'it is needed']);
  });

  it('lets a document that changes a node leave out what stays', () => {
    const { model } = read({ version: '2.0.0', kind: 'Node', spec: { nodes: [{ priority: 7 }], dependencies: [{ nodeId: 'whatever', depends: [{ output: 'shop_root' }] }] } }, false);
    assert.deepEqual(model.nodes[0]?.value, { priority: 7 });
    assert.deepEqual(model.nodes[0]?.depends, [{ type: 'Normal', output: 'shop_root' }]);
  });

  it('replaces references, unites flow and dependencies, and takes loops apart', () => {
    const { model } = read({
      version: '1.1.0',
      kind: 'CycleWorkflow',
      spec: {
        triggers: [{ id: 't', type: 'Scheduler', cron: '00 00 03 ? * MON' }],
        scripts: [{ id: 's1', path: 'weekly/report.sql', runtime: { command: 'ODPS_SQL' } }],
        variables: [{ id: 'v1', name: 'week', scope: 'NodeParameter', type: 'System', value: '$[yyyymmdd-7]' }],
        nodes: [
          { id: 'start', name: 'start', script: { runtime: { command: 'VIRTUAL' }, parameters: ['{{variable.v1}}'] }, trigger: '{{t}}' },
          { id: 'report', name: 'report', script: '{{script.s1}}', trigger: 't', inputs: { Outputs: ['shop.x'] } },
          {
            id: 'loop', name: 'loop', script: { path: 'loop', runtime: { command: 'CONTROLLER_CYCLE' } },
            'do-while': { maxIterations: 3, nodes: [node()], while: { id: 'stop', name: 'stop', script: { path: 'stop', runtime: { command: 'CONTROLLER_CYCLE_END' } } }, flow: [{ nodeId: 'stop', depends: [{ nodeId: 'a' }] }] },
          },
        ],
        flow: [{ nodeId: '{{report}}', depends: [{ nodeId: '{{start}}', type: 'Normal' }] }],
        dependencies: [{ nodeId: 'report', depends: [{ output: 'shop.x' }, { nodeId: 'start', type: 'Normal' }] }],
      },
    });
    const [start, report, loop] = model.nodes as [FlowNode, FlowNode, FlowNode];
    assert.deepEqual(start.value['trigger'], { id: 't', type: 'Scheduler', cron: '00 00 03 ? * MON' });
    assert.deepEqual((start.value['script'] as { parameters: unknown }).parameters, [{ id: 'v1', name: 'week', scope: 'NodeParameter', type: 'System', value: '$[yyyymmdd-7]' }]);
    assert.equal(report.command, 'ODPS_SQL');
    assert.deepEqual(report.value['inputs'], { nodeOutputs: [{ data: 'shop.x', artifactType: 'NodeOutput' }] });
    assert.deepEqual(report.depends, [{ type: 'Normal', nodeId: 'start' }, { type: 'Normal', output: 'shop.x' }]);
    assert.deepEqual(loop.body?.nodes.map(({ name, depends }) => [name, depends]), [['a', []], ['stop', [{ type: 'Normal', nodeId: 'a' }]]]);
    assert.deepEqual(loop.value['do-while'], { maxIterations: 3 });
    assert.equal(countFlowNodes(model.nodes), 5);
  });

  it('refuses references that lead back to themselves or grow without bound', () => {
    assert.match(faultsOf(spec([node({ script: { path: 'a', runtime: { command: 'X' }, parameters: ['v'] } })], { variables: [{ id: 'v', type: 'Constant', scope: 'Workflow', referenceVariable: 'v' }] }))[0]?.message ?? '', /back to itself/);
    const big = 'x'.repeat(100_000);
    const bomb = spec([node({ functions: Array(30).fill('f') })], {
      functions: [{ id: 'f', name: 'f', fileResources: Array(100).fill('r') }],
      fileResources: [{ id: 'r', name: 'r', script: 's' }],
      scripts: [{ id: 's', content: big }],
    });
    assert.match(faultsOf(bomb).map(({ message }) => message).join(), /more than \d+ characters/);
  });
});
