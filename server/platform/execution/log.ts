import type { LogPiece, LogWrite } from './log-store.ts';

/** Largest piece of a log that is stored as one row. */
const PIECE_BYTES = 256 * 1024;

/**
 * The output of one run on its way to the store: at most `limitBytes` of it are kept, half from the beginning and half from the end. What
 * waits in memory is bounded by the same limit, however fast the task writes.
 */
export interface LogBuffer {
  push(output: Buffer): void;
  /** Adds a line of the platform's own. Begins a new line when the output before it did not end one. */
  line(text: string): void;
  /** What is to be written now, or undefined when nothing is. The caller either writes it or gives the log up. */
  take(): LogWrite | undefined;
}

/** `firstPosition` is the place of the first piece; earlier places are taken by notes written before the run began. */
export function createLogBuffer(limitBytes: number, firstPosition = 1): LogBuffer {
  const half = Math.floor(limitBytes / 2);
  const pieceBytes = Math.max(1, Math.min(PIECE_BYTES, Math.floor(half / 4)));
  let beginningLeft = half;
  let beginning: Buffer[] = [];
  let ending: Buffer[] = [];
  let endingBytes = 0;
  let stored: { position: number; bytes: number }[] = [];
  let storedBytes = 0;
  let omittedBytes = 0;
  let position = firstPosition;
  let endsLine = true;

  /** Keeps at most `half` bytes of the waiting end. */
  function trimWaiting(): void {
    while (endingBytes > half) {
      const first = ending[0];
      if (first === undefined) return;
      const excess = endingBytes - half;
      const cut = Math.min(first.length, excess);
      if (cut === first.length) ending.shift();
      else ending[0] = first.subarray(cut);
      endingBytes -= cut;
      omittedBytes += cut;
    }
  }

  function push(output: Buffer): void {
    if (output.length === 0) return;
    endsLine = output[output.length - 1] === 10;
    const head = output.subarray(0, beginningLeft);
    if (head.length > 0) {
      beginning.push(head);
      beginningLeft -= head.length;
    }
    const rest = output.subarray(head.length);
    if (rest.length === 0) return;
    ending.push(rest);
    endingBytes += rest.length;
    trimWaiting();
  }

  function cutIntoPieces(buffers: readonly Buffer[], isEnding: boolean): LogPiece[] {
    const all = Buffer.concat(buffers);
    const pieces: LogPiece[] = [];
    for (let from = 0; from < all.length; from += pieceBytes) {
      pieces.push({ position: position++, ending: isEnding, content: all.subarray(from, from + pieceBytes) });
    }
    return pieces;
  }

  return {
    push,
    line: (text) => push(Buffer.from(`${endsLine ? '' : '\n'}${text}\n`)),
    take() {
      if (beginning.length === 0 && ending.length === 0) return undefined;
      const head = cutIntoPieces(beginning, false);
      const tail = cutIntoPieces(ending, true);
      beginning = [];
      ending = [];
      endingBytes = 0;
      for (const piece of tail) {
        stored.push({ position: piece.position, bytes: piece.content.length });
        storedBytes += piece.content.length;
      }
      const dropped: number[] = [];
      while (storedBytes > half) {
        const first = stored.shift();
        if (first === undefined) break;
        dropped.push(first.position);
        storedBytes -= first.bytes;
        omittedBytes += first.bytes;
      }
      const gone = new Set(dropped);
      return { pieces: [...head, ...tail.filter((piece) => !gone.has(piece.position))], dropped, omittedBytes };
    },
  };
}

/** Puts a stored log together, with a line where its middle was cut out. */
export function composeLog(omittedBytes: number, pieces: readonly LogPiece[]): string {
  const part = (ending: boolean) => {
    const text = Buffer.concat(pieces.filter((piece) => piece.ending === ending).map((piece) => piece.content)).toString('utf8');
    return text.replaceAll('\u0000', '\uFFFD');
  };
  const beginning = part(false);
  if (omittedBytes === 0) return beginning + part(true);
  return `${beginning}${beginning.endsWith('\n') ? '' : '\n'}--- ${omittedBytes} bytes left out here: the log is longer than its limit ---\n${part(true)}`;
}
