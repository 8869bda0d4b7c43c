import { createEventLog, createOpenEvent, type ClusterSettings, type KafkaListener, type KafkaSettings } from './openevent/index.ts';
import { createExtensions } from './extensions/index.ts';
import { createIdentity, type WorkspaceDirectory } from './identity/index.ts';
import { createChanges, type Changes } from './kernel/change.ts';
import type { Clock } from './kernel/clock.ts';
import type { Database } from './kernel/database.ts';
import type { IdSource } from './kernel/ids.ts';
import { createJobRunner, type JobRunner } from './kernel/jobs.ts';
import { limits } from './kernel/limits.ts';
import type { Log } from './kernel/log.ts';
import { createMetrics, type Metrics } from './kernel/metrics.ts';
import type { Module, ProcessRole, Service } from './kernel/module.ts';
import { createOutbound } from './kernel/outbound.ts';
import { createTcpOutbound } from './kernel/outbound-tcp.ts';
import { periodic } from './kernel/periodic.ts';
import type { SecretBox } from './kernel/secrets.ts';
import { maintainAllPartitions } from './modules.ts';
import { createOpenApi, createRegions, type OpenApi, type Regions } from './openapi/index.ts';
import type { Gateway, GatewayServices } from './openapi/gateway.ts';
import type { Registry } from './openapi/registry.ts';
import { createCertificates } from './platform/certificates/index.ts';
import { createDatasets } from './platform/datasets/index.ts';
import { createDataSources } from './platform/datasources/index.ts';
import { createDeployment } from './platform/deployment/index.ts';
import { createExecution } from './platform/execution/index.ts';
import { createMonitoring } from './platform/monitoring/index.ts';
import { createImages } from './platform/images/index.ts';
import { createResources } from './platform/resources/index.ts';
import { createScheduling } from './platform/scheduling/index.ts';
import { businessById } from './platform/studio/folder-store.ts';
import { createStudio, createUploads, type UploadDoor } from './platform/studio/index.ts';
import { createWorkspaces, livingWorkspaceIds } from './platform/workspaces/index.ts';

export interface HouseOptions {
  readonly database: Database;
  /** A small pool with synchronous_commit off, for call rows and nonces. */
  readonly relaxed: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly secrets: SecretBox;
  readonly regions: readonly string[];
  readonly timeZone: string;
  readonly dataFolder: string;
  /** PATH of tasks. */
  readonly searchPath: string;
  /** True while the server listens on loopback only: then event targets may be there too. */
  readonly allowLoopback: boolean;
  readonly allowedTargets: readonly string[];
  readonly publishAddress: string;
  /** Host, with its port unless that is 443, below which clients reach this server as `millrace.<host>` when they upload files. */
  readonly uploadEndpoint?: string | undefined;
  /** What this process does besides answering calls; everything when absent. */
  readonly roles?: readonly ProcessRole[];
  /** Hold event payloads against their schemas as they are raised. */
  readonly validatePayloads: boolean;
  readonly inspect?: GatewayServices['inspect'];
  /** The built-in Kafka listener; none when undefined. */
  readonly kafka?: KafkaSettings | undefined;
  /** The Apache Kafka cluster that events are written to; none when undefined. */
  readonly kafkaCluster?: ClusterSettings | undefined;
}

