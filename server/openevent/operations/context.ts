import type { WorkspaceDirectory } from '../../identity/directory.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { notFound } from '../../kernel/errors.ts';
import type { IdSource } from '../../kernel/ids.ts';
import type { Call } from '../../kernel/operation.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import type { FormatMessage } from '../delivery/format.ts';
import type { SendEvents } from '../delivery/send.ts';
import type { WrapEvent } from '../envelope.ts';
import type { EventLog } from '../log.ts';
import { findSubscription, listWorkspacesOfSubscriptions, type SubscriptionRow } from '../store.ts';
import { sightOf } from '../visibility.ts';

/** What the operations of this module stand on. */
export interface OpenEventContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly secrets: SecretBox;
  readonly directory: WorkspaceDirectory;
  readonly outbound: Pick<Outbound, 'checkTarget'>;
  readonly events: EventLog;
  readonly send: SendEvents;
  readonly format: FormatMessage;
  readonly wrap: WrapEvent;
}

/** The subscription, if the caller may see it. One that may not be seen is not there. */
export async function requireSubscription(context: OpenEventContext, call: Call, id: number): Promise<SubscriptionRow> {
  const row = await findSubscription(call.db, call.tenantId, id);
  if (row === undefined || !(await sightOf(call, context.directory).workspace(row.workspace_id ?? undefined))) throw notFound('Subscription', id);
  return row;
}

/**
 * Ids of the subscriptions whose deliveries the caller may look into. Deliveries show objects of all workspaces that a subscription
 * covers, so those of a tenant-wide one are for those who see everything.
 */
export async function inspectable(context: OpenEventContext, call: Call, only?: number): Promise<number[]> {
  const sight = sightOf(call, context.directory);
  const rows = (await listWorkspacesOfSubscriptions(call.db, call.tenantId)).filter((row) => only === undefined || row.id === only);
  const seen = await Promise.all(rows.map(async (row) => (row.workspace_id === null ? sight.all : await sight.workspace(row.workspace_id))));
  return rows.filter((_, index) => seen[index]).map((row) => row.id);
}
