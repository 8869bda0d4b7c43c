/** The V3 signature (ACS3-HMAC-SHA256 over method, path, query, headers and body hash). Rules: official clients. */
import { createHmac, hash } from 'node:crypto';
import type { Pair } from '../decode/pairs.ts';
import { percentEncode } from './encode.ts';
import { parseTimestamp, sameText, shortened, singleHeader, sortedByName } from './request.ts';
import type { Credential, SignatureProblem, SignedRequest, Verification } from './request.ts';

const ALGORITHM = 'ACS3-HMAC-SHA256';
const EMPTY_BODY_HASH = hash('sha256', '', 'hex');

/** Reads the Authorization header and the x-acs-* headers beside it, and checks that the signed headers cover what they must. */
export function readV3Credential(request: SignedRequest): Credential | SignatureProblem {
  const authorization = singleHeader(request, 'authorization');
  if (authorization === undefined) return missingHeader('authorization');
  if (authorization === null) return repeatedHeader('authorization');
  const fields = readAuthorization(authorization);
  if ('code' in fields) return fields;

  const nonce = singleHeader(request, 'x-acs-signature-nonce');
  if (nonce === null) return repeatedHeader('x-acs-signature-nonce');
  if (!nonce) return missingHeader('x-acs-signature-nonce');
  const date = singleHeader(request, 'x-acs-date');
  if (date === null) return repeatedHeader('x-acs-date');
  if (!date) return missingHeader('x-acs-date');
  const timestamp = parseTimestamp(date);
  if (timestamp === undefined) {
    return {
      code: 'InvalidTimeStamp.Format',
      detail: 'The header x-acs-date must have the form yyyy-MM-ddTHH:mm:ssZ.',
      parameter: 'x-acs-date',
      given: shortened(date),
    };
  }
  const bodyHash = singleHeader(request, 'x-acs-content-sha256');
  if (bodyHash === null) return repeatedHeader('x-acs-content-sha256');
  if (!bodyHash) return missingHeader('x-acs-content-sha256');
  const securityToken = singleHeader(request, 'x-acs-security-token');
  if (securityToken === null) return repeatedHeader('x-acs-security-token');
  const accessKeyId = singleHeader(request, 'x-acs-accesskey-id');
  if (accessKeyId !== undefined && accessKeyId !== fields.accessKeyId) {
    return incomplete('The header x-acs-accesskey-id and the Credential of the Authorization header differ.', 'x-acs-accesskey-id');
  }

  const list = headerList(fields.signedHeaders);
  if (list.problem !== undefined) return incomplete(list.problem, 'authorization');
  const gap = coverageProblem(request, list);
  if (gap !== undefined) return gap;

  return {
    scheme: 'v3',
    accessKeyId: fields.accessKeyId,
    nonce,
    timestamp,
    signature: fields.signature,
    signedHeaders: list.names,
    ...(securityToken ? { securityToken } : {}),
  };
}

/** Verifies a V3 signature and the body hash beside it. */
export function verifyV3(request: SignedRequest, credential: Credential, secret: string): Verification {
  const bodyHash = request.body.length === 0 ? EMPTY_BODY_HASH : hash('sha256', request.body, 'hex');
  const pairs = sortedByName(request.queryPairs);
  const tail = canonicalTail(request, credential.signedHeaders ?? [], bodyHash);
  const head = `${request.method}\n${request.path}\n`;

  const canonicalRequest = head + canonicalQuery(pairs, true) + tail;
  const stringToSign = `${ALGORITHM}\n${hash('sha256', canonicalRequest, 'hex')}`;
  if (!signedWith(stringToSign, secret, credential.signature)) {
    // The JavaScript clients leave parameter names as they are; it matters for few requests, so it is tried second.
    const rawQuery = rawNameQuery(pairs);
    const rawMatches =
      rawQuery !== undefined &&
      signedWith(`${ALGORITHM}\n${hash('sha256', head + rawQuery + tail, 'hex')}`, secret, credential.signature);
    if (!rawMatches) {
      return {
        ok: false,
        problem: {
          code: 'SignatureDoesNotMatch',
          detail: 'The signature does not match the one the server computed. Check the AccessKey secret and the canonical request.',
        },
        stringToSign,
        canonicalRequest,
      };
    }
  }
  if (singleHeader(request, 'x-acs-content-sha256') !== bodyHash) {
    return {
      ok: false,
      problem: {
        code: 'SignatureDoesNotMatch',
        detail: `The header x-acs-content-sha256 is not the hash of the body received, which is ${bodyHash}.`,
        parameter: 'x-acs-content-sha256',
      },
      stringToSign,
      canonicalRequest,
    };
  }
  return { ok: true };
}

function signedWith(stringToSign: string, secret: string, signature: string): boolean {
  return sameText(createHmac('sha256', secret).update(stringToSign).digest('hex'), signature);
}

function canonicalQuery(pairs: readonly Pair[], encodeNames: boolean): string {
  let query = '';
  for (const [name, value] of pairs) {
    if (query !== '') query += '&';
    query += `${encodeNames ? percentEncode(name) : name}=${percentEncode(value)}`;
  }
  return query;
}

