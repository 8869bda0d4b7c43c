import type { Change } from '../../kernel/change.ts';
import type { Executor } from '../../kernel/database.ts';

/** A certificate with its content in the clear. It is never logged and never answered. */
export interface OpenedCertificate {
  readonly name: string;
  readonly content: Buffer;
  /** Undefined for files that are no X.509 certificate. */
  readonly expiresAt: Date | undefined;
}

/** What other domains ask of certificates and credentials. */
export interface Certificates {
  /** Undefined when the workspace has no such certificate. */
  open(db: Executor, workspaceId: number, id: number): Promise<OpenedCertificate | undefined>;
  /** Name and password that a user of the workspace has at an engine; undefined when none was given. */
  credential(db: Executor, workspaceId: number, engine: { readonly type: string; readonly instanceId: string }, userId: string): Promise<{ readonly userName: string; readonly password: string; readonly role: string } | undefined>;
  /** Deletes what belongs to a workspace that is being deleted. */
  removeWorkspace(change: Change, workspaceId: number): Promise<void>;
}
