import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TenantRight, WorkspaceRight } from '../kernel/rights.ts';
import { hasTenantRight, hasWorkspaceRight, mayManage, rolesWithTenantRight, tenantRoles, workspaceRoles } from './roles.ts';

const tenantRights: TenantRight[] = ['member', 'administer-tenant', 'create-workspace', 'write-open-platform'];
const workspaceRights: WorkspaceRight[] = ['read', 'develop', 'deploy', 'operate', 'administer', 'own'];

const tenantTable: Record<string, string> = {
  tenant_owner: 'yyyy',
  tenant_admin: 'yyyy',
  open_platform_admin: 'y--y',
  tenant_dg_admin: 'y---',
  tenant_member: 'y---',
};

const workspaceTable: Record<string, string> = {
  role_project_owner: 'yyyyyy',
  role_project_admin: 'yyyyy-',
  role_project_dev: 'yy----',
  role_project_pe: 'y-yy--',
  role_project_deploy: 'y-y---',
  role_project_guest: 'y-----',
  role_project_security: 'y-----',
  role_project_erd: 'y-----',
  role_project_data_analyst: 'y-----',
  role_project_dg_admin: 'y-----',
  role_project_tester: 'y-----',
  role_project_scheduler: 'y--y--',
};

function row<Right>(rights: readonly Right[], has: (right: Right) => boolean): string {
  return rights.map((right) => (has(right) ? 'y' : '-')).join('');
}

test('every tenant role has exactly its rights', () => {
  assert.deepEqual(Object.fromEntries(tenantRoles.map(({ code }) => [code, row(tenantRights, (right) => hasTenantRight([code], right))])), tenantTable);
  assert.equal(row(tenantRights, (right) => hasTenantRight([], right)), 'y---');
  assert.equal(row(tenantRights, (right) => hasTenantRight(['role_project_owner', 'toString'], right)), 'y---');
});

test('every workspace role has exactly its rights, and no workspace right comes from lower tenant roles', () => {
  assert.deepEqual(Object.fromEntries(workspaceRoles.map(({ code }) => [code, row(workspaceRights, (right) => hasWorkspaceRight([], [code], right))])), workspaceTable);
  for (const { code } of tenantRoles) {
    const expected = code === 'tenant_owner' || code === 'tenant_admin' ? 'yyyyyy' : '------';
    assert.equal(row(workspaceRights, (right) => hasWorkspaceRight([code], [], right)), expected, code);
  }
  assert.equal(hasWorkspaceRight([], ['tenant_owner', 'unknown'], 'read'), false);
  assert.equal(row(workspaceRights, (right) => hasWorkspaceRight([], ['role_project_dev', 'role_project_pe'], right)), 'yyyy--');
});

test('role codes and ids are unique', () => {
  assert.equal(new Set([...tenantRoles, ...workspaceRoles].map((role) => role.code)).size, tenantRoles.length + workspaceRoles.length);
  assert.equal(new Set(workspaceRoles.map((role) => role.id)).size, workspaceRoles.length);
});

test('only owners have power over owners', () => {
  assert.equal(mayManage(['tenant_owner'], ['tenant_owner']), true);
  assert.equal(mayManage(['tenant_admin'], ['tenant_owner']), false);
  assert.equal(mayManage(['tenant_admin'], ['tenant_admin']), true);
  assert.equal(mayManage(['open_platform_admin'], []), false);
  assert.deepEqual(rolesWithTenantRight('write-open-platform'), ['Tenant Owner', 'Tenant Administrator', 'Open Platform Administrator']);
});
