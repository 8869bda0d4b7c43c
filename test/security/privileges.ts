import { tenantRoles, workspaceRoles } from '../../server/identity/roles.ts';
import type { OperationDeclaration } from '../../server/kernel/operation.ts';
import type { TenantRight, WorkspaceRight } from '../../server/kernel/rights.ts';

const YES = '●';

/** The page of all operations with the roles that may call each, in Markdown, from the declarations themselves. */
export function privilegesPage(declarations: readonly OperationDeclaration[]): string {
  const versions = new Map<string, OperationDeclaration[]>();
  for (const declaration of declarations) {
    const title = `${declaration.product} ${declaration.version}`;
    versions.set(title, [...(versions.get(title) ?? []), declaration]);
  }
  const columns = [...tenantRoles.map((role) => role.code), ...workspaceRoles.map((role) => role.code.replace('role_project_', ''))];
  const sections = [...versions].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([title, list]) => {
    const rows = list.toSorted((a, b) => (a.action < b.action ? -1 : 1)).map((declaration) => `| ${declaration.action} | ${rightOf(declaration)} | ${marksOf(declaration).join(' | ')} |`);
    return `## ${title}\n\n${list.length} operations.\n\n| Operation | Right | ${columns.join(' | ')} |\n| --- | --- | ${columns.map(() => ':-:').join(' | ')} |\n${rows.join('\n')}\n`;
  });
  return `# Who may call what

Generated from the declarations of the operations and from \`server/identity/roles.ts\`; a test holds this page current, so that a change of rights is seen in review.
Write it anew with \`MILLRACE_UPDATE_PRIVILEGES=1 npm test -- test/security/privileges.test.ts\`.

A role of the tenant stands by its code; a role of a workspace without \`role_project_\`, and it counts in that workspace only. The Tenant Owner and the Tenant Administrator have every right in
every workspace of the tenant. Objects of another tenant look like objects that do not exist, whatever the role. Where the right is "by request", it follows from what the request names, such as the
environment (development: \`develop\`, production: \`operate\`) or the object; a ● then says that the role has at least one such right. Handlers may ask for more than the right shown, such as owning the extension.

${sections.join('\n')}`;
}

function rightOf({ access }: OperationDeclaration): string {
  if (access.level === 'anyone') return '**anyone**';
  return access.level === 'tenant' ? `tenant: ${access.right}` : `workspace: ${typeof access.right === 'function' ? 'by request' : access.right}`;
}

/** One mark for each column. */
function marksOf({ access }: OperationDeclaration): string[] {
  const inTenant = (right: TenantRight) => tenantRoles.map((role) => role.rights.includes(right));
  const everybody = (): boolean[] => [...tenantRoles, ...workspaceRoles].map(() => true);
  const marks = (): boolean[] => {
    if (access.level === 'anyone') return everybody();
    // A role in a workspace adds nothing in the tenant, whose member everybody is.
    if (access.level === 'tenant') return access.right === 'member' ? everybody() : [...inTenant(access.right), ...workspaceRoles.map(() => false)];
    const rights: readonly WorkspaceRight[] = typeof access.right === 'function' ? ['read', 'develop', 'deploy', 'operate', 'administer', 'own'] : [access.right];
    return [...inTenant('administer-tenant'), ...workspaceRoles.map((role) => rights.some((right) => role.rights.includes(right) && (rights.length === 1 || right !== 'read')))];
  };
  return marks().map((may) => (may ? YES : ''));
}
