/** What is wrong with the parameters of a call, as data: the error catalogue makes the answer of it. */

export interface DecodeProblem {
  /** The entry of the error catalogue. */
  readonly code: 'MissingParameter' | 'InvalidParameter';
  /** The path to the value as a flat name, lists counted from 1: `Columns.2.ColumnName`. */
  readonly name: string;
  /** What the contract wants, as the end of the sentence "… must be". */
  readonly expected: string;
  /** What came instead. Never the text of a free string, which may be a secret. */
  readonly got: string;
}

/** More problems than this are not collected: a caller corrects a few at a time. */
const MAX_PROBLEMS = 20;

export class Problems {
  readonly list: DecodeProblem[] = [];

  missing(name: string, expected: string): undefined {
    return this.#add({ code: 'MissingParameter', name, expected, got: 'nothing' });
  }

  invalid(name: string, expected: string, got: string): undefined {
    return this.#add({ code: 'InvalidParameter', name, expected, got });
  }

  #add(problem: DecodeProblem): undefined {
    if (this.list.length < MAX_PROBLEMS) this.list.push(problem);
    return undefined;
  }
}

/** A path one step deeper. A step can be a caller's own map key, so a long one is cut. */
export function step(path: string, key: string | number): string {
  return `${path}.${typeof key === 'string' ? cut(key) : key}`;
}

/** A caller's text as far as a message may repeat it. */
export function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
