import type { StreamRun } from '../kernel/stream.ts';

/** A request as it came, before anything of it was believed. */
export interface Exchange {
  readonly method: string;
  /** Raw target path without the query. */
  readonly path: string;
  readonly rawQuery: string;
  /** Lower-case names; a repeated header is a list, unjoined. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
  readonly sourceAddress: string;
  /** Aborted when the server begins to end. */
  readonly closing?: AbortSignal | undefined;
}

/** What goes back. `body` always has a `RequestId`. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Goes on as server-sent events in place of the body. */
  readonly stream?: StreamRun;
  /** A session cookie to set, or null to clear it. */
  readonly session?: { readonly token: string; readonly expires: Date } | null;
}

/** The one value of a header; undefined when it is absent or was sent several times. */
export function header(exchange: Pick<Exchange, 'headers'>, name: string): string | undefined {
  const value = exchange.headers[name];
  if (value === undefined || typeof value === 'string') return value;
  return value.length === 1 ? value[0] : undefined;
}

/** Language of messages: Chinese when the caller prefers it, English otherwise. */
export function languageOf(exchange: Pick<Exchange, 'headers'>): 'en' | 'zh' {
  return header(exchange, 'accept-language')?.trimStart().toLowerCase().startsWith('zh') === true ? 'zh' : 'en';
}