/** All modules, plugged together on one database. */
export interface House {
  readonly gateway: Gateway;
  readonly registry: Registry;
  readonly changes: Changes;
  readonly jobs: JobRunner;
  readonly openapi: OpenApi;
  readonly metrics: Metrics;
  readonly regions: Regions;
  /** Takes files that are posted as forms; undefined for a form that is none of those. */
  readonly receiveForm: UploadDoor['receive'];
  readonly kafka: KafkaListener | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The composition: the one place that knows every module and hands each what it stands on. */
export function buildHouse(options: HouseOptions): House {
  const { database, relaxed, clock, ids, log, secrets } = options;
  const regions = createRegions(options.regions);
  const events = createEventLog({ database, validatePayloads: options.validatePayloads });
  const changes = createChanges({ database, clock, ids, events });
  const metrics = createMetrics();
  const outbound = createOutbound({ allowLoopback: options.allowLoopback, allowed: options.allowedTargets });
  const tcp = createTcpOutbound({ allowLoopback: options.allowLoopback, allowed: options.allowedTargets });

  // The doors ask the workspaces domain, which is made after them, since it holds operations at the third door.
  const directory: WorkspaceDirectory = {
    find: (tenantId, idOrName) => workspaces.directory.find(tenantId, idOrName),
    byId: (workspaceId) => workspaces.directory.byId(workspaceId),
    rolesOf: (workspaceId, userId) => workspaces.directory.rolesOf(workspaceId, userId),
  };
  const identity = createIdentity({ database, changes, clock, ids, secrets, log, regions: regions.names, timeZone: options.timeZone });
  const openapi = createOpenApi({
    database,
    secrets,
    metrics,
    relaxed,
    changes,
    clock,
    ids,
    log,
    keys: identity.keys,
    sessions: { authenticate: identity.authenticateSession },
    tenants: identity.tenants,
    directory,
    regions,
    inspect: options.inspect,
  });
  const openevent = createOpenEvent({ database, metrics, changes, events, clock, ids, secrets, log, directory, outbound, defaultRegion: regions.default, timeZone: options.timeZone, publishAddress: options.publishAddress, kafka: options.kafka === undefined ? undefined : { settings: options.kafka, relaxed }, kafkaCluster: options.kafkaCluster });
  const extensions = createExtensions({ database, changes, clock, ids, log, secrets, directory, users: { find: (userId, tenantId) => identity.users.find(userId, tenantId) }, outbound, history: events, points: () => [...workspaces.points, ...studio.points, ...deployment.points, ...scheduling.points].map((point) => ({ ...point, ...deployment.throughRuns(point) })) });
  const { holds } = extensions;

  const resources = createResources({ ids, directory, workspaceIds: livingWorkspaceIds, usage: (db, groups) => execution.execution.usage(db, groups) });
  const datasources = createDataSources({ secrets, directory, groups: resources.resources, outbound, tcp, dataFolder: options.dataFolder, clock });
  const execution = createExecution({ database, changes, clock, ids, log, dataFolder: options.dataFolder, timeZone: options.timeZone, searchPath: options.searchPath, guard: { allowLoopback: options.allowLoopback, allowed: options.allowedTargets }, datasource: (workspaceId, environment, name) => datasources.dataSources.open(database, workspaceId, environment, name), slotsOf: (group) => resources.resources.slotsOf(database, group), supplies: (workspaceId, environment, surroundings) => studio.surroundings.supplies(database, workspaceId, environment, surroundings) });
  const scheduling = createScheduling({
    database,
    changes,
    clock,
    log,
    execution: execution.execution,
    timeZone: options.timeZone,
    holds,
    resourceGroup: async (change, workspaceId, named) => (await resources.resources.resolve(change, change.actor.tenantId, workspaceId, named))?.id,
    isMember: async (workspaceId, userId) => (await directory.rolesOf(workspaceId, userId)).length > 0,
    hasDevelopment: async (workspaceId) => (await directory.byId(workspaceId))?.standardMode ?? true,
    surroundings: (change, workspaceId, environment, content) => studio.surroundings.of(change, workspaceId, environment, content),
    undeployed: (change, task) => studio.releases.undeployed(change, task.workspaceId, task.fileId),
  });
  const monitoring = createMonitoring({ database, changes, clock, log, events, outbound, secrets, directory, workspaceIds: livingWorkspaceIds, history: scheduling.history, execution: execution.execution, resources: resources.resources, business: businessById });
  const users = {
    async find(userId: number, tenantId: number) {
      const user = await identity.users.find(userId, tenantId);
      return user === undefined ? undefined : { id: user.userId, name: user.userName, displayName: user.displayName };
    },
  };
  const uploads = createUploads({ database, clock, ids, secrets, outbound, endpoint: options.uploadEndpoint ?? 'localhost' });
  const certificates = createCertificates({ secrets, files: uploads });
  const datasets = createDatasets({ files: uploads, directory, workspaceIds: livingWorkspaceIds, dataFolder: options.dataFolder });
  const images = createImages({ directory });
  const workspaces = createWorkspaces({
    database,
    clock,
    log,
    users,
    holds,
    scheduling: scheduling.scheduling,
    belongings: [resources.resources, datasources.dataSources, certificates.certificates, datasets, images, { removeWorkspace: (change, workspaceId) => studio.removeWorkspace(change, workspaceId) }],
  });
  const studio = createStudio({ holds, scheduling: scheduling.scheduling, users, packages: () => deployment.packages, secrets, uploads, workspaces: directory });
  const deployment = createDeployment({ holds, studio: studio.studio, releases: studio.releases });

  const modules: Module[] = [identity.module, openapi.module, openevent.module, extensions.module, execution.module, scheduling.module, monitoring.module, workspaces.module, resources.module, datasources.module, certificates.module, datasets.module, images.module, studio.module, deployment.module];
  for (const gauge of modules.flatMap((module) => module.gauges ?? [])) metrics.gauge({ name: gauge.name, help: gauge.help, read: () => gauge.read(database, clock.now()) });
  const jobs = createJobRunner({ database, changes, clock, log, jobs: modules.flatMap((module) => module.jobs ?? []) });
  const { gateway, registry } = openapi.open(modules.flatMap((module) => module.operations ?? []));
  const services: Service[] = [jobService(database, jobs), periodic({ name: 'partitions', everyMs: limits.partitionCheckMs.value, clock, log, round: () => maintainAllPartitions(database, clock.now()) }), ...modules.flatMap((module) => module.services ?? [])].filter((service) => service.role === undefined || options.roles === undefined || options.roles.includes(service.role));
  const started: Service[] = [];

  return {
    gateway,
    registry,
    changes,
    jobs,
    openapi,
    metrics,
    regions,
    receiveForm: uploads.receive,
    kafka: openevent.kafka,
    async start() {
      for (const service of services) {
        await service.start();
        started.push(service);
      }
    },
    async stop() {
      for (const service of started.splice(0).toReversed()) {
        await service.stop().catch((error: unknown) => log.error({ err: error, service: service.name }, 'a service did not stop in order'));
      }
      await outbound.close();
    },
  };
}

function jobService(database: Database, jobs: JobRunner): Service {
  let unlisten: (() => Promise<void>) | undefined;
  return {
    name: 'jobs',
    async start() {
      unlisten = await database.listen('millrace_job', () => jobs.wake());
      jobs.start();
    },
    async stop() {
      await unlisten?.();
      await jobs.stop();
    },
  };
}
