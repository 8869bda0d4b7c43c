import type { KeyDirectory, KeyRecord } from '../identity/keys.ts';
import { requireUsableKey } from '../identity/keys.ts';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import type { Caller } from '../kernel/operation.ts';
import type { Exchange } from './exchange.ts';
import type { Nonces } from './nonces.ts';
import type { RawParameters } from './parameters.ts';
import { checkTimestamp, isSignatureProblem, readCredential, verify, type SignatureProblem } from './signature/index.ts';

/** What the call log may say of a caller before the signature was verified. */
export interface Claim {
  accessKeyId: string;
}

/**
 * Establishes the caller of a signed request: signature, time, nonce, key. In this order, so that the state of a key is told only to whoever
 * has its secret. Throws the ApiError for the caller.
 */
export async function authenticateSignature(
  exchange: Exchange,
  parameters: RawParameters,
  access: 'read' | 'write',
  services: { readonly keys: KeyDirectory; readonly nonces: Nonces; readonly now: Date },
  claim: Claim,
): Promise<Caller> {
  const { keys, nonces, now } = services;
  const request = {
    method: exchange.method,
    path: exchange.path,
    rawQuery: exchange.rawQuery,
    headers: exchange.headers,
    body: exchange.body,
    queryPairs: parameters.query,
    formPairs: parameters.form,
  };
  const credential = readCredential(request);
  if (isSignatureProblem(credential)) throw problemError(credential, now);
  claim.accessKeyId = credential.accessKeyId.slice(0, 128);
  const expired = checkTimestamp(credential.timestamp, now.getTime());
  if (expired !== undefined) throw problemError(expired, now);
  const key = keys.peek(credential.accessKeyId) ?? (await keys.find(credential.accessKeyId));
  if (key === undefined) throw new ApiError('InvalidAccessKeyId.NotFound');
  const verification = verify(request, credential, key.secret);
  if (!verification.ok) {
    throw verification.problem.code === 'SignatureDoesNotMatch'
      ? new ApiError('SignatureDoesNotMatch', { hint: verification.problem.detail, stringToSign: verification.stringToSign })
      : problemError(verification.problem, now);
  }
  requireUsableKey(key, credential.securityToken, now);
  await nonces.accept(key.accessKeyId, credential.nonce, credential.timestamp, access, now.getTime());
  keys.used(key.accessKeyId);
  return callerOf(key);
}

/** The caller behind a key. */
export function callerOf({ userId, userName, displayName, tenantId, tenantRoles, accessKeyId }: KeyRecord): Caller {
  return { userId, userName, displayName, tenantId, tenantRoles, accessKeyId, sessionId: undefined };
}

function problemError(problem: SignatureProblem, now: Date): ApiError {
  switch (problem.code) {
    case 'MissingParameter':
      return new ApiError('MissingParameter', { name: problem.parameter ?? 'Signature' });
    case 'InvalidTimeStamp.Format':
      return new ApiError('InvalidTimeStamp.Format', { timestamp: problem.given ?? '(none)' });
    case 'InvalidTimeStamp.Expired':
      return new ApiError('InvalidTimeStamp.Expired', {
        timestamp: problem.given ?? '(none)',
        minutes: limits.clockWindowMs.value / 60_000,
        now: `${now.toISOString().slice(0, 19)}Z`,
      });
    case 'SignatureDoesNotMatch':
      return new ApiError('SignatureDoesNotMatch', { hint: problem.detail, stringToSign: '' });
    default:
      return new ApiError(problem.code, { reason: problem.detail });
  }
}
