import { platformActor, type Changes } from '../kernel/change.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../kernel/database.ts';
import type { IdSource } from '../kernel/ids.ts';
import { limits } from '../kernel/limits.ts';
import type { Log } from '../kernel/log.ts';
import type { Service } from '../kernel/module.ts';
import { OutboundError, type Outbound } from '../kernel/outbound.ts';
import { periodic } from '../kernel/periodic.ts';
import type { SecretBox } from '../kernel/secrets.ts';
import { storable } from '../kernel/text.ts';
import { signatureHeaders, signingKeys } from '../openevent/delivery/signature.ts';
import { askLater, claimAsks, renewToken, type AskRow } from './ask-store.ts';
import { optionsInForce } from './options.ts';
import { functionBody, plainBody, readAnswer, readVerdict, type Asked, type ReadAnswer } from './request.ts';
import type { Rules } from './rules.ts';
import { failCheck, hashToken, takeDirectAnswer } from './verdicts.ts';

/**
 * Asks the checkers that the server calls itself, outside of any change and all of an operation side by side. A check that was just written is asked by the
 * process that wrote it, with what it has in memory; what that process did not get to do is found in the database when its lease is over.
 *
 * What comes of a request:
 *   a verdict                           the check is answered
 *   202                                 the checker has taken it on and calls back; nobody asks again
 *   no connection, 429, 5xx, too slow   asked again, at most `checkAttempts` times, then the failure outcome
 *   anything else                       the failure outcome at once: asking again would not help
 * At the deadline nothing is decided here; the deadline's own job does that.
 */
export interface Asking extends Service {
  /** Whether this process would ask so many more itself. Otherwise they are written as due, for whoever looks. */
  hasRoom(checks: number): boolean;
  /** Asks these checks, which the process has taken on; called when the change that wrote them has committed. */
  begin(checks: readonly FreshAsk[]): void;
  /** Asks what is due and resolves when it has been asked. For tests. */
  drain(): Promise<void>;
}

export interface FreshAsk extends AskRow {
  readonly token: string | undefined;
}

/** What the sealed signing secret of an extension is for. */
export function signingPurpose(tenantId: number, code: string): string {
  return `extension:${tenantId}:${code}`;
}

/** Until when a check belongs to who asks it. */
export function askLease(now: Date): Date {
  return new Date(now.getTime() + limits.checkRequestMs.value + 5_000);
}

type Came = { readonly answer: ReadAnswer } | { readonly accepted: true } | { readonly again: string } | { readonly failed: string } | { readonly late: true } | { readonly calledOff: true };

