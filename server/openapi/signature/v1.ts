/** The V1 signature (HMAC-SHA1 over all query and form parameters). Rules: public documentation and official clients. */
import { createHmac } from 'node:crypto';
import { isFormContentType } from '../decode/pairs.ts';
import type { Pair } from '../decode/pairs.ts';
import { percentEncode } from './encode.ts';
import { parseTimestamp, sameText, shortened, singleHeader, sortedByName } from './request.ts';
import type { Credential, SignatureProblem, SignedRequest, Verification } from './request.ts';

/** Whether the request carries the marks of a V1 signature in its query or form. */
export function looksLikeV1(request: SignedRequest): boolean {
  return parameter(request, 'Signature') !== undefined || parameter(request, 'SignatureMethod') !== undefined;
}

/** Reads the V1 credential parameters from query and form; for a name in both, the query's value counts. */
export function readV1Credential(request: SignedRequest): Credential | SignatureProblem {
  const signature = parameter(request, 'Signature');
  const accessKeyId = parameter(request, 'AccessKeyId');
  const timestampText = parameter(request, 'Timestamp');
  const nonce = parameter(request, 'SignatureNonce');
  const method = parameter(request, 'SignatureMethod');
  const version = parameter(request, 'SignatureVersion');
  const type = parameter(request, 'SignatureType');
  const securityToken = parameter(request, 'SecurityToken');

  if (type !== undefined && type !== '') return unsupported('SignatureType', type);
  if (!signature) return missing('Signature');
  if (countOf(request, 'Signature') > 1) {
    return { code: 'IncompleteSignature', detail: 'The parameter Signature may be sent only once.', parameter: 'Signature' };
  }
  if (!accessKeyId) return missing('AccessKeyId');
  if (!method) return missing('SignatureMethod');
  if (method !== 'HMAC-SHA1') return unsupported('SignatureMethod', method);
  if (!version) return missing('SignatureVersion');
  if (version !== '1.0') return unsupported('SignatureVersion', version);
  if (!nonce) return missing('SignatureNonce');
  if (!timestampText) return missing('Timestamp');
  const timestamp = parseTimestamp(timestampText);
  if (timestamp === undefined) {
    return {
      code: 'InvalidTimeStamp.Format',
      detail: 'Timestamp must have the form yyyy-MM-ddTHH:mm:ssZ.',
      parameter: 'Timestamp',
      given: shortened(timestampText),
    };
  }
  return {
    scheme: 'v1',
    accessKeyId,
    nonce,
    timestamp,
    signature,
    ...(securityToken ? { securityToken } : {}),
  };
}

/** Verifies a V1 signature. Headers are not signed, so what matters in them must agree with the signed parameters. */
export function verifyV1(request: SignedRequest, credential: Credential, secret: string): Verification {
  const stringToSign = v1StringToSign(request);
  const expected = createHmac('sha1', `${secret}&`).update(stringToSign).digest('base64');
  if (!sameText(expected, credential.signature)) {
    return {
      ok: false,
      problem: {
        code: 'SignatureDoesNotMatch',
        detail: 'The signature does not match the one the server computed. Check the AccessKey secret and the string to sign.',
      },
      stringToSign,
    };
  }
  const problem = unsignedPartProblem(request);
  return problem === undefined ? { ok: true } : { ok: false, problem, stringToSign };
}

function v1StringToSign(request: SignedRequest): string {
  const pairs: Pair[] = [];
  for (const pair of request.queryPairs) if (pair[0] !== 'Signature') pairs.push(pair);
  for (const pair of request.formPairs) if (pair[0] !== 'Signature') pairs.push(pair);
  let canonical = '';
  for (const [name, value] of sortedByName(pairs)) {
    if (canonical !== '') canonical += '&';
    canonical += `${percentEncode(name)}=${percentEncode(value)}`;
  }
  return `${request.method}&${percentEncode(request.path)}&${percentEncode(canonical)}`;
}

/**
 * V1 leaves headers and bodies that are no form unsigned. Such a body could be exchanged on the way, so it is refused;
 * the action and version headers that most V1 clients also send must say the same as the signed parameters.
 */
function unsignedPartProblem(request: SignedRequest): SignatureProblem | undefined {
  if (request.body.length > 0 && !isFormContentType(singleHeader(request, 'content-type') ?? undefined)) {
    return {
      code: 'IncompleteSignature',
      detail: 'An HMAC-SHA1 signature covers only a form body. Send a form, or sign with ACS3-HMAC-SHA256.',
    };
  }
  for (const [header, name] of SHADOWED) {
    const sent = singleHeader(request, header);
    if (sent === undefined) continue;
    const signed = parameter(request, name);
    if (signed === undefined || sent !== signed) {
      return {
        code: 'IncompleteSignature',
        detail: `The header ${header} is not signed and must equal the signed parameter ${name}.`,
        parameter: name,
      };
    }
  }
  return undefined;
}

const SHADOWED: readonly (readonly [header: string, parameter: string])[] = [
  ['x-acs-action', 'Action'],
  ['x-acs-version', 'Version'],
];

function parameter(request: SignedRequest, name: string): string | undefined {
  for (const pair of request.queryPairs) if (pair[0] === name) return pair[1];
  for (const pair of request.formPairs) if (pair[0] === name) return pair[1];
  return undefined;
}

function countOf(request: SignedRequest, name: string): number {
  let count = 0;
  for (const pair of request.queryPairs) if (pair[0] === name) count++;
  for (const pair of request.formPairs) if (pair[0] === name) count++;
  return count;
}

function missing(name: string): SignatureProblem {
  return { code: 'MissingParameter', detail: `The parameter ${name} is required to sign a call.`, parameter: name };
}

function unsupported(name: string, value: string): SignatureProblem {
  return {
    code: 'UnsupportedSignature',
    detail: `${name} "${shortened(value)}" is not supported. Sign with HMAC-SHA1 (SignatureVersion 1.0) or ACS3-HMAC-SHA256.`,
    parameter: name,
  };
}
