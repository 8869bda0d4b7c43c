import type { Change } from '../../kernel/change.ts';
import type { Executor } from '../../kernel/database.ts';
import type { NodeKind, NodeRow, VersionRow } from './model.ts';

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
  /** One version of an object that a pipeline run takes along, to show it to those who check. Throws NotFound. */
  inRun(change: Change, workspaceId: number, fileId: number, version: number): Promise<Deployable>;
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

/** One object of a pipeline run. */
export interface ReleaseItem {
  readonly fileId: number;
  /** 0 until it is built. */
  readonly version: number;
  readonly name: string;
  readonly kind: NodeKind;
  /** It leaves its environment. */
  readonly removal: boolean;
}

/** What goes to an environment together, as the pipeline needs it. The first item is the object that was named; containers stand before what lies in them. */
export interface Releases {
  /** An object, what lies in it, and what was deleted from it and is in production still. Throws NotFound, or WrongState for what is published with its container. */
  collect(change: Change, workspaceId: number, id: number, type: 'Online' | 'Offline'): Promise<ReleaseItem[]>;
  /** Makes versions of the drafts. Throws WrongState when they do not fit into production, with the circle or the missing output named. */
  build(change: Change, workspaceId: number, items: readonly ReleaseItem[], comment: string): Promise<ReleaseItem[]>;
  /** Puts the versions into service. Throws WrongState as `build` does, since others may have been faster. */
  publish(change: Change, workspaceId: number, items: readonly ReleaseItem[], environment: 'DEV' | 'PROD'): Promise<void>;
  /** Throws WrongState when something in production waits for what is to leave it. */
  checkOffline(change: Change, workspaceId: number, items: readonly ReleaseItem[]): Promise<void>;
  /** Takes everything out of production. */
  withdraw(change: Change, workspaceId: number, items: readonly ReleaseItem[]): Promise<void>;
  /** Numbers of the tasks among the items. */
  taskIds(change: Change, workspaceId: number, items: readonly ReleaseItem[]): Promise<number[]>;
  /** The FlowSpec text of an item's version; undefined before it is built. */
  document(db: Executor, workspaceId: number, item: { readonly fileId: number; readonly version: number }): Promise<string | undefined>;
  /** The Operation Center took a node out of production: its file goes to the recycle bin. */
  undeployed(change: Change, workspaceId: number, fileId: number): Promise<void>;
}

export type { NodeRow, VersionRow };
