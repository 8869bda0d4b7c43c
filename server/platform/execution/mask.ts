/** Keeps secrets out of what a run puts out. */

const MASK = '******';
/** Shortest line of a secret of several lines that is masked by itself; shorter ones, such as a bracket, say nothing. */
const SHORTEST_LINE = 4;

export interface Mask {
  push(data: Buffer): void;
  /** Hands on what was held back. Nothing may be pushed after it. */
  end(): void;
}

/** Secrets as they may stand in an output: whole, and line by line where they have several; the longest first. */
function patterns(secrets: readonly string[]): string[] {
  const parts = secrets.flatMap((secret) => [secret, secret.trim(), ...secret.split(/\r?\n/).filter((line) => line.length >= SHORTEST_LINE)]);
  return [...new Set(parts)]
    .filter((part) => part !== '')
    .toSorted((left, right) => right.length - left.length);
}

export function maskText(text: string, secrets: readonly string[]): string {
  return patterns(secrets).reduce((masked, secret) => masked.replaceAll(secret, MASK).replaceAll(JSON.stringify(secret).slice(1, -1), MASK), text);
}

/** A way through which output goes on to `write`; its end waits while it may be the beginning of a secret. */
export function createMask(secrets: readonly string[], write: (data: Buffer) => void): Mask {
  // One character a byte, so that text in any encoding passes unharmed.
  const hidden = patterns(secrets).map((secret) => Buffer.from(secret, 'utf8').toString('latin1'));
  if (hidden.length === 0) return { push: write, end() {} };
  let waiting = '';

  function possibleBeginning(text: string): number {
    for (let length = Math.min(text.length, (hidden[0]?.length ?? 0) - 1); length > 0; length -= 1) {
      const end = text.slice(-length);
      if (hidden.some((secret) => secret.length > length && secret.startsWith(end))) return length;
    }
    return 0;
  }
  const send = (text: string) => {
    if (text !== '') write(Buffer.from(hidden.reduce((masked, secret) => masked.replaceAll(secret, MASK), text), 'latin1'));
  };

  return {
    push(data) {
      const text = waiting + data.toString('latin1');
      const held = possibleBeginning(text);
      waiting = held === 0 ? '' : text.slice(-held);
      send(held === 0 ? text : text.slice(0, -held));
    },
    end() {
      send(waiting);
      waiting = '';
    },
  };
}
