import type { Change } from '../kernel/change.ts';
import type { Executor } from '../kernel/database.ts';

/** How a hold ended. */
export interface HoldOutcome {
  readonly holdId: number;
  readonly verdict: 'OK' | 'WARN' | 'FAIL';
  /** Tip of the decisive extension, for people. Empty when there is none. */
  readonly tip: string;
}

/**
 * An extension point as its domain declares it: how to go on with a held operation, and how to give it up. One of them runs, exactly once, in a change of
 * its own that follows the closing of the hold; its actor is the user who asked for the operation.
 */
export interface PointDeclaration {
  /** Event code of the point, such as `commit-file`. */
  readonly code: string;
  /**
   * Carries out the operation that was held. `args` are those of the proposal. When it throws an ApiError, since its object changed meanwhile, all it did
   * is rolled back, the hold ends BLOCKED with the error's text, and `reject` is called instead.
   */
  proceed(change: Change, args: Readonly<Record<string, unknown>>, outcome: HoldOutcome): Promise<void>;
  /**
   * What the snapshot of the held operation would be now, where its content can still be changed while it is held. A difference from what was checked makes
   * the verdict void: the operation is given up with that reason. Undefined, or no such function: the content cannot change, or `proceed` sees to it.
   */
  currentSnapshot?(change: Change, args: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Gives the operation up, losing nothing of the user's work. */
  reject(change: Change, args: Readonly<Record<string, unknown>>, outcome: HoldOutcome): Promise<void>;
}

/** An operation that is about to happen at an extension point. */
export interface Proposal {
  readonly point: string;
  /** Undefined for a tenant-level point. */
  readonly workspaceId: number | undefined;
  /** Names the object for the order of its events, such as `file:17`. */
  readonly objectKey: string;
  /** The payload of the point's event without `tenantId`, `eventCode`, `extensionBizId`, `blockBusiness`, which are added. */
  readonly data: Readonly<Record<string, unknown>>;
  /** What a person would call the operation, such as the file's name. */
  readonly title: string;
  /** Numeric file type, for extensions limited to some types. */
  readonly fileType?: number;
  /** What is under decision, answered by GetIDEEventDetail as `EventDetail`, such as `{ CommittedFile: {...} }`. */
  readonly snapshot: Readonly<Record<string, unknown>>;
  /** All that `proceed` and `reject` need, as JSON. */
  readonly args: Readonly<Record<string, unknown>>;
}

export type Proposed = { readonly held: false; readonly messageId: string } | { readonly held: true; readonly messageId: string; readonly holdId: number };

/** The state of a hold as its domain may show it. A hold that was called off counts as blocked. */
export interface HoldView {
  readonly holdId: number;
  readonly status: 'CHECKING' | 'PASSED' | 'BLOCKED';
  readonly tip: string;
}

/** The third door, as the domains see it. */
export interface Holds {
  /**
   * Raises the point's event and, when an enabled extension matches, writes the hold; the operation is then carried out later by the point's
   * `proceed`. When `held` is false the caller carries the operation out itself, at once, in the same change.
   */
  propose(change: Change, proposal: Proposal): Promise<Proposed>;
  /** Withdraws a hold whose operation no longer makes sense (its object is gone). Its `reject` is not called. Nothing happens when it is closed already. */
  withdraw(change: Change, holdId: number, reason: string): Promise<void>;
}

/** How a domain looks at the hold of one of its objects. */
export interface HoldReader {
  /** Undefined when the tenant has no such hold. */
  read(db: Executor, tenantId: number, holdId: number): Promise<HoldView | undefined>;
}
