import type { Change } from '../../kernel/change.ts';
import type { NodeRow, VersionRow } from './model.ts';

/** How a deployment ends badly. */
export interface PackageFailure {
  readonly message: string;
  /** True when an extension said so, false for a fault of our own. */
  readonly byCheck: boolean;
}

/**
 * Deployments as the studio needs them: commits and deletions are followed with GetDeployment too, so each has a row there. The deployment domain
 * implements it.
 */
export interface Packages {
  /** Opens a deployment of one version of a file. Returns its id. */
  open(change: Change, wanted: { readonly workspaceId: number; readonly kind: 'commit' | 'deploy' | 'delete'; readonly fileId: number; readonly version: number; readonly name: string; readonly comment: string }): Promise<number>;
  /** An extension has to decide. */
  checking(change: Change, id: number): Promise<void>;
  succeed(change: Change, id: number): Promise<void>;
  fail(change: Change, id: number, failure: PackageFailure): Promise<void>;
}

/** A file with the version that goes to production. */
export interface Deployable {
  readonly node: NodeRow;
  readonly version: VersionRow;
}

/** The studio as the deployment needs it. */
export interface Studio {
  /** Locks the file and finds what of it can be deployed. Throws NotFound, or WrongState when nothing is committed or a check is under way. */
  deployable(change: Change, workspaceId: number, file: { readonly fileId?: number | undefined; readonly nodeId?: number | undefined }): Promise<Deployable>;
  /** The same file and version again, when a hold goes on. Throws NotFound when the file is gone. */
  again(change: Change, workspaceId: number, fileId: number, version: number): Promise<Deployable>;
  /** Marks the version as on its way. */
  deploying(change: Change, deployable: Deployable): Promise<void>;
  /** Puts the version into production, or takes the file out of it when the version deletes it. */
  deployed(change: Change, deployable: Deployable): Promise<void>;
  /** Back to what it was: nothing of the version is lost. */
  notDeployed(change: Change, deployable: Deployable): Promise<void>;
  /** Payload of commit and deployment events. */
  payload(deployable: Deployable, operator: number): Record<string, unknown>;
  /** What is under decision, for GetIDEEventDetail. */
  snapshot(deployable: Deployable): Record<string, unknown>;
}

export type { NodeRow, VersionRow };
