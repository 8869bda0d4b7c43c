/**
 * Signatures of calls, in two steps so that the gateway can look up the secret in between: `readCredential` says who claims
 * to call, `verify` proves it. `checkTimestamp` is separate because only the gateway has the clock.
 */
import type { Credential, SignatureProblem, SignedRequest, Verification } from './request.ts';
import { looksLikeV1, readV1Credential, verifyV1 } from './v1.ts';
import { readV3Credential, verifyV3 } from './v3.ts';

export { checkTimestamp } from './request.ts';
export type { Credential, SignatureProblem, SignatureProblemCode, SignedRequest, Verification } from './request.ts';

/**
 * Reads the credential of either scheme; never throws. An `ACS3-…` Authorization header decides for V3, else the signature
 * parameters for V1. Tell the two results apart with `isSignatureProblem`.
 */
export function readCredential(request: SignedRequest): Credential | SignatureProblem {
  const authorization = request.headers['authorization'];
  const first = typeof authorization === 'string' ? authorization : authorization?.[0];
  if (first?.startsWith('ACS3-')) return readV3Credential(request);
  if (request.headers['x-acs-bearer-token'] !== undefined) {
    return {
      code: 'UnsupportedSignature',
      detail: 'Bearer tokens are not supported. Sign with an AccessKey: ACS3-HMAC-SHA256 or HMAC-SHA1.',
      parameter: 'x-acs-bearer-token',
    };
  }
  if (first === undefined || looksLikeV1(request)) return readV1Credential(request);
  return readV3Credential(request);
}

export function isSignatureProblem(result: Credential | SignatureProblem): result is SignatureProblem {
  return 'code' in result;
}

/** Verifies the signature with the caller's secret; never throws. A failure carries the string the server would have signed. */
export function verify(request: SignedRequest, credential: Credential, secret: string): Verification {
  return credential.scheme === 'v3' ? verifyV3(request, credential, secret) : verifyV1(request, credential, secret);
}
