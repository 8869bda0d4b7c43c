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
  const longest = hidden[0]?.length ?? 0;
  if (longest === 0) return { push: write, end() {} };
  const whole = new RegExp(hidden.map((secret) => secret.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
  let waiting = '';

  /** Where, from `from` on, an end of the text begins that may be the beginning of a secret; the length of the text when there is none. */
  function possibleBeginning(text: string, from: number): number {
    for (let at = Math.max(from, text.length - longest + 1); at < text.length; at += 1) {
      const end = text.slice(at);
      if (hidden.some((secret) => secret.length > end.length && secret.startsWith(end))) return at;
    }
    return text.length;
  }
  const send = (text: string) => {
    if (text !== '') write(Buffer.from(text, 'latin1'));
  };

  return {
    push(data) {
      const text = waiting + data.toString('latin1');
      let shown = '';
      let from = 0;
      let held = possibleBeginning(text, from);
      // A secret that is there whole goes first: its end may look like the beginning of one, itself or another.
      for (const match of text.matchAll(whole)) {
        if (match.index >= held) break;
        shown += text.slice(from, match.index) + MASK;
        from = match.index + match[0].length;
        if (from > held) held = possibleBeginning(text, from);
      }
      waiting = text.slice(held);
      send(shown + text.slice(from, held));
    },
    end() {
      send(waiting.replaceAll(whole, MASK));
      waiting = '';
    },
  };
}