/**
 * The canonical query with raw names, or undefined when it would equal the encoded one or could be read in two ways: a
 * raw `&`, `=`, `%` or control character in a name would let another list of parameters carry the same signature.
 */
function rawNameQuery(pairs: readonly Pair[]): string | undefined {
  let differs = false;
  for (const [name] of pairs) {
    for (let at = 0; at < name.length; at++) {
      const code = name.charCodeAt(at);
      if (code < 0x20 || code === 0x7f || code === 0x25 || code === 0x26 || code === 0x3d) return undefined;
    }
    differs ||= percentEncode(name) !== name;
  }
  return differs ? canonicalQuery(pairs, false) : undefined;
}

function canonicalTail(request: SignedRequest, signedHeaders: readonly string[], bodyHash: string): string {
  let tail = '\n';
  for (const name of signedHeaders) tail += `${name}:${headerText(request.headers[name])}\n`;
  return `${tail}\n${signedHeaders.join(';')}\n${bodyHash}`;
}

function headerText(value: string | readonly string[] | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value.trim();
  return value.map((one) => one.trim()).toSorted().join(',');
}

interface Authorization {
  readonly accessKeyId: string;
  readonly signedHeaders: string;
  readonly signature: string;
}

function readAuthorization(header: string): Authorization | SignatureProblem {
  const space = header.indexOf(' ');
  const algorithm = space === -1 ? header : header.slice(0, space);
  if (algorithm !== ALGORITHM) {
    return {
      code: 'UnsupportedSignature',
      detail: `The algorithm "${shortened(algorithm)}" of the Authorization header is not supported. Sign with ${ALGORITHM}.`,
      parameter: 'authorization',
    };
  }
  const fields = new Map<string, string>();
  for (const part of header.slice(space + 1).split(',', 8)) {
    const equals = part.indexOf('=');
    const name = part.slice(0, Math.max(equals, 0)).trim();
    if (equals === -1 || fields.has(name)) {
      return incomplete('The Authorization header must hold Credential, SignedHeaders and Signature, each once.', 'authorization');
    }
    fields.set(name, part.slice(equals + 1).trim());
  }
  const accessKeyId = fields.get('Credential');
  const signedHeaders = fields.get('SignedHeaders');
  const signature = fields.get('Signature');
  for (const [name, value] of [['Credential', accessKeyId], ['SignedHeaders', signedHeaders], ['Signature', signature]] as const) {
    if (!value) return incomplete(`The Authorization header lacks ${name}.`, name);
  }
  return { accessKeyId: accessKeyId as string, signedHeaders: signedHeaders as string, signature: signature as string };
}

interface HeaderList {
  readonly names: readonly string[];
  readonly set: ReadonlySet<string>;
  readonly problem?: string;
}

/** Clients send the same few lists over and over. The bound keeps a caller with endless lists from filling memory. */
const MAX_HEADER_LISTS = 256;
const MAX_CACHED_LIST_LENGTH = 1024;
const headerLists = new Map<string, HeaderList>();

function headerList(text: string): HeaderList {
  const known = headerLists.get(text);
  if (known !== undefined) return known;
  const list = readHeaderList(text);
  if (text.length <= MAX_CACHED_LIST_LENGTH && list.problem === undefined) {
    if (headerLists.size >= MAX_HEADER_LISTS) headerLists.clear();
    headerLists.set(text, list);
  }
  return list;
}

function readHeaderList(text: string): HeaderList {
  const names = text.split(';');
  const set = new Set(names);
  for (const name of names) {
    if (name === '' || name !== name.toLowerCase()) {
      return { names, set, problem: 'SignedHeaders must be lower-case header names joined with ";".' };
    }
  }
  if (set.size !== names.length) return { names, set, problem: 'SignedHeaders names a header twice.' };
  return { names, set };
}

/**
 * Every header that steers the call must be signed, and every signed header must be there. A content type steers nothing where there is no body; the
 * asynchronous Python client sends one there that it has not signed.
 */
function coverageProblem(request: SignedRequest, list: HeaderList): SignatureProblem | undefined {
  for (const name of list.names) {
    if (!Object.hasOwn(request.headers, name) || request.headers[name] === undefined) {
      return incomplete(`The signed header ${name} is not in the request.`, name);
    }
  }
  if (!list.set.has('host')) return incomplete('SignedHeaders must name host.', 'host');
  for (const name in request.headers) {
    if ((name.startsWith('x-acs-') || (name === 'content-type' && request.body.length > 0)) && !list.set.has(name) && request.headers[name] !== undefined) {
      return incomplete(`The header ${name} must be among the SignedHeaders.`, name);
    }
  }
  return undefined;
}

function incomplete(detail: string, parameter: string): SignatureProblem {
  return { code: 'IncompleteSignature', detail, parameter };
}

function missingHeader(name: string): SignatureProblem {
  return { code: 'MissingParameter', detail: `The header ${name} is required to sign a call.`, parameter: name };
}

function repeatedHeader(name: string): SignatureProblem {
  return incomplete(`The header ${name} may be sent only once.`, name);
}
