/** Whether the failure, or one of those that it is made of, has one of these codes of the Kafka protocol. */
export function hasCode(error: unknown, codes: readonly string[]): boolean {
  return leaves(error).some((one) => codes.includes(String((one as { apiId?: unknown }).apiId)));
}

/** The failures that a failure is made of: the client wraps them several times. */
function leaves(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error)) return [new Error(String(error))];
  const { errors } = error as { errors?: unknown };
  const inner = [...(Array.isArray(errors) ? (errors as unknown[]) : []), ...(error.cause === undefined ? [] : [error.cause])];
  if (inner.length === 0 || depth > 8) return [error];
  return [...inner.flatMap((one) => leaves(one, depth + 1)), ...(Array.isArray(errors) ? [] : [error])];
}

/** What went wrong, in one line for an operator. */
export function describeFailure(error: unknown): string {
  const found = leaves(error);
  // The innermost says what happened; what is wrapped around it says it again.
  const texts = found.map((one) => {
    const { apiId, code } = one as { apiId?: unknown; code?: unknown };
    const label = typeof apiId === 'string' ? apiId : typeof code === 'string' && !code.startsWith('PLT_') ? code : undefined;
    return label === undefined || one.message.includes(label) ? one.message : `${label}: ${one.message}`;
  });
  return [...new Set(texts)].slice(0, 3).join('; ').slice(0, 500);
}

/** What tells that the cluster no longer knows the producer, so that only a new one can go on. */
const PRODUCER_LOST = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_PRODUCER_ID_MAPPING', 'DUPLICATE_SEQUENCE_NUMBER'];

export function isProducerLost(error: unknown): boolean {
  return hasCode(error, PRODUCER_LOST);
}

/** What tells that topics have changed: another leader, or gone. */
const TOPIC_GONE = ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID'];

export function isTopicGone(error: unknown): boolean {
  return hasCode(error, TOPIC_GONE);
}
