import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { OperationDeclaration } from '../../server/kernel/operation.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';
import { privilegesPage } from './privileges.ts';

const page = new URL('../../docs/privileges.md', import.meta.url);

let house: TestHouse;
let declarations: readonly OperationDeclaration[];
before(async () => {
  house = await startTestHouse();
  declarations = house.house.registry.entries.flatMap(({ declaration }) => (declaration === undefined ? [] : [declaration]));
});
after(() => house.stop());

test('docs/privileges.md tells who may call each operation (write it anew with MILLRACE_UPDATE_PRIVILEGES=1)', async () => {
  const made = privilegesPage(declarations);
  if (process.env['MILLRACE_UPDATE_PRIVILEGES'] === '1') await writeFile(page, made);
  const rows = (text: string) => text.split('\n').filter((line) => line.startsWith('| ') || line.startsWith('#'));
  const [wanted, there] = [rows(made), rows(await readFile(page, 'utf8'))];
  assert.deepEqual(there.filter((row) => !wanted.includes(row)), [], 'rows that are no longer true');
  assert.deepEqual(wanted.filter((row) => !there.includes(row)), [], 'rows that are missing');
});

test('only signing in is open to nobody in particular', () => {
  assert.deepEqual(declarations.filter(({ access }) => access.level === 'anyone').map(({ action }) => action), ['Login']);
});

/** What only reads, by its name. */
const READS = /^(Get|List|Search|Check|Query|Describe|Estimate|Pull|Preview|Try|Test|Validate|Find|Explain|Top|Diff|Compare|Export|Count|Summarize|Download|Read|Watch|Stream)/;
test('no operation that writes in a workspace is open to a visitor', () => {
  const open = declarations.filter(({ access, action }) => access.level === 'workspace' && access.right === 'read' && !READS.test(action));
  assert.deepEqual(open.map(({ version, action }) => `${version} ${action}`), []);
});

/** Operations that write and that every user of the tenant may call: each handler decides by the object, as said here. */
const BY_OBJECT: Readonly<Record<string, string>> = {
  AnswerCheck: "the extension's owner",
  AuthorizeFileUpload: 'makes a place for a file of the caller, which nothing refers to',
  CallbackExtension: "the extension's owner",
  CancelHold: 'the operator of the held operation, or who administers its workspace',
  CreateAccessKey: 'for oneself, or who administers the tenant',
  CreateExtensionApprovalPolicy: 'who administers the named workspaces',
  CreateTemporaryCredential: 'for oneself',
  DecideHoldApproval: 'a named approver, never the operator',
  DeleteAccessKey: "one's own, or who administers the tenant",
  DeleteExtensionApprovalPolicy: 'who administers the named workspaces',
  DisableExtensionForProject: 'who administers the workspace',
  EnableExtension: 'who administers the workspace',
  Logout: 'ends the own session',
  MarkHoldPassed: 'who administers the workspace',
  SetPassword: "one's own, or who administers the tenant",
  UpdateAccessKey: "one's own, or who administers the tenant",
  UpdateIDEEventResult: "the extension's owner",
  UpdateWorkbenchEventResult: "the extension's owner",
};

test('an operation that writes and is open to every member is known to decide by the object', () => {
  const open = declarations.filter(({ access, action }) => access.level === 'tenant' && access.right === 'member' && !READS.test(action)).map(({ action }) => action);
  assert.deepEqual([...new Set(open)].filter((action) => !Object.hasOwn(BY_OBJECT, action)), []);
});
