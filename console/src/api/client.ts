import { hintFor } from './hints.ts';
import type { Action, ContractName, Request, Response } from './contract.ts';

/** A call that the gateway refused, or that did not reach it (status 0). */
export class CallError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  /** What to do, in the language of the page where it is one of the usual codes. */
  readonly recommend: string;

  constructor(status: number, body: Record<string, unknown>) {
    super(typeof body['Message'] === 'string' ? body['Message'] : `HTTP ${status}`);
    this.status = status;
    this.code = String(body['Code'] ?? '');
    this.requestId = String(body['RequestId'] ?? '');
    this.recommend = hintFor(this.code, circumstances.language) ?? String(body['Recommend'] ?? '');
  }

  /** The operation is in the contract but this server has no handler for it. */
  get notBuilt(): boolean {
    return this.status === 501;
  }

  get forbidden(): boolean {
    return this.status === 403;
  }

  get signedOut(): boolean {
    return this.status === 401;
  }
}

/** What every call carries beside its parameters. Held here, so that a call outside React finds it as well. */
interface Circumstances {
  csrfToken: string;
  region: string;
  language: 'en' | 'zh';
}

const circumstances: Circumstances = { csrfToken: '', region: '', language: 'en' };

export function setCircumstances(change: Partial<Circumstances>): void {
  Object.assign(circumstances, change);
}

/** What a raw call saw, for the explorer. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Record<string, unknown>;
  readonly milliseconds: number;
}

/** Calls an operation with the session and answers whatever came back. Rejects with a CallError only when nothing came back. */
export async function callRaw(contract: string, action: string, parameters: object, signal?: AbortSignal): Promise<RawAnswer> {
  const started = performance.now();
  let response: globalThis.Response;
  try {
    response = await fetch(`/api/${contract}/${action}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'accept-language': circumstances.language === 'zh' ? 'zh-CN' : 'en',
        ...(circumstances.csrfToken === '' ? {} : { 'x-csrf-token': circumstances.csrfToken }),
      },
      body: JSON.stringify(circumstances.region === '' ? parameters : { RegionId: circumstances.region, ...parameters }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new CallError(0, { Message: error instanceof Error ? error.message : String(error) });
  }
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  return { status: response.status, headers: [...response.headers], body, milliseconds: performance.now() - started };
}

/** Calls an operation of the contract with the session. Rejects with a CallError. */
export async function call<C extends ContractName, A extends Action<C>>(contract: C, action: A, request: Request<C, A>, signal?: AbortSignal): Promise<Response<C, A>> {
  const answer = await callRaw(contract, action, request as object, signal);
  if (answer.status >= 400) throw new CallError(answer.status, answer.body);
  return answer.body as Response<C, A>;
}
