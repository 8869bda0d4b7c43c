/**
 * What the console costs its user: bytes and time of the first load with an empty cache, and the stalls while a list of 100,000 calls
 * is scrolled from end to end. A stall is told twice: as it was on this machine with whatever else ran on it, and by the processor time of the page's
 * longest task, which is what the console itself can do about it.
 *
 *     npm run bench -- console
 */

import { until, startConsole } from '../test/browser/browser.fixture.ts';

const rows = 100_000;
const rounds = 5;

const backend = await startConsole();
try {
  const { house } = backend;
  const owner = house.first.userName;
  const loads: { milliseconds: number; bytes: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const opened = await backend.open('/', owner, { alone: true });
    await until(opened.page, "document.querySelector('.tour-list') !== null && performance.getEntriesByType('paint').length > 0");
    loads.push(
      await opened.page.evaluate<{ milliseconds: number; bytes: number }>(
        "({ milliseconds: performance.getEntriesByName('first-contentful-paint')[0].startTime, bytes: performance.getEntriesByType('resource').filter((one) => one.name.includes('/console/assets/')).reduce((sum, one) => sum + one.encodedBodySize, 0) })",
      ),
    );
    await opened.close();
  }
  const middle = loads.toSorted((one, other) => one.milliseconds - other.milliseconds)[Math.floor(rounds / 2)];
  console.log(`first load of the overview, empty cache: ${Math.round(middle?.milliseconds ?? 0)} ms to the first paint (median of ${rounds}), ${Math.round((middle?.bytes ?? 0) / 1_000)} KB compressed with the view's own chunk`);

  await house.database.run(
    `insert into call_log (at, tenant_id, region, user_id, user_name, access_key_id, product, version, action, access, status, code, message, duration_us, request_id, source_address, parameters, counted)
     select now() - n * interval '0.5 seconds', tenant_id, region, user_id, 'load', access_key_id, product, version, 'ListNodes', 'read', 200, '', '', 1000, 'LOAD-' || n, '127.0.0.1', '{}', false
     from (select * from call_log where user_id <> 0 limit 1) as one, generate_series(1, ${rows}) as n`,
  );
  const { page } = await backend.open('/openapi/calls?operation=ListNodes', owner);
  await until(page, "document.querySelectorAll('.virtual-row a').length > 5");
  await page.evaluate("globalThis.stalls = []; new PerformanceObserver((list) => stalls.push(...list.getEntries().map((one) => one.duration))).observe({ type: 'longtask' });");
  await backend.browser.startTracing(page, { categories: ['toplevel'] });
  // A step each frame, as a dragged scroll bar makes it, over the whole list.
  await page.evaluate(`new Promise((resolve) => {
    const list = document.querySelector('.virtual');
    const step = list.scrollHeight / 600;
    let frame = 0;
    const go = () => { list.scrollTop += step; frame += 1; if (frame < 600) requestAnimationFrame(go); else resolve(true); };
    requestAnimationFrame(go);
  })`);
  const longest = longestTask(await backend.browser.stopTracing());
  const stalls = await page.evaluate<number[]>('stalls');
  console.log(`${rows} calls scrolled from end to end in 600 frames: ${stalls.length} stalls over 50 ms${stalls.length === 0 ? '' : `, the longest ${Math.round(Math.max(...stalls))} ms`}; the page's longest task took ${longest.toFixed(1)} ms of the processor`);
} finally {
  await backend.stop();
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Processor time, microseconds. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** The processor time in milliseconds of the longest task of the page's thread, from a trace of the browser. */
function longestTask(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as { traceEvents: readonly TraceEvent[] };
  const threadOf = (event: TraceEvent) => `${event.pid}/${event.tid}`;
  const pages = new Set(traceEvents.filter((event) => event.name === 'thread_name' && event.args.name === 'CrRendererMain').map(threadOf));
  const tasks = traceEvents.filter((event) => event.ph === 'X' && event.name.endsWith('RunTask') && pages.has(threadOf(event)));
  return Math.max(0, ...tasks.map((event) => event.tdur ?? 0)) / 1_000;
}
