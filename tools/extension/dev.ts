import { createClient } from '../../examples/demo/client.ts';
import { readAnswer } from '../../server/extensions/request.ts';

/** What to try out, and where. */
export interface DevOptions {
  /** The local program, such as `http://127.0.0.1:9000/check`. */
  readonly url: string;
  readonly server: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly projectId: number;
  readonly points: readonly string[];
  readonly form: 'HTTP' | 'FUNCTION';
  readonly code: string;
  /** Operations on record to replay, newest first. */
  readonly last: number;
  /** Leave the extension registered, in shadow, so that further operations reach the program. */
  readonly keep: boolean;
  readonly say: (line: string) => void;
}

/** One operation that was put to the program. */
export interface Replayed {
  readonly holdId: number;
  readonly point: string;
  readonly title: string;
  /** OK, WARN or FAIL; undefined when the answer was none. */
  readonly verdict: string | undefined;
  readonly text: string;
  readonly milliseconds: number;
}

const OWN = '2026-12-01';

interface HoldLine {
  readonly HoldId: number;
  readonly EventCode: string;
  readonly ProcessName: string;
}

/**
 * Registers the program in shadow mode in one workspace, so that it can hold nothing, and puts the recorded operations of the workspace to it, one by one.
 * Prints verdict and time of each. Rejects when the server refuses something; what the program does wrong is printed as its answer.
 */
export async function dev(options: DevOptions): Promise<Replayed[]> {
  const { say, code } = options;
  const call = createClient({ url: options.server, accessKeyId: options.accessKeyId, accessKeySecret: options.accessKeySecret });
  const made = await register(options, call);
  say(`${code} is registered in shadow in workspace ${options.projectId}: it is asked about every ${options.points.join(', ')}, and nothing waits for it.`);
  const replayed: Replayed[] = [];
  try {
    const holds = await recorded(options, call);
    if (holds.length === 0) say('No operation is on record there yet; they are recorded from now on. Fixtures of every point: examples/checkers/fixtures.');
    for (const hold of holds) {
      const { Body } = await call(OWN, 'GetCheckRequest', { HoldId: hold.HoldId, ExtensionCode: code, Form: options.form });
      const result = await put(options.url, String(Body));
      replayed.push({ holdId: hold.HoldId, point: hold.EventCode, title: hold.ProcessName, ...result });
      say(`${(result.verdict ?? 'none').padEnd(5)} ${result.milliseconds.toFixed(1).padStart(8)} ms  ${hold.EventCode}  ${hold.ProcessName}${result.text === '' ? '' : `\n      ${result.text.replaceAll('\n', '\n      ')}`}`);
    }
    say(summary(replayed));
  } finally {
    if (!options.keep) {
      await call(OWN, 'DisableExtensionForProject', { ExtensionCode: code, ProjectId: options.projectId });
      if (made) await call(OWN, 'DeleteExtension', { ExtensionCode: code });
    }
  }
  return replayed;
}

/** Answers whether the extension is new. */
async function register(options: DevOptions, call: ReturnType<typeof createClient>): Promise<boolean> {
  const registration = { ExtensionCode: options.code, ExtensionName: options.code, BindEventList: options.points, ProjectTesting: options.projectId, Invocation: options.form, Target: options.url };
  const known = await call('2020-05-18', 'GetExtension', { ExtensionCode: options.code }).then(
    () => true,
    (error: { statusCode?: number }) => {
      if (error.statusCode === 404) return false;
      throw error;
    },
  );
  await call(OWN, known ? 'UpdateExtension' : 'CreateExtension', registration);
  await call(OWN, 'EnableExtension', { ExtensionCode: options.code, ProjectId: options.projectId, Mode: 'SHADOW' });
  return !known;
}

async function recorded(options: DevOptions, call: ReturnType<typeof createClient>): Promise<HoldLine[]> {
  const lines: HoldLine[] = [];
  for (const EventCode of options.points) {
    const { PagingInfo } = await call(OWN, 'ListHolds', { ProjectId: options.projectId, EventCode, PageSize: Math.min(options.last, 100) });
    lines.push(...(PagingInfo as { Holds: HoldLine[] }).Holds);
  }
  return lines.toSorted((a, b) => b.HoldId - a.HoldId).slice(0, options.last);
}

/** Asks the program as the server would, and reads its answer by the server's own rule. */
async function put(url: string, body: string): Promise<Pick<Replayed, 'verdict' | 'text' | 'milliseconds'>> {
  const started = performance.now();
  try {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json;charset=utf-8', accept: 'application/json' }, body, redirect: 'manual', signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    const milliseconds = performance.now() - started;
    if (response.status === 202) return { verdict: undefined, text: 'it has taken the question on (202) and would call back.', milliseconds };
    if (!response.ok) return { verdict: undefined, text: `it answered with status ${response.status}.`, milliseconds };
    const read = readAnswer(text, response.headers.get('content-type') ?? '');
    if (typeof read === 'string') return { verdict: undefined, text: read, milliseconds };
    const findings = read.findings.map((finding) => `${finding.object ?? ''}${finding.line === undefined ? '' : `:${finding.line}`} ${finding.rule ?? ''} ${finding.text}`.trim());
    return { verdict: read.result, text: [read.tip, ...findings].filter((part) => part !== '').join('\n'), milliseconds };
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    return { verdict: undefined, text: cause?.message ?? message, milliseconds: performance.now() - started };
  }
}

function summary(replayed: readonly Replayed[]): string {
  const count = (verdict: string | undefined) => replayed.filter((one) => one.verdict === verdict).length;
  const times = replayed.map((one) => one.milliseconds).toSorted((a, b) => a - b);
  const middle = times[Math.floor(times.length / 2)];
  return `${replayed.length} operations: ${count('OK')} OK, ${count('WARN')} WARN, ${count('FAIL')} FAIL, ${count(undefined)} without a verdict${middle === undefined ? '' : `; median ${middle.toFixed(1)} ms`}.`;
}
