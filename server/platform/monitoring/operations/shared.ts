import type { WorkspaceDirectory } from '../../../identity/directory.ts';
import { hasWorkspaceRight } from '../../../identity/roles.ts';
import type { Executor } from '../../../kernel/database.ts';
import { invalid, notFound } from '../../../kernel/errors.ts';
import type { Access, Call } from '../../../kernel/operation.ts';
import type { WorkspaceRight } from '../../../kernel/rights.ts';
import { checkText, readId, readMoment } from '../../dialect.ts';
import type { History } from '../../scheduling/index.ts';
import { maskReceivers, maskSettings, type Addresses } from '../addresses.ts';
import type { AlertSetting } from '../baseline-store.ts';
import type { BaselineWatch } from '../baselines.ts';
import type { Receiver } from '../model.ts';
import type { Rules } from '../rules.ts';
import { findRule } from '../rule-store.ts';
import type { Scopes } from '../scope.ts';

/** What the operations of monitoring stand on. */
export interface Services {
  readonly directory: Pick<WorkspaceDirectory, 'rolesOf'>;
  readonly history: History;
  readonly rules: Rules;
  readonly addresses: Addresses;
  readonly scopes: Scopes;
  readonly baselines: BaselineWatch;
  /** Ids of the tenant's living workspaces. */
  workspaceIds(db: Executor, tenantId: number): Promise<readonly number[]>;
}

/** The workspaces in which the caller may see everything. */
export async function readableWorkspaces(services: Services, call: Call): Promise<number[]> {
  const readable: number[] = [];
  for (const id of await services.workspaceIds(call.db, call.tenantId)) {
    if (hasWorkspaceRight(call.caller.tenantRoles, await services.directory.rolesOf(id, call.caller.userId), 'read')) readable.push(id);
  }
  return readable;
}

async function mayOperate(services: Services, call: Call): Promise<boolean> {
  return hasWorkspaceRight(call.caller.tenantRoles, await services.directory.rolesOf(call.workspace.id, call.caller.userId), 'operate');
}

/** Receivers with their addresses: whole for those who may change them, masked for those who may only read. */
export async function shownReceivers(services: Services, call: Call, receivers: readonly Receiver[]): Promise<Receiver[]> {
  const opened = services.addresses.openReceivers(call.tenantId, receivers);
  return (await mayOperate(services, call)) ? opened : maskReceivers(opened);
}

/** A baseline's settings in the same way. */
export async function shownSettings(services: Services, call: Call, settings: readonly AlertSetting[]): Promise<AlertSetting[]> {
  const opened = services.addresses.openSettings(call.tenantId, settings);
  return (await mayOperate(services, call)) ? opened : maskSettings(opened);
}

/** Access to a rule by its id; where an id may be missing the contract does not say so, we do. */
export function onRule<Request>(right: WorkspaceRight, idOf: (request: Request) => number): Access<Request> {
  return {
    level: 'workspace',
    right,
    async find(request, call) {
      const id = idOf(request);
      const rule = await findRule(call.db, call.tenantId, id);
      if (rule === undefined) throw notFound('AlertRule', id, 'alert rule');
      return rule.workspace_id;
    },
  };
}

export function readOptionalId(name: string, text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : readId(name, text);
}

/** A comma list of words; undefined when absent or empty. */
export function readWords(name: string, text: string | undefined): string[] | undefined {
  const words = checkText(name, text ?? '', 4_000).split(',').map((word) => word.trim()).filter((word) => word !== '');
  return words.length === 0 ? undefined : words;
}

/** Reads `yyyy-MM-dd'T'HH:mm:ssZ`, with or without a colon in the zone. */
export function readInstant(name: string, text: string): Date {
  const instant = new Date(text.replace(/([+-]\d\d):?(\d\d)$/, '$1:$2'));
  if (Number.isNaN(instant.getTime())) throw invalid(name, 'there is no such moment');
  return readMoment(name, instant.getTime());
}
