import type { Operations as Current } from '../../../contract/generated/dataworks-public-2024-05-18.ts';
import type { Operations as Legacy } from '../../../contract/generated/dataworks-public-2020-05-18.ts';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { platformActor, type Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database, Executor } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import { periodic } from '../../kernel/periodic.ts';
import { forEachTenant } from '../../kernel/tenants.ts';
import type { EventLog } from '../../openevent/index.ts';
import type { Execution } from '../execution/index.ts';
import type { ResourceGroups } from '../resources/index.ts';
import type { History } from '../scheduling/index.ts';
import { createAddresses } from './addresses.ts';
import { createAlerts } from './alerts.ts';
import { deleteAlertsBefore } from './alert-store.ts';
import { createBaselines } from './baselines.ts';
import { deleteBaselinesElsewhere, deleteStatusesBefore } from './baseline-store.ts';
import { createClocked } from './clocked.ts';
import { createFollowing } from './following.ts';
import { baselineOperations } from './operations/baselines.ts';
import { currentOperations } from './operations/current.ts';
import { messageOperations } from './operations/messages.ts';
import { remindOperations } from './operations/reminds.ts';
import type { Services } from './operations/shared.ts';
import { topicOperations } from './operations/topics.ts';
import { createRules } from './rules.ts';
import { deleteRulesElsewhere, tenantsWithReader } from './rule-store.ts';
import { createScopes, type FindBusiness } from './scope.ts';
import { createSending } from './sending.ts';
import { createSubjects } from './subjects.ts';
import { deleteTopicsBefore } from './topic-store.ts';
import { createTopics } from './topics.ts';

export { monitoringSchema } from './schema.ts';

export interface MonitoringOptions {
  readonly database: Database;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<EventLog, 'read' | 'end'>;
  readonly outbound: Outbound;
  /** Seals the addresses that are told. */
  readonly secrets: SecretBox;
  readonly directory: Pick<WorkspaceDirectory, 'rolesOf'>;
  /** Ids of the tenant's living workspaces. */
  readonly workspaceIds: (db: Executor, tenantId: number) => Promise<readonly number[]>;
  /** What the scheduler tells of tasks and instances. */
  readonly history: History;
  readonly execution: Pick<Execution, 'usage' | 'readLog' | 'attempts'>;
  readonly resources: Pick<ResourceGroups, 'byId' | 'slotsOf'>;
  /** A business flow of the studio, by its number. */
  readonly business: FindBusiness;
  /** False in a process that leaves watching to others. */
  readonly watch?: boolean;
}

export interface MonitoringParts {
  readonly module: Module;
  /** For tests and simulations: what the services do again and again, once. */
  readonly rounds: {
    /** Follows the log to its end. */
    follow(): Promise<void>;
    /** Looks at the clock, at baselines, and at what is to be sent again. */
    look(): Promise<void>;
    /** Sends what is due. */
    send(): Promise<number>;
    /** Forgets what is past its time, and what belongs to workspaces that are no more. */
    forget(): Promise<void>;
  };
}

const FORGET_MS = 600_000;
const A_CHANGE = 2_000;

/** Alert rules, baselines and topics: who watches over production, and who is told. */
export function createMonitoring(options: MonitoringOptions): MonitoringParts {
  const { database, changes, clock, log, events, outbound, history, execution, resources } = options;
  const addresses = createAddresses(options.secrets);
  const scopes = createScopes({ history, workspaceIds: options.workspaceIds, business: options.business });
  const subjects = createSubjects({ history, execution, resources });
  const alerts = createAlerts({ database, changes, clock, history, recall: subjects.recall });
  const topics = createTopics({ database, changes, history, alerts, subjects });
  const baselines = createBaselines({ database, changes, clock, history, events, outbound, addresses, alerts, subjects, topics });
  const following = createFollowing({ database, changes, events, history, execution, scopes, subjects, alerts });
  const clocked = createClocked({ database, changes, clock, history, scopes, subjects, alerts });
  const sending = createSending({ database, clock, outbound, addresses });
  const services: Services = { directory: options.directory, history, rules: createRules({ scopes, events, outbound, addresses }), addresses, scopes, baselines, workspaceIds: options.workspaceIds };

  async function forget(): Promise<void> {
    const before = new Date(clock.now().getTime() - limits.alertDays.value * 86_400_000);
    while ((await changes.change(platformActor('Alert:retention'), (change) => deleteAlertsBefore(change, before, A_CHANGE))) === A_CHANGE);
    await changes.change(platformActor('Alert:retention'), async (change) => {
      await deleteTopicsBefore(change, before);
      await deleteStatusesBefore(change, before);
    });
    const recently = new Date(clock.now().getTime() - FORGET_MS);
    await forEachTenant(await tenantsWithReader(database), async (tenantId) => {
      const living = await options.workspaceIds(database, tenantId);
      await changes.change(platformActor('Alert:retention', tenantId), async (change) => {
        await deleteRulesElsewhere(change, tenantId, living, recently);
        await deleteBaselinesElsewhere(change, tenantId, living, recently);
      });
    });
  }

  const rounds = {
    follow: () => following.round(),
    async look() {
      await clocked.round();
      await baselines.round();
      await alerts.repeat();
    },
    send: () => sending.round(),
    forget,
  };
  return {
    module: {
      name: 'monitoring',
      operations: [
        ...declareOperations<Current>('dataworks-public', '2024-05-18', currentOperations(services)),
        ...declareOperations<Legacy>('dataworks-public', '2020-05-18', { ...remindOperations(services), ...messageOperations(services), ...topicOperations(services), ...baselineOperations(services) }),
      ],
      services:
        options.watch === false
          ? []
          : [
              periodic({ name: 'alert rules that follow the log', everyMs: limits.alertPollMs.value, clock, log, round: rounds.follow }),
              periodic({ name: 'alert rules by the clock, and baselines', everyMs: limits.alertRoundMs.value, clock, log, round: rounds.look }),
              periodic({ name: 'sending of alerts', everyMs: limits.alertPollMs.value, clock, log, round: rounds.send }),
              periodic({ name: 'retention of alerts', everyMs: FORGET_MS, clock, log, round: rounds.forget }),
            ],
    },
    rounds,
  };
}
