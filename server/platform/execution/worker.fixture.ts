import { openDatabase } from '../../kernel/database.ts';
import { createChanges } from '../../kernel/change.ts';
import { systemClock } from '../../kernel/clock.ts';
import { randomIds } from '../../kernel/ids.ts';
import { silentLog } from '../../kernel/log.ts';
import { createScheduling } from '../scheduling/index.ts';
import { createExecution } from './index.ts';

/** A process that only works, to be killed: `node worker.fixture.ts <database url> <data folder>`. */
const [url = '', dataFolder = ''] = process.argv.slice(2);
const database = openDatabase({ connection: url, connections: 4 });
const changes = createChanges({ database, clock: systemClock, ids: randomIds, events: { async append() {} } });
const execution = createExecution({ database, changes, clock: systemClock, ids: randomIds, log: silentLog, dataFolder, timeZone: 'Asia/Shanghai', searchPath: process.env['PATH'] ?? '' });
createScheduling({ database, changes, clock: systemClock, log: silentLog, execution: execution.execution, holds: { propose: async () => ({ held: false, messageId: '' }), withdraw: async () => {} }, timeZone: 'Asia/Shanghai' });
for (const service of execution.module.services ?? []) await service.start();
