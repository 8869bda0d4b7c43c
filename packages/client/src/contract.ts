/** The contract as the client knows it: what `generated/` is made of. */

export type Encoding = 'json' | 'simple' | 'flat';

export interface List {
  readonly items: readonly string[];
  readonly at: string;
  readonly size?: string;
  /** Where the operation wants to be told a size: the one to tell. */
  readonly sizeNeeded?: number;
  readonly next?: readonly string[];
  readonly total?: readonly string[];
}

/** One operation on the wire. Parameters that are named nowhere here are scalars in the query. */
export interface WireOperation {
  readonly verb: 'GET' | 'POST';
  readonly write?: boolean;
  readonly form?: readonly string[];
  readonly encodings?: Readonly<Record<string, Encoding>>;
  readonly list?: List;
}

/** A version of a product, with the types of its operations and of what they list. */
export interface Product<Operations, Lists> {
  readonly product: string;
  readonly version: string;
  readonly operations: { readonly [Action in keyof Operations]: WireOperation };
  /** For the types only. */
  readonly lists?: Lists;
}

type At<Value, Path extends readonly string[]> = Path extends readonly [infer Head extends string, ...infer Rest extends readonly string[]]
  ? Head extends keyof NonNullable<Value>
    ? At<NonNullable<Value>[Head], Rest>
    : never
  : NonNullable<Value>;

/** The item of the list at a path of an answer. */
export type ItemAt<Response, Path extends readonly string[]> = At<Response, Path> extends readonly (infer Item)[] ? Item : never;

/** What a dry run answers: what the write would change, raise and ask. */
export interface DryRun {
  /** Objects that would change, such as `node:17`. */
  readonly Targets: readonly string[];
  /** Rows that would be written, by table. */
  readonly Rows: readonly { readonly Table: string; readonly Inserted: number; readonly Updated: number; readonly Deleted: number }[];
  readonly Events: readonly { readonly EventCode: string; readonly ProjectId?: number; readonly ObjectKey: string; readonly Data: Readonly<Record<string, unknown>> }[];
  readonly Extensions: readonly {
    readonly EventCode: string;
    readonly Title: string;
    /** The operation would wait for the verdict. */
    readonly Held: boolean;
    readonly ExtensionCode: string;
    readonly ExtensionName: string;
    readonly Mode: string;
  }[];
  /** Kinds of the jobs that would follow. */
  readonly Jobs: readonly string[];
}