export function createAsking(options: { database: Database; changes: Changes; clock: Clock; ids: IdSource; log: Log; transport: Pick<Outbound, 'request'>; rules: Rules; secrets: SecretBox }): Asking {
  const { database, changes, clock, ids, log, transport, rules, secrets } = options;
  const waiting: FreshAsk[] = [];
  const underWay = new Set<Promise<void>>();
  let stopping = new AbortController();
  let running = false;
  let claiming: Promise<unknown> = Promise.resolve();

  async function request(ask: FreshAsk): Promise<Came> {
    const left = ask.deadline_at.getTime() - clock.now().getTime();
    if (left <= 0) return { late: true };
    const asked = askedOf(ask);
    if (ask.invocation === 'RULE') {
      const { payload: data, snapshot, options: chosen, point, title } = asked;
      const outcome = await rules.evaluate(ask.target, { data, snapshot, options: chosen, point, title, operator: String(ask.operator_id), projectId: ask.workspace_id ?? 0 });
      if ('reason' in outcome) return { failed: outcome.reason };
      const read = readRuleValue(outcome.value);
      return typeof read === 'string' ? { failed: read } : { answer: read };
    }
    const body = JSON.stringify(ask.invocation === 'FUNCTION' ? functionBody(asked) : { ...plainBody(asked), attempt: ask.attempts, ...(ask.token === undefined ? {} : { checkToken: ask.token }) });
    try {
      const answer = await transport.request({
        method: 'POST',
        url: ask.target,
        headers: {
          'content-type': 'application/json;charset=utf-8',
          accept: 'application/json',
          'x-millrace-message-id': ask.message_id,
          'x-millrace-extension-code': encodeURIComponent(ask.code),
          'x-millrace-attempt': String(ask.attempts),
          ...(ask.token === undefined ? {} : { 'x-millrace-check-token': ask.token }),
          ...(ask.signing_secret === null ? {} : signatureHeaders(signingKeys([secrets.open(ask.signing_secret, signingPurpose(ask.tenant_id, ask.code))]), ask.message_id, clock.now(), body)),
        },
        body,
        timeoutMs: Math.min(limits.checkRequestMs.value, left),
        signal: stopping.signal,
      });
      if (answer.status === 202) return { accepted: true };
      if (answer.status === 429 || answer.status >= 500) return { again: `it answered with status ${answer.status}.` };
      if (answer.status < 200 || answer.status >= 300) return { failed: `it answered with status ${answer.status}.` };
      if (answer.truncated) return { failed: `its answer is longer than ${limits.outboundResponseBytes.value} bytes.` };
      const read = readAnswer(answer.text, answer.headers['content-type'] ?? '');
      if (typeof read === 'string') return { failed: read };
      if (read.snapshotHash !== undefined && read.snapshotHash !== ask.snapshot_hash) return { failed: 'the answer is about other content than the one under decision (snapshotHash), so it is void.' };
      return { answer: read };
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      if (error.stage === 'cancelled') return { calledOff: true };
      const reason = storable(`${error.message}.`, 500);
      return error.stage === 'url' || error.stage === 'forbidden' ? { failed: reason } : { again: reason };
    }
  }

  async function ask(check: FreshAsk): Promise<void> {
    const came = await request(check);
    const actor = platformActor(`check:${check.code}`, check.tenant_id);
    const { hold_id: holdId, extension_id: extensionId } = check;
    if ('answer' in came) return changes.change(actor, (change) => takeDirectAnswer(change, holdId, extensionId, came.answer));
    if ('failed' in came) return changes.change(actor, (change) => failCheck(change, holdId, extensionId, came.failed));
    if ('accepted' in came) return askLater(database, holdId, extensionId, null, '');
    if ('late' in came) return;
    // This process ends: whoever comes next need not wait for its lease.
    if ('calledOff' in came) return askLater(database, holdId, extensionId, clock.now(), '');
    const at = new Date(clock.now().getTime() + limits.checkRetryMs.value * 4 ** (check.attempts - 1));
    // Near the deadline the outcome is the deadline's, and the failure stands in its text.
    if (at >= check.deadline_at) return askLater(database, holdId, extensionId, null, came.again);
    if (check.attempts < limits.checkAttempts.value) return askLater(database, holdId, extensionId, at, came.again);
    await changes.change(actor, (change) => failCheck(change, holdId, extensionId, came.again));
  }

  function pump(): void {
    while (underWay.size < limits.checksUnderWay.value) {
      const check = waiting.shift();
      if (check === undefined) return;
      const work: Promise<void> = ask(check)
        // The lease runs out, and the check is asked again.
        .catch((error: unknown) => log.error({ err: error, hold: check.hold_id, extension: check.code }, 'a check could not be asked and will be tried again'))
        .finally(() => {
          underWay.delete(work);
          pump();
        });
      underWay.add(work);
    }
  }

  async function claim(): Promise<number> {
    const now = clock.now();
    const rows = await claimAsks(database, now, askLease(now), limits.checksUnderWay.value);
    for (const row of rows) {
      const token = row.wants_token ? ids.token(24) : undefined;
      if (token !== undefined) await renewToken(database, row.hold_id, row.extension_id, hashToken(token));
      waiting.push({ ...row, token });
    }
    pump();
    return rows.length;
  }

  const looking = periodic({ name: 'looking for checks to ask', everyMs: limits.checkPollMs.value, clock, log, round: () => (claiming = claim()) });

  return {
    name: 'asking',
    // Without the service, as in a process that only answers calls, others ask.
    hasRoom: (checks) => running && waiting.length + checks <= limits.checksWaiting.value,
    begin(checks) {
      if (!running) return;
      waiting.push(...checks);
      pump();
    },
    async drain() {
      await claiming.catch(() => {});
      for (;;) {
        const found = await claim();
        while (underWay.size > 0) await Promise.all(underWay);
        if (found === 0) return;
      }
    },
    start() {
      stopping = new AbortController();
      running = true;
      return looking.start();
    },
    async stop() {
      running = false;
      stopping.abort();
      await looking.stop();
      const left = waiting.splice(0);
      await Promise.all(underWay);
      for (const check of left) await askLater(database, check.hold_id, check.extension_id, clock.now(), '').catch((error: unknown) => log.warn({ err: error }, 'a check keeps its lease'));
      await rules.stop();
    },
  };
}

/** What a checker is told. */
export function askedOf(ask: Omit<AskRow, 'attempts' | 'wants_token' | 'invocation' | 'target' | 'extension_id' | 'signing_secret'>): Asked {
  return {
    holdId: ask.hold_id,
    messageId: ask.message_id,
    point: ask.point,
    extensionCode: ask.code,
    tenantId: ask.tenant_id,
    workspaceId: ask.workspace_id,
    operatorId: ask.operator_id,
    title: ask.title,
    createdAt: ask.created_at,
    deadlineAt: ask.deadline_at,
    snapshotHash: ask.snapshot_hash,
    snapshot: ask.snapshot,
    payload: ask.payload,
    options: optionsInForce(ask.option_value, ask.option_setting),
  };
}

function readRuleValue(value: unknown): ReadAnswer | string {
  const plain = { tip: '', findings: [], snapshotHash: undefined };
  if (value === true) return { ...plain, result: 'OK' };
  if (value === false) return { ...plain, result: 'FAIL', tip: 'The rule is not fulfilled.' };
  const read = typeof value === 'string' ? readVerdict({ result: value }) : readVerdict(value);
  return typeof read === 'string' ? 'the rule comes neither to true or false, nor to a verdict, nor to a map with a result.' : read;
}
