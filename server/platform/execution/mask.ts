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

/**
 * A way through which output goes on to `write`; its end waits while it may be the beginning of a secret. Whole secrets come before beginnings: the end of one may
 * be the beginning of another.
 */
export function createMask(secrets: readonly string[], write: (data: Buffer) => void): Mask {
  // One character a byte, so that text in any encoding passes unharmed.
  const hidden = patterns(secrets).map((secret) => Buffer.from(secret, 'utf8').toString('latin1'));
  if (hidden.length === 0) return { push: write, end() {} };
  const longest = hidden[0]?.length ?? 0;
  let waiting = '';

  /** Where a secret begins, at or behind a place, the longest of those that begin there. */
  function nextSecret(text: string, from: number): { at: number; length: number } | undefined {
    let found: { at: number; length: number } | undefined;
    for (const secret of hidden) {
      const at = text.indexOf(secret, from);
      if (at >= 0 && (found === undefined || at < found.at)) found = { at, length: secret.length };
    }
    return found;
  }

  /** Where what goes to the end of the text may be the beginning of a secret, at or behind a place. */
  function nextBeginning(text: string, from: number): number {
    for (let at = Math.max(from, text.length - longest + 1); at < text.length; at += 1) {
      if (hidden.some((secret) => secret.length > text.length - at && text.startsWith(secret.slice(0, text.length - at), at))) return at;
    }
    return text.length;
  }

  /** Writes what is decided and keeps the rest. `more` says whether anything may come behind the text. */
  function pass(text: string, more: boolean): void {
    const parts: string[] = [];
    let place = 0;
    for (;;) {
      const held = more ? nextBeginning(text, place) : text.length;
      const secret = nextSecret(text, place);
      if (secret === undefined || secret.at >= held) {
        parts.push(text.slice(place, held));
        waiting = text.slice(held);
        break;
      }
      parts.push(text.slice(place, secret.at), MASK);
      place = secret.at + secret.length;
    }
    const output = parts.join('');
    if (output !== '') write(Buffer.from(output, 'latin1'));
  }

  return {
    push: (data) => pass(waiting + data.toString('latin1'), true),
    end() {
      const rest = waiting;
      waiting = '';
      pass(rest, false);
    },
  };
}
