/** An answer that is an error, or none at all. */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  /** The code of the error catalogue; `ConnectionFailed` when no answer came, `UnreadableAnswer` when it was no JSON. */
  readonly code: string;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly requestId: string | undefined;
  /** What the server says can be done. */
  readonly recommend: string | undefined;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(facts: { code: string; status: number; message: string; requestId?: string | undefined; recommend?: string | undefined; retryAfterMs?: number | undefined; cause?: unknown }) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.status = facts.status;
    this.requestId = facts.requestId;
    this.recommend = facts.recommend;
    this.retryAfterMs = facts.retryAfterMs;
  }

  /** Whether the same request may succeed a little later: throttled, unavailable, or never answered. */
  get passing(): boolean {
    return this.code === 'ConnectionFailed' || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** The pause that an answer asks for: `x-acs-retry-after` in milliseconds, else `Retry-After` in seconds or as a date. */
export function retryAfter(headers: Pick<Headers, 'get'>, now: Date): number | undefined {
  const exact = headers.get('x-acs-retry-after');
  if (exact !== null && /^\d{1,12}$/.test(exact)) return Number(exact);
  const coarse = headers.get('retry-after');
  if (coarse === null) return undefined;
  if (/^\d{1,9}$/.test(coarse)) return Number(coarse) * 1_000;
  const at = Date.parse(coarse);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}
