/**
 * The form a wire contract is written in, as TypeScript types. The JSON files beside this one hold the data;
 * `contract/README.md` explains the form in prose.
 */

/** Whether an operation only looks or also changes something. Decides the rate limit it falls under. */
export type Access = 'read' | 'write';

/** The place the official clients put a parameter. The gateway accepts every parameter from every place. */
export type ParameterPlace = 'query' | 'form';

/**
 * How one request parameter becomes text. `none`: the scalar itself. `json`: JSON text. `simple`: elements joined
 * with a comma. `flat`: `Name.1`, `Name.1.Field`, `Name.key`.
 */
export type Encoding = 'none' | 'json' | 'simple' | 'flat';

export type ScalarType = 'string' | 'boolean' | 'int32' | 'int64' | 'float' | 'double';

/** What any node may say beside its type. */
export interface NodeFacts {
  /** Required when the parent is present. */
  readonly required?: boolean;
  /**
   * The meaning of the text or number: `json` (JSON text), `epoch-ms`, `epoch-s`, `epoch-ms-string`, `date-time`,
   * a pattern such as `yyyy-MM-dd HH:mm:ss`, `comma-list` (`enum` is about one value) or `sort` (`Field`,
   * `Field Asc`, `Field Desc`; `enum` lists the fields).
   */
  readonly format?: string;
  /** The values known. Complete only when the contract's `enumerations` is `closed`. */
  readonly enum?: readonly (string | number)[];
  /** In a closed contract: this one `enum` may lack values all the same. */
  readonly enumOpen?: boolean
  /** A short meaning for each code of `enum`. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly default?: string | number | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  /** In characters. */
  readonly maxLength?: number;
  /** A string URL that the vendor's client can fill by uploading a local file. */
  readonly upload?: boolean;
  readonly deprecated?: boolean;
  /** The name of a type that several operations share. */
  readonly model?: string;
  /** Text for documents; only our own contracts have it. */
  readonly description?: string;
}

export interface ScalarNode extends NodeFacts {
  readonly type: ScalarType;
}
export interface ArrayNode extends NodeFacts {
  readonly type: 'array';
  readonly items: Node;
}
export interface ObjectNode extends NodeFacts {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Node>>;
}
/** An object with free keys. */
export interface MapNode extends NodeFacts {
  readonly type: 'map';
  readonly values: Node;
}
/** Any JSON value. */
export interface AnyNode extends NodeFacts {
  readonly type: 'any';
}
export type Node = ScalarNode | ArrayNode | ObjectNode | MapNode | AnyNode;

/** One request parameter: a node with a name, a place and an encoding. */
export type Parameter = Node & {
  readonly name: string;
  readonly in: ParameterPlace;
  readonly encoding: Encoding;
  readonly required: boolean;
}

export interface Pagination {
  /** `page`: number and size, from 1. `token`: a next token, empty at the end. `partial`: one of the two only. */
  readonly style: 'page' | 'token' | 'partial' | 'none';
  readonly requestFields: readonly string[];
  /** Dotted paths from the top of the response. */
  readonly responseFields: readonly string[];
}

export interface Operation {
  readonly name: string;
  readonly product: string;
  readonly version: string;
  /** The verb the official client uses; the gateway takes GET and POST for all. */
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly access: Access;
  readonly module: string;
  readonly summary?: string;
  readonly deprecated: boolean;
  /** `Action`, or `version/Action` of the same product. */
  readonly replacedBy?: string;
  /** The operation can also answer as server-sent events. */
  readonly stream?: 'sse';
  /** Callable with a console session only, never with a signature. */
  readonly sessionOnly: boolean;
  readonly pagination: Pagination;
  readonly parameters: readonly Parameter[];
  readonly response: ObjectNode;
}

export interface Contract {
  readonly product: string;
  readonly version: string;
  readonly style: 'RPC';
  /**
   * `open`: an `enum` lists what is known and may lack values. `closed`: it is complete, so the gateway refuses
   * other values and the generated request types are unions.
   */
  readonly enumerations: 'open' | 'closed';
  /** Names that older clients still send, to the present ones. */
  readonly formerActions: ReadonlyMap<string, string>;
  readonly operations: ReadonlyMap<string, Operation>;
}
