/** W3C trace context, version 00: trace id, parent span id, flags. */
const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A `traceparent` that can be carried on, or undefined for one that is absent, malformed, or all zeros. */
export function readTraceparent(header: string | undefined): string | undefined {
  const [text, traceId = '', spanId = ''] = FORM.exec(header?.trim().toLowerCase() ?? '') ?? [];
  return text === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId) ? undefined : text;
}

/** The same trace with a span of its own, or undefined for text that is no trace context. */
export function childTraceparent(traceparent: string, span: string): string | undefined {
  const [, traceId, , flags] = FORM.exec(traceparent) ?? [];
  return traceId === undefined ? undefined : `00-${traceId}-${span}-${flags}`;
}
