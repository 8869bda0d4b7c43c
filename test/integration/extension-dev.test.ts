import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { extensionPoints, payloadSchemas } from '../../contract/index.ts';
import { fixtureOf, fixturesFolder } from '../../examples/checkers/fixtures.ts';
import { dev } from '../../tools/extension/dev.ts';
import { eventually } from '../support/eventually.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

const LEGACY = '2020-05-18';
const OWN = '2026-12-01';
const examples = new URL('../../examples/checkers/', import.meta.url).pathname;
const checkers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  typescript: [process.execPath, `${examples}typescript/checker.ts`],
  python: ['python3', `${examples}python/checker.py`],
  java: ['java', `${examples}java/Checker.java`],
};

let house: TestHouse;
before(async () => {
  house = await startTestHouse();
});
after(() => house.stop());

/** Starts an example on a free port; undefined where its language is not installed. */
async function startChecker(name: string): Promise<{ url: string; stop(): void } | undefined> {
  const [command, ...args] = checkers[name] ?? [''];
  const child = spawn(command, args, { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'ignore'] });
  const missing = new Promise<undefined>((resolve) => child.once('error', () => resolve(undefined)));
  const url = new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (part: Buffer) => {
      text += part.toString();
      const found = /http:\S+/.exec(text);
      if (found !== null) resolve(found[0]);
    });
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
  url.catch(() => {});
  const found = await Promise.race([url, missing]);
  return found === undefined ? undefined : { url: found, stop: () => void child.kill('SIGKILL') };
}

test('the fixtures are those of the contract: every point, its payload by its schema, all three forms', async () => {
  assert.equal(extensionPoints.length, 33);
  const ajv = new Ajv2020({ strict: false });
  for (const point of extensionPoints) {
    const stored = JSON.parse(await readFile(new URL(`${point.eventCode}.json`, fixturesFolder), 'utf8')) as { event: { type: string; data: object }; function: object; http: object };
    assert.deepEqual(stored, JSON.parse(JSON.stringify(await fixtureOf(point))), point.eventCode);
    assert.ok(ajv.validate(payloadSchemas.get(point.payload) ?? {}, stored.event.data), `${point.eventCode}: ${ajv.errorsText()}`);
    assert.equal(stored.event.type, point.type);
    assert.deepEqual(Object.keys(stored.function), ['messageId', 'eventType', 'eventCategoryType', 'extensionBizId', 'blockBusiness', 'messageBody']);
  }
});

for (const name of Object.keys(checkers)) {
  test(`the checker in ${name} blocks a held commit, with its findings, and is less than 60 lines`, async (context) => {
    const checker = await startChecker(name);
    if (checker === undefined) return context.skip(`${name} is not installed`);
    try {
      assert.ok((await readFile(String(checkers[name]?.[1]), 'utf8')).split('\n').length <= 60);
      const { call } = house;
      const ProjectId = Number((await call(LEGACY, 'CreateProject', { ProjectIdentifier: `w_${name}`, ProjectName: `w_${name}`, ProjectDescription: name, ProjectMode: 3 }))['Data']);
      await call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'b' });
      const submit = async (file: string, Content: string) => {
        const FileId = Number((await call(LEGACY, 'CreateFile', { ProjectId, FileName: file, FileType: 10, Content, FileFolderPath: '业务流程/b', InputList: `w_${name}_root`, OutputList: `w_${name}.${file}` }))['Data']);
        await call(LEGACY, 'SubmitFile', { ProjectId, FileId, Comment: 'c' });
        return eventually('the check is decided', async () => {
          const { PagingInfo } = (await call(OWN, 'ListHolds', { ProjectId })) as { PagingInfo: { Holds: { HoldId: number; Status: string }[] } };
          const [newest] = PagingInfo.Holds;
          return newest === undefined || newest.Status === 'CHECKING' ? undefined : ((await call(OWN, 'GetHold', { HoldId: newest.HoldId }))['Hold'] as { Status: string; Verdicts: { Findings: { Line: number; Rule: string }[]; CheckResultTip: string }[] });
        });
      };
      await call(OWN, 'CreateExtension', { ExtensionCode: name, ExtensionName: name, BindEventList: '["commit-file"]', Invocation: 'HTTP', Target: checker.url });
      await call(OWN, 'PublishExtension', { ExtensionCode: name });
      await call(OWN, 'EnableExtension', { ExtensionCode: name, ProjectId });
      const blocked = await submit('bad', "select 1;\nselect * from t where ds = MAX_PT('t');\n");
      assert.deepEqual([blocked.Status, blocked.Verdicts[0]?.CheckResultTip, blocked.Verdicts[0]?.Findings.map(({ Line, Rule }) => [Line, Rule])], ['BLOCKED', 'MAX_PT is called 1 times.', [[2, 'MAX_PT']]]);
      assert.equal((await submit('good', 'select 1;\n')).Status, 'PASSED');

      // The same program, tried out on what is on record: registered in shadow, and gone afterwards.
      const lines: string[] = [];
      const { accessKeyId, accessKeySecret } = house.first;
      const replayed = await dev({ url: checker.url, server: house.url, accessKeyId, accessKeySecret, projectId: ProjectId, points: ['commit-file'], form: 'HTTP', code: `dev_${name}`, last: 20, keep: false, say: (line) => void lines.push(line) });
      assert.deepEqual(replayed.map(({ title, verdict }) => [title, verdict]), [['good', 'OK'], ['bad', 'FAIL']]);
      assert.match(lines.at(-1) ?? '', /^2 operations: 1 OK, 0 WARN, 1 FAIL, 0 without a verdict; median/);
      await assert.rejects(call(LEGACY, 'GetExtension', { ExtensionCode: `dev_${name}` }), /dev_/);
    } finally {
      checker.stop();
    }
  });
}
