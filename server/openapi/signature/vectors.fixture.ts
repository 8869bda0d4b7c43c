import { readFileSync } from 'node:fs';
import { decodeFormBody, decodePairs, isFormContentType } from '../decode/pairs.ts';
import type { Pair } from '../decode/pairs.ts';
import type { SignedRequest } from './request.ts';

export interface Vector {
  readonly name: string;
  readonly credentials: { readonly accessKeyId: string; readonly accessKeySecret: string; readonly securityToken?: string };
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  readonly expected: {
    readonly signature: string;
    readonly stringToSign: string;
    readonly canonicalRequest?: string;
    readonly signedHeaders?: readonly string[];
  };
}

interface VectorFile {
  readonly fixed: { readonly timestamp: string; readonly nonce: string };
  readonly vectors: readonly Vector[];
}

const file = new URL('../../../test/conformance/signature-vectors.json', import.meta.url);

/** The signed requests that every verifier of both schemes must accept. */
export const { fixed, vectors } = JSON.parse(readFileSync(file, 'utf8')) as VectorFile;

const limits = { maxParameters: 1000, maxNameLength: 1000, maxValueLength: 1_000_000 };

/** The raw parts of a request, before anything is decoded. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly rawQuery: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function rawRequest(vector: Vector): RawRequest {
  const { method, path: target, headers, body } = vector.request;
  const mark = target.indexOf('?');
  return {
    method,
    path: mark === -1 ? target : target.slice(0, mark),
    rawQuery: mark === -1 ? '' : target.slice(mark + 1),
    headers,
    body: Buffer.from(body, 'utf8'),
  };
}

/** Decodes the parameters as the gateway does; undefined when the gateway would refuse the text already. */
export function signedRequest(raw: RawRequest): SignedRequest | undefined {
  const query = decodePairs(raw.rawQuery, 'query', limits);
  let formPairs: Pair[] = [];
  if (isFormContentType(raw.headers['content-type'])) {
    const form = decodeFormBody(raw.body, limits);
    if (!form.ok) return undefined;
    formPairs = form.pairs;
  }
  return query.ok ? { ...raw, queryPairs: query.pairs, formPairs } : undefined;
}
