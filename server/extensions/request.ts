import { eventByCode } from '../../contract/events.ts';
import { limits } from '../kernel/limits.ts';
import { storable } from '../kernel/text.ts';
import type { Finding } from './hold-store.ts';
import type { Verdict } from './states.ts';

/** The request that a direct checker gets, and how its answer is read. */

export interface Asked {
  readonly holdId: number;
  readonly messageId: string;
  readonly point: string;
  readonly extensionCode: string;
  readonly tenantId: number;
  readonly workspaceId: number | null;
  readonly operatorId: number;
  readonly title: string;
  readonly createdAt: Date;
  readonly deadlineAt: Date;
  readonly snapshotHash: string;
  readonly snapshot: Readonly<Record<string, unknown>>;
  /** The complete payload of the point's event. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The vendor's envelope for functions, field for field. */
export function functionBody(asked: Asked): Record<string, unknown> {
  return {
    messageId: asked.messageId,
    eventType: asked.point,
    eventCategoryType: eventByCode.get(asked.point)?.category ?? '',
    extensionBizId: asked.payload['extensionBizId'] ?? `job_${asked.holdId}`,
    blockBusiness: asked.payload['blockBusiness'] === true,
    messageBody: asked.payload,
  };
}

/** The plain form: everything that a checker needs to decide, without a call back to the server. */
export function plainBody(asked: Asked): Record<string, unknown> {
  return {
    messageId: asked.messageId,
    extensionCode: asked.extensionCode,
    eventCode: asked.point,
    eventType: eventByCode.get(asked.point)?.type ?? '',
    holdId: asked.holdId,
    tenantId: asked.tenantId,
    ...(asked.workspaceId === null ? {} : { projectId: asked.workspaceId }),
    operator: String(asked.operatorId),
    title: asked.title,
    time: asked.createdAt.toISOString(),
    deadline: asked.deadlineAt.toISOString(),
    data: asked.payload,
    snapshot: asked.snapshot,
    snapshotHash: asked.snapshotHash,
    options: asked.options,
  };
}

export interface ReadAnswer {
  readonly result: Verdict;
  readonly tip: string;
  readonly findings: readonly Finding[];
  /** Of the content that was judged, where the checker says it. */
  readonly snapshotHash: string | undefined;
}

/**
 * Reads a verdict: a JSON object with `checkResult` (or `result`): OK, WARN or FAIL; optionally `checkMessage` (or `message`, `errorMessage`) and
 * `findings`. Answers the reason as text when it is none.
 */
export function readAnswer(text: string, contentType: string): ReadAnswer | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return `the answer is no JSON${contentType === '' ? '' : ` (${contentType.slice(0, 80)})`}.`;
  }
  return readVerdict(json);
}

/** The same from JSON. */
export function readVerdict(json: unknown): ReadAnswer | string {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'the answer is no JSON object.';
  const fields = json as Readonly<Record<string, unknown>>;
  const pick = (...names: string[]) => names.flatMap((name) => [fields[name], fields[name.charAt(0).toUpperCase() + name.slice(1)]]).find((value) => value !== undefined && value !== null);
  const result = pick('checkResult', 'result');
  const verdict = typeof result === 'string' ? result.toUpperCase() : '';
  if (verdict !== 'OK' && verdict !== 'WARN' && verdict !== 'FAIL') return `the answer has no checkResult of OK, WARN or FAIL${result === undefined ? '' : `, but ${JSON.stringify(result).slice(0, 60)}`}.`;
  const message = pick('checkMessage', 'checkResultTip', 'errorMessage', 'message');
  const findings = pick('findings');
  const hash = pick('snapshotHash');
  return {
    result: verdict,
    tip: typeof message === 'string' ? storable(message, limits.holdTipCharacters.value) : '',
    findings: Array.isArray(findings) ? findings.slice(0, limits.checkFindings.value).flatMap(readFinding) : [],
    snapshotHash: typeof hash === 'string' ? hash : undefined,
  };
}

function readFinding(value: unknown): Finding[] {
  if (typeof value !== 'object' || value === null) return [];
  const fields = value as Readonly<Record<string, unknown>>;
  const text = (name: string, characters: number) => {
    const found = fields[name] ?? fields[name.charAt(0).toUpperCase() + name.slice(1)];
    return typeof found === 'string' ? storable(found, characters) : undefined;
  };
  const line = fields['line'] ?? fields['Line'];
  return [{ object: text('object', 512), line: typeof line === 'number' && Number.isInteger(line) ? line : undefined, rule: text('rule', 128), text: text('text', 2_000) ?? '', link: text('link', 2_048) }];
}
