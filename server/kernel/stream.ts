/** Answers that go on: what a handler hands back instead of a body when the caller takes server-sent events. */

/** A connection that stays open until one side ends it. */
export interface StreamConnection {
  /** Sends text. Resolves when there is room for more, or the connection is closed. */
  write(text: string): Promise<void>;
  /** Aborted when the other side is gone or the server ends. */
  readonly closed: AbortSignal;
}

/** Sends until it has nothing more to say or the connection is closed. */
export type StreamRun = (connection: StreamConnection) => Promise<void>;

const runs = new WeakMap<object, StreamRun>();

/** The answer of a handler whose operation goes on as a stream. Only for calls that have `streaming`. */
export function streamed(run: StreamRun): Record<string, never> {
  const answer = {};
  runs.set(answer, run);
  return answer;
}

/** The stream behind an answer, if it is one. */
export function streamOf(answer: object): StreamRun | undefined {
  return runs.get(answer);
}
