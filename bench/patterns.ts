/**
 * What 1,000 rules on a bus cost: events of about 1 KB matched by one rule, by the compiled set of 1,000 rules, and by trying the 1,000 one after the
 * other, in interleaved rounds on one core. Limit: the set does at least 20,000 events a second. Run: `node bench/patterns.ts [rounds] [events per round]`.
 */
import { compilePattern, createMatcher, parseEventPattern } from '../server/openevent/patterns/index.ts';

const LEAST_RATE = 20_000;
const RULES = 1_000;
const rounds = Number(process.argv[2] ?? 7);
const count = Number(process.argv[3] ?? 20_000);

/** Rules as they are written: most name a type and one or two fields, some use every condition, a tenth has no exact value at all. */
function ruleText(index: number): string {
  const type = `dataworks:InstanceStatusChanges:InstanceStatusChanges`;
  const node = 1_000_000 + index * 7;
  const kinds: object[] = [
    { source: ['acs.dataworks'], type: [type], data: { nodeId: [node], status: [5, 6] } },
    { type: [type], data: { nodeId: [node, node + 1], status: [{ numeric: ['>=', 5] }] } },
    { type: ['dataworks:FileChange:CommitFile', 'dataworks:FileChange:DeployFile'], data: { operator: [{ 'anything-but': `user${index}` }], projectId: [index] } },
    { type: [{ prefix: 'dataworks:FileChange:' }], data: { fileName: [{ suffix: `_${index}.sql` }] } },
    { 'detail-type': [type], detail: { $or: [{ nodeId: [node] }, { dagId: [index] }] } },
    { type: [type], data: { owner: [{ 'equals-ignore-case': `OWNER${index}` }] } },
    { type: [type], data: { clientIp: [{ cidr: `10.${index % 250}.0.0/16` }], taskType: [index % 8] } },
    { type: [type], data: { nodeName: [{ wildcard: `dwd_${index}_*_di` }] } },
    { data: { taskId: [{ numeric: ['>', index * 1_000, '<', index * 1_000 + 500] }] } },
    { type: [type], data: { comment: [{ exists: false }], flowId: [index] } },
  ];
  return JSON.stringify(kinds[index % kinds.length]);
}

function eventOf(index: number): object {
  return {
    id: `0b1c2d3e-0000-4000-8000-${String(index).padStart(12, '0')}`,
    source: 'acs.dataworks',
    specversion: '1.0',
    type: 'dataworks:InstanceStatusChanges:InstanceStatusChanges',
    subject: '',
    time: '2026-12-01T00:00:00.000Z',
    datacontenttype: 'application/json;charset=utf-8',
    aliyunaccountid: '1',
    data: {
      taskId: (index * 613) % 1_000_000,
      nodeId: 1_000_000 + (index % 7_000),
      nodeName: `dwd_${index % 1_000}_orders_di`,
      status: index % 9,
      taskType: index % 8,
      dagId: index % 1_500,
      dagType: 0,
      flowId: index % 3_000,
      owner: `owner${index % 1_200}`,
      clientIp: `10.${index % 256}.${index % 199}.7`,
      createTime: 1_767_225_600_000 + index,
      modifyTime: 1_767_225_600_000 + index,
      beginRunningTime: 1_767_225_600_000 + index,
      finishTime: 1_767_225_600_000 + index,
      appId: 11,
      opCode: 31,
      blockBusiness: false,
      tenantId: 1,
      eventCode: 'instance-status-changes',
      note: 'x'.repeat(420),
    },
  };
}

const patterns = Array.from({ length: RULES }, (_, index) => parseEventPattern(ruleText(index)));
const rules = patterns.map((pattern, id) => ({ id, pattern }));
const set = createMatcher(rules);
const one = createMatcher(rules.slice(0, 1));
const single = patterns.map(compilePattern);
const events = Array.from({ length: 2_000 }, (_, index) => eventOf(index));
const bytes = Buffer.byteLength(JSON.stringify(events[0]));

function rate(most: number, match: (event: object) => number): { perSecond: number; found: number } {
  let found = 0;
  const start = process.hrtime.bigint();
  for (let index = 0; index < most; index += 1) found += match(events[index % events.length] ?? {});
  return { perSecond: most / (Number(process.hrtime.bigint() - start) / 1e9), found };
}

const measure = () => ({
  set: rate(count, (event) => set.match(event).length),
  one: rate(count * 10, (event) => one.match(event).length),
  naive: rate(Math.ceil(count / 10), (event) => single.reduce((sum, match) => sum + (match(event) ? 1 : 0), 0)),
});
measure();
const measured = [];
for (let round = 1; round <= rounds; round += 1) {
  const result = measure();
  measured.push(result);
  console.log(`round ${round}: 1,000 rules ${result.set.perSecond.toFixed(0)} events/s, one rule ${result.one.perSecond.toFixed(0)}, one after the other ${result.naive.perSecond.toFixed(0)}`);
}
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const perSecond = median(measured.map((result) => result.set.perSecond));
console.log(
  `medians of ${rounds} rounds, events of ${bytes} bytes, ${((measured[0]?.set.found ?? 0) / count).toFixed(2)} matches each: 1,000 rules ${perSecond.toFixed(0)} events/s, ` +
    `${median(measured.map((result) => result.one.perSecond / result.set.perSecond)).toFixed(1)} times the cost of one rule, ` +
    `${median(measured.map((result) => result.set.perSecond / result.naive.perSecond)).toFixed(1)} times as fast as one after the other; limit ${LEAST_RATE} events/s`,
);
if (perSecond < LEAST_RATE) process.exitCode = 1;
