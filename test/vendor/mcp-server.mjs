/**
 * The vendor's MCP server (alibabacloud-dataworks-mcp-server 1.0.45), unmodified, against a running Millrace: create, deploy, inspect through its tools.
 *
 *     MILLRACE_MCP_SERVER=<its build/index.js> MILLRACE_ENDPOINT=localhost:8443 NODE_EXTRA_CA_CERTS=<certificate> \
 *       ALIBABA_CLOUD_ACCESS_KEY_ID=... ALIBABA_CLOUD_ACCESS_KEY_SECRET=... node mcp-server.mjs
 *
 * The server calls by https only. It asks the vendor for the list of its tools; here the list is made from the contract instead, in the same form. Exits with 0
 * when all went well.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const VERSION = '2024-05-18';
const OFFERED = ['CreateProject', 'GetProject', 'CreateNode', 'GetNode', 'ListNodes', 'CreatePipelineRun', 'GetPipelineRun', 'ListTasks'];
const JSON_TYPES = { string: 'string', boolean: 'boolean', int32: 'integer', int64: 'integer', float: 'number', double: 'number', array: 'array' };

const contract = JSON.parse(readFileSync(new URL(`../../contract/dataworks-public/${VERSION}.json`, import.meta.url), 'utf8'));

function tool(name) {
  const { method, parameters } = contract.operations[name];
  const typeOf = (node) => ({ type: JSON_TYPES[node.type] ?? 'object', format: node.type, ...(node.items === undefined ? {} : { items: typeOf(node.items) }) });
  return {
    name,
    description: name,
    inputSchema: { type: 'object', properties: Object.fromEntries(parameters.map((parameter) => [parameter.name, typeOf(parameter)])), required: parameters.filter((parameter) => parameter.required).map((parameter) => parameter.name) },
    annotations: { version: VERSION, method, path: '', pmd: Object.fromEntries(parameters.map((parameter) => [parameter.name, { in: parameter.in === 'form' ? 'formData' : parameter.in, ...(parameter.encoding === 'json' ? { style: 'json' } : {}) }])) },
  };
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-vendor-'));
writeFileSync(join(folder, 'tools.json'), JSON.stringify(OFFERED.map(tool)));
writeFileSync(join(folder, 'mcp.json'), '{"result":{"a2reslist":[]}}');

const client = new Client({ name: 'millrace-test', version: '1.0.0' });
await client.connect(
  new StdioClientTransport({
    command: process.execPath,
    args: [process.env.MILLRACE_MCP_SERVER],
    env: { ...process.env, OPEN_API_ENDPOINT: process.env.MILLRACE_ENDPOINT, REGION: 'cn-shanghai', TOOL_FILE_URI: join(folder, 'tools.json'), MCP_FILE_URI: join(folder, 'mcp.json') },
    stderr: 'ignore',
  }),
);

async function call(name, parameters) {
  const answer = await client.callTool({ name, arguments: parameters });
  const { text } = answer.content[0];
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${name}: ${text}`);
  }
}

const { tools } = await client.listTools();
assert.deepEqual(tools.map(({ name }) => name).filter((name) => OFFERED.includes(name)).toSorted(), OFFERED.toSorted());

const Name = `mcp_${Date.now().toString(36)}`;
const { Id: ProjectId } = await call('CreateProject', { Name, DisplayName: Name, Description: 'größer 中文', AliyunResourceTags: [{ Key: 'team', Value: 'a&b' }] });
const { Project } = await call('GetProject', { Id: ProjectId });
assert.deepEqual([Project.Name, Project.Description], [Name, 'größer 中文']);
console.log(`  workspace ${ProjectId}`);

const node = { name: 'hello', id: 'hello', script: { path: 'hello', runtime: { command: 'DIDE_SHELL' }, content: 'echo hello' }, trigger: { type: 'Scheduler', cron: '00 30 02 * * ?', cycleType: 'Daily' } };
const { Id } = await call('CreateNode', { ProjectId, Scene: 'DATAWORKS_PROJECT', Spec: JSON.stringify({ version: '2.0.0', kind: 'Node', spec: { nodes: [node] } }) });
assert.equal((await call('GetNode', { ProjectId, Id })).Node.Name, 'hello');
assert.deepEqual((await call('ListNodes', { ProjectId })).PagingInfo.Nodes.map((one) => one.Name), ['hello']);
console.log(`  node ${Id}`);

const { Id: run } = await call('CreatePipelineRun', { ProjectId, Type: 'Online', ObjectIds: [Id], RunMode: 'Auto' });
const end = Date.now() + 60_000;
let status = '';
while (status !== 'Success' && Date.now() < end) {
  status = (await call('GetPipelineRun', { ProjectId, Id: run })).Pipeline.Status;
  assert.ok(['Init', 'Running', 'Success'].includes(status), status);
  await new Promise((resolve) => setTimeout(resolve, 200));
}
assert.equal(status, 'Success');
assert.deepEqual((await call('ListTasks', { ProjectId, ProjectEnv: 'Prod' })).PagingInfo.Tasks.map((one) => one.Name), ['hello']);
console.log(`  pipeline run ${run}: deployed`);

const refused = await call('GetNode', { ProjectId, Id: '1' });
assert.match(refused.body, /Invalid\.Node\.NotFound/);
await client.close();
console.log('all well');
