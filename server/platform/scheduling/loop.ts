import { storable } from '../../kernel/text.ts';

/** What the code of a loop's round may read, and how it is put in its place. Pure. */

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A cell as a text that the database can hold. */
const cellText = (cell: unknown): string => storable(typeof cell === 'string' ? cell : JSON.stringify(cell));

/** Rows of what an assignment put out: a JSON array (of arrays), or a text parted by commas, in which `\,` is a comma. */
export function loopRows(text: string): (readonly string[])[] {
  const json = text.trimStart().startsWith('[') ? readJson(text) : undefined;
  if (Array.isArray(json)) return json.map((row) => (Array.isArray(row) ? row.map((cell) => (cell === null ? '' : cellText(cell))) : [cellText(row)]));
  if (text === '') return [];
  const cells: string[] = [''];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '\\' && text[at + 1] === ',') {
      cells[cells.length - 1] += ',';
      at += 1;
    } else if (text[at] === ',') cells.push('');
    else cells[cells.length - 1] += text[at] ?? '';
  }
  return cells.map((cell) => [cell]);
}

/** What the code of a round may read of its loop. */
export interface LoopContext {
  readonly offset: number;
  readonly loopTimes: number;
  /** For-each only: the row of this round, and all rows. */
  readonly current?: readonly string[];
  readonly array?: readonly (readonly string[])[];
  /** Do-while only: what came into the loop. */
  readonly input?: string;
}

/** Puts the values of a loop in place of `${dag.…}`. What is no name of a loop stays as it is. */
export function substituteLoop(text: string, loop: LoopContext): string {
  const rowText = (row: readonly string[]) => row.join(',');
  return text.replaceAll(/\$\{dag\.([A-Za-z.]+)((?:\[\d{1,6}\]){0,2})\}/g, (whole, name: string, places: string) => {
    const [first, second] = [...places.matchAll(/\d+/g)].map(([digits]) => Number(digits));
    switch (name) {
      case 'offset':
        return String(loop.offset);
      case 'loopTimes':
        return String(loop.loopTimes);
      case 'foreach.current':
        if (loop.current === undefined) return whole;
        return first === undefined ? rowText(loop.current) : (loop.current[first] ?? '');
      case 'loopDataArray':
        if (loop.array === undefined) return whole;
        if (first === undefined) return loop.array.map(rowText).join('\n');
        return second === undefined ? rowText(loop.array[first] ?? []) : (loop.array[first]?.[second] ?? '');
      case 'input':
        return loop.input ?? whole;
      case 'input.length':
        return loop.input === undefined ? whole : String(loopRows(loop.input).length);
      default:
        return whole;
    }
  });
}
