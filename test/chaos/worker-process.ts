import { createChanges } from '../../server/kernel/change.ts';
import { systemClock } from '../../server/kernel/clock.ts';
import { openDatabase } from '../../server/kernel/database.ts';
import { randomIds } from '../../server/kernel/ids.ts';
import { createJobRunner } from '../../server/kernel/jobs.ts';
import { silentLog } from '../../server/kernel/log.ts';
import { createEventLog } from '../../server/openevent/log.ts';
import { createExecution } from '../../server/platform/execution/index.ts';
import { createScheduling } from '../../server/platform/scheduling/index.ts';

/** A process that schedules and works, to be killed: `node worker-process.ts <database url> <data folder>`. */
const [url = '', dataFolder = ''] = process.argv.slice(2);
const database = openDatabase({ connection: url, connections: 6 });
const changes = createChanges({ database, clock: systemClock, ids: randomIds, events: createEventLog({ database, validatePayloads: false }) });
const execution = createExecution({ database, changes, clock: systemClock, ids: randomIds, log: silentLog, dataFolder, timeZone: 'UTC', searchPath: process.env['PATH'] ?? '', settings: { slots: 6 } });
const scheduling = createScheduling({
  database,
  changes,
  clock: systemClock,
  log: silentLog,
  execution: execution.execution,
  timeZone: 'UTC',
  holds: { propose: async () => ({ held: false, messageId: '' }), withdraw: async () => {} },
});
const jobs = createJobRunner({ database, changes, clock: systemClock, log: silentLog, jobs: scheduling.module.jobs ?? [] });
jobs.start();
for (const service of [...(execution.module.services ?? []), scheduling.scheduler]) await service.start();
process.stdout.write('ready\n');
