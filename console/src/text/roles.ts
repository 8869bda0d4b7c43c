import { texts } from './catalogue.ts';

/** The built-in roles by their codes, of the tenant and of workspaces. Roles that were made by people have the name that they were given. */
export const roleNames = texts({
  'tenant_owner': ['Tenant Owner', '租户所有者'],
  'tenant_admin': ['Tenant Administrator', '租户管理员'],
  'open_platform_admin': ['Open Platform Administrator', '开放平台管理员'],
  'tenant_dg_admin': ['Data Governance Administrator', '数据治理管理员'],
  'tenant_member': ['Tenant Member', '租户成员'],
  'role_project_owner': ['Workspace Owner', '工作空间所有者'],
  'role_project_admin': ['Workspace Administrator', '工作空间管理员'],
  'role_project_dev': ['Develop', '开发'],
  'role_project_pe': ['O&M', '运维'],
  'role_project_deploy': ['Deploy', '部署'],
  'role_project_guest': ['Visitor', '访客'],
  'role_project_security': ['Security Administrator', '安全管理员'],
  'role_project_erd': ['Model Designer', '模型设计师'],
  'role_project_data_analyst': ['Data Analyst', '数据分析师'],
  'role_project_dg_admin': ['Data Governance Administrator', '数据治理管理员'],
  'role_project_tester': ['Tester', '测试'],
  'role_project_scheduler': ['Scheduler', '调度'],
});

/** What the roles of the tenant allow. */
export const roleDescriptions = texts({
  'tenant_owner': ['Has every right in the tenant and in all of its workspaces. Only an owner makes owners.', '拥有租户及其全部工作空间的所有权限。仅所有者可以授予所有者角色。'],
  'tenant_admin': ['Has every right in the tenant and in all of its workspaces, except over owners.', '拥有租户及其全部工作空间的所有权限，但不能管理所有者。'],
  'open_platform_admin': ['Manages subscriptions and extensions.', '管理订阅与扩展程序。'],
  'tenant_dg_admin': ['Looks after data governance in the tenant.', '负责租户的数据治理。'],
  'tenant_member': ['Belongs to the tenant. What the user may do in a workspace depends on the roles held there.', '属于该租户。在工作空间内的权限取决于其在该空间的角色。'],
});
