import { readFile } from 'node:fs/promises';
import { extensionsSchema } from './extensions/schema.ts';
import { identitySchema } from './identity/schema.ts';
import { openDatabase, type Database } from './kernel/database.ts';
import { migrate } from './kernel/migrations.ts';
import type { Schema } from './kernel/module.ts';
import { maintainPartitions } from './kernel/partitions.ts';
import { compareSchemas, readSchema } from './kernel/schema-check.ts';
import { kernelSchema } from './kernel/schema.ts';
import { openapiSchema } from './openapi/schema.ts';
import { continuePositions } from './openevent/epoch.ts';
import { openeventSchema } from './openevent/schema.ts';
import { certificatesSchema } from './platform/certificates/schema.ts';
import { datasetsSchema } from './platform/datasets/schema.ts';
import { datasourcesSchema } from './platform/datasources/schema.ts';
import { deploymentSchema } from './platform/deployment/schema.ts';
import { executionSchema } from './platform/execution/schema.ts';
import { monitoringSchema } from './platform/monitoring/schema.ts';
import { imagesSchema } from './platform/images/schema.ts';
import { resourcesSchema } from './platform/resources/schema.ts';
import { schedulingSchema } from './platform/scheduling/schema.ts';
import { studioSchema } from './platform/studio/schema.ts';
import { workspacesSchema } from './platform/workspaces/schema.ts';

/** The schemas of all modules, lower modules first. */
export const schemas: readonly Schema[] = [kernelSchema, identitySchema, openapiSchema, openeventSchema, extensionsSchema, workspacesSchema, resourcesSchema, datasourcesSchema, certificatesSchema, datasetsSchema, imagesSchema, executionSchema, schedulingSchema, monitoringSchema, studioSchema, deploymentSchema];

/** Migrates `database` and makes the partitions it needs at `now`. Returns the number of migrations that ran. */
export async function prepareDatabase(database: Database, now: Date, report: (line: string) => void = () => {}): Promise<number> {
  const count = await migrate(
    database,
    schemas.map((schema) => schema.migrations),
    report,
  );
  await continuePositions(database);
  await maintainAllPartitions(database, now);
  return count;
}

/** The schema that the migrations of this release make, in lines. A test writes it and holds it current. */
export const schemaFile = new URL('schema.json', import.meta.url);

/** How the live schema differs from the expected one, for the operator: somebody changed tables by hand, or a migration is half there. */
export async function schemaFaults(database: Database): Promise<string[]> {
  return compareSchemas(JSON.parse(await readFile(schemaFile, 'utf8')) as string[], await readSchema(database));
}

/** Makes coming partitions and drops expired ones. Returns the dropped ones. */
export async function maintainAllPartitions(database: Database, now: Date): Promise<string[]> {
  const dropped: string[] = [];
  for (const partition of schemas.flatMap((schema) => schema.partitions ?? [])) dropped.push(...(await maintainPartitions(database, partition, now)));
  return dropped;
}

/** Migrates the database at `url`, for the template that tests clone. */
export async function migrateAll(url: string): Promise<void> {
  const database = openDatabase({ connection: url, connections: 1 });
  try {
    await prepareDatabase(database, new Date());
  } finally {
    await database.close();
  }
}
