/** What a pattern means once it is read. Matching and indexing both start from here; how it was spelled is gone. */

export type Scalar = string | number | boolean | null;

export type Comparison = readonly [operator: '=' | '<' | '<=' | '>' | '>=', bound: number];

/** A block of addresses: its first address and how many leading bits count. */
export interface AddressBlock {
  readonly bytes: readonly number[];
  readonly bits: number;
}

/** A condition on one scalar value, or on whether there is any. */
export type Test =
  | { readonly kind: 'equal'; readonly value: Scalar }
  /** With `folded`, `text` is in lower case and so is what it is held against. */
  | { readonly kind: 'equal-folded'; readonly text: string }
  | { readonly kind: 'prefix' | 'suffix' | 'contains'; readonly text: string; readonly folded: boolean }
  /** The texts between the asterisks, the first and the last of which are anchored. At least two. */
  | { readonly kind: 'wildcard'; readonly parts: readonly string[] }
  | { readonly kind: 'numeric'; readonly comparisons: readonly Comparison[] }
  | { readonly kind: 'cidr'; readonly block: AddressBlock }
  | { readonly kind: 'exists'; readonly wanted: boolean }
  /** `anything-but`: a value that passes none of these. */
  | { readonly kind: 'none-of'; readonly tests: readonly Test[] };

export interface Field {
  readonly name: string;
  /** Tests of which one must pass, or what the object in the field must fulfil. */
  readonly want: { readonly tests: readonly Test[] } | { readonly object: PatternNode };
}

/** All fields, and of each group of alternatives one, must hold for the same object. */
export interface PatternNode {
  readonly fields: readonly Field[];
  readonly alternatives: readonly (readonly PatternNode[])[];
}

/** A pattern that was read and checked. */
export interface Pattern {
  readonly root: PatternNode;
}

/** A fault in a pattern: where, as a path such as `$.data.status[0].numeric`, and what is allowed there. */
export class PatternError extends Error {
  readonly pointer: string;
  readonly reason: string;
  constructor(pointer: string, reason: string) {
    super(`at ${pointer}: ${reason}`);
    this.name = 'PatternError';
    this.pointer = pointer;
    this.reason = reason;
  }
}

/** The place of a key below a place, quoted where it is no plain name. */
export function below(pointer: string, key: string): string {
  const shown = key.length > 60 ? `${key.slice(0, 60)}…` : key;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${pointer}.${key}` : `${pointer}[${JSON.stringify(shown)}]`;
}
