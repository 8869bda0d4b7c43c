import type { ContractOperations } from '../../../contract/generated/index.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, missing, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { tenantRoles, workspaceRoles } from '../../identity/roles.ts';
import { countPolicies, deletePolicy, findPolicyById, insertPolicy, listPolicies, type ApprovalStep } from '../approval-store.ts';
import { existingWorkspace, forbidden, type Authority } from '../authority.ts';
import { checkText } from '../registration.ts';
import { findExtension } from '../store.ts';

type Own = ContractOperations['open-platform/2026-12-01'];
type Policies = NonNullable<NonNullable<Own['ListExtensionApprovalPolicies']['response']['PagingInfo']>['Policies']>;

/** Policies by which a WARN starts an approval. A workspace administrator makes them for own workspaces, whoever writes the Open Platform for all. */
export function approvalPolicyOperations(options: { authority: Authority; directory: WorkspaceDirectory }): Handlers<Own> {
  const { authority, directory } = options;

  async function checkRight(call: Call, workspaces: readonly number[] | null): Promise<void> {
    if (authority.tenant(call, 'write-open-platform')) return;
    if (workspaces === null) throw forbidden(call, 'the right write-open-platform, since it is for all workspaces');
    for (const id of workspaces) if (!(await authority.workspace(call, id, 'administer'))) throw forbidden(call, `the right administer in the workspace ${id}`);
  }

  return {
    CreateExtensionApprovalPolicy: {
      access: inTenant('member'),
      async handle(call, request) {
        if (request.Name.trim() === '') throw missing('Name');
        checkText('Name', request.Name, 128);
        const workspaces: number[] = [];
        for (const id of request.ProjectIds ?? []) workspaces.push(await existingWorkspace(directory, call.tenantId, id));
        const named = workspaces.length === 0 ? null : workspaces;
        await checkRight(call, named);
        for (const code of request.ExtensionCodes ?? []) if ((await findExtension(call.db, call.tenantId, code)) === undefined) throw notFound('Extension', code);
        const steps = request.Steps.map(({ Type, Values }, index) => readStep(index, Type, Values));
        if (steps.length === 0 || steps.length > limits.approvalSteps.value) throw invalid('Steps', `there must be 1 to ${limits.approvalSteps.value}.`);
        return call.change(async (change) => {
          if ((await countPolicies(change, call.tenantId)) >= limits.approvalPoliciesPerTenant.value) {
            throw new ApiError('TooMany', { kind: 'ApprovalPolicy', limit: limits.approvalPoliciesPerTenant.value, label: 'approval policies' });
          }
          try {
            const PolicyId = await insertPolicy(
              change,
              call.tenantId,
              {
                name: request.Name,
                workspaces: named,
                extensions: request.ExtensionCodes === undefined || request.ExtensionCodes.length === 0 ? null : [...request.ExtensionCodes],
                steps,
                deadline_seconds: request.DeadlineSeconds ?? limits.approvalDefaultSeconds.value,
              },
              call.caller.userId,
              change.now,
            );
            change.touch(`extension-approval-policy:${PolicyId}`);
            return { PolicyId };
          } catch (error) {
            if (isUniqueViolation(error)) throw new ApiError('AlreadyExists', { kind: 'ApprovalPolicy', label: 'approval policy', id: request.Name });
            throw error;
          }
        });
      },
    },

    DeleteExtensionApprovalPolicy: {
      access: inTenant('member'),
      async handle(call, request) {
        const policy = await findPolicyById(call.db, call.tenantId, request.PolicyId);
        if (policy === undefined) throw notFound('ApprovalPolicy', request.PolicyId, 'approval policy');
        await checkRight(call, policy.workspaces);
        return call.change(async (change) => {
          await deletePolicy(change, call.tenantId, policy.id);
          change.touch(`extension-approval-policy:${policy.id}`);
          return {};
        });
      },
    },

    ListExtensionApprovalPolicies: {
      access: inTenant('member'),
      async handle(call, request) {
        const page = readPage(request);
        const policies = await listPolicies(call.db, call.tenantId, page.size, page.offset);
        const Policies: Policies = policies.map((policy) => ({
          PolicyId: policy.id,
          Name: policy.name,
          ...(policy.workspaces === null ? {} : { ProjectIds: policy.workspaces }),
          ...(policy.extensions === null ? {} : { ExtensionCodes: policy.extensions }),
          Steps: policy.steps.map((step) => ({ Type: step.type, Values: [...step.values] })),
          DeadlineSeconds: policy.deadline_seconds,
        }));
        return { PagingInfo: { Policies, ...pageCounters(page, await countPolicies(call.db, call.tenantId)) } };
      },
    },
  };
}

const knownRoles = new Set([...tenantRoles, ...workspaceRoles].map((role) => role.code));

function readStep(index: number, type: ApprovalStep['type'], values: readonly string[]): ApprovalStep {
  if (values.length === 0) throw invalid(`Steps[${index}].Values`, 'a step needs somebody who decides it.');
  for (const value of values) {
    if (type === 'ROLE' ? !knownRoles.has(value) : !/^\d{1,15}$/.test(value)) throw invalid(`Steps[${index}].Values`, `${value} is ${type === 'ROLE' ? 'no role' : 'no id of a user'}.`);
  }
  return { type, values: [...values] };
}
