/** Rights are the vocabulary in which operations say who may call them; `identity/roles.ts` says which role has which. */

/** Rights in a tenant. */
export type TenantRight =
  /** Any user of the tenant. */
  | 'member'
  /** Manage users, their roles and their keys; plans and limits. */
  | 'administer-tenant'
  /** Create workspaces. */
  | 'create-workspace'
  /** Change what belongs to the Open Platform: subscriptions, extensions, secrets of both. */
  | 'write-open-platform';

/** Rights in a workspace. */
export type WorkspaceRight =
  /** See everything in the workspace. */
  | 'read'
  /** Create, change, commit and run code in development. */
  | 'develop'
  /** Deploy to production. */
  | 'deploy'
  /** Operate production: run, stop, rerun. */
  | 'operate'
  /** Manage members, settings and enabled extensions. */
  | 'administer'
  /** What only the owner may do: delete the workspace. */
  | 'own';
