import type { Clock } from './clock.ts';
import type { Actor, Change } from './change.ts';
import type { Database } from './database.ts';
import type { TenantRight, WorkspaceRight } from './rights.ts';

/** The user behind a call. */
export interface Caller {
  readonly userId: number;
  readonly userName: string;
  readonly displayName: string;
  readonly tenantId: number;
  /** Codes of the tenant roles, see `identity/roles.ts`. */
  readonly tenantRoles: readonly string[];
  /** The AccessKey that signed, or undefined for a console session. */
  readonly accessKeyId: string | undefined;
  readonly sessionId: number | undefined;
}

/** What the gateway knows of a workspace. */
export interface WorkspaceReference {
  readonly id: number;
  readonly tenantId: number;
  readonly name: string;
  readonly region: string;
  /** True where development and production are separate environments (standard mode). */
  readonly standardMode: boolean;
  readonly status: string;
}

/** One call of an operation, after the caller was authenticated and authorised. */
export interface Call {
  readonly requestId: string;
  readonly product: string;
  readonly version: string;
  readonly action: string;
  readonly region: string;
  readonly tenantId: number;
  readonly caller: Caller;
  readonly actor: Actor;
  readonly language: 'en' | 'zh';
  /** Address the call came from. */
  readonly sourceAddress: string;
  readonly clock: Clock;
  /** For reading. Writes go through `change`. */
  readonly db: Database;
  /** The workspace that the operation's access rule found. Throws for operations without one. */
  readonly workspace: WorkspaceReference;
  /** Runs a write: one transaction with its events, its audit line and the answer to the caller's ClientToken. */
  change<Result>(work: (change: Change) => Promise<Result>): Promise<Result>;
  /** True in a dry run, whose changes are taken back at the end: whatever an operation does outside the database must be left out. */
  readonly dryRun?: boolean;
  /** Aborted when the server begins to end; whoever waits for something should answer then. */
  readonly closing?: AbortSignal | undefined;
  /** Where the operation can answer as a stream and the caller takes one: what `Last-Event-ID` said. */
  readonly streaming?: { readonly lastEventId: string | undefined } | undefined;
  /** For Login and Logout: sets or clears the session cookie of the answer. */
  setSession(cookie: { readonly token: string; readonly expires: Date } | undefined): void;
}

/** Who may call an operation. */
export type Access<Request> =
  /** Nobody needs to be known. For signing in only. */
  | { readonly level: 'anyone' }
  /** A user of the tenant with the right; `member` is any user. */
  | { readonly level: 'tenant'; readonly right: TenantRight }
  /** A user with the right in the workspace that `find` tells: its id, its name, or undefined when the request names none. `find` may throw an ApiError. */
  | {
      readonly level: 'workspace';
      /** A function where it depends on the request, such as on the environment it names. */
      readonly right: WorkspaceRight | ((request: Request) => WorkspaceRight);
      find(request: Request, call: { readonly db: Database; readonly tenantId: number }): Found | Promise<Found>;
    };

/** A workspace by its id or name; with the right where that depends on the object that was found, such as on the environment it is in. */
export type Found = number | string | undefined | { readonly workspace: number | string; readonly right: WorkspaceRight };

/** An operation of the contract with its handler. */
export interface OperationDeclaration<Request = never, Response = object> {
  readonly product: string;
  readonly version: string;
  readonly action: string;
  readonly access: Access<Request>;
  /** Answers the response without `RequestId`, which the gateway adds. */
  handle(call: Call, request: Request): Promise<Response>;
}

/** The operations of a product version, as the generated types give them. */
export type OperationTypes<Operations> = { readonly [Action in keyof Operations]: { request: object; response: object } };

/** Handlers of a product version by action, checked against the generated types. */
export type Handlers<Operations extends OperationTypes<Operations>> = {
  readonly [Action in keyof Operations]?: {
    readonly access: Access<Operations[Action]['request']>;
    handle(call: Call, request: Operations[Action]['request']): Promise<Operations[Action]['response']>;
  };
};

/** Turns typed handlers into declarations. */
export function declareOperations<Operations extends OperationTypes<Operations>>(product: string, version: string, handlers: Handlers<Operations>): OperationDeclaration[] {
  return Object.entries<{ access: Access<never>; handle(call: Call, request: never): Promise<object> } | undefined>(handlers).flatMap(([action, handler]) =>
    handler === undefined ? [] : [{ product, version, action, access: handler.access, handle: handler.handle }],
  );
}

/** Access by a right in the tenant. */
export function inTenant<Request>(right: TenantRight): Access<Request> {
  return { level: 'tenant', right };
}

/** Access by a right in the workspace named by `ProjectId` or `ProjectIdentifier` of the request. */
export function inProject<Request extends { ProjectId?: number | undefined; ProjectIdentifier?: string | undefined }>(right: WorkspaceRight): Access<Request> {
  return { level: 'workspace', right, find: (request) => request.ProjectId ?? request.ProjectIdentifier };
}
