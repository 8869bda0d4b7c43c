/**
 * How long it takes to read and verify one V3 signature (ACS3-HMAC-SHA256): a POST with six query parameters and a JSON body of
 * 200 bytes, query decoding included. Limit: 20 µs. Run: `node bench/signature.ts`.
 */
import { createHmac, hash } from 'node:crypto';
import { decodePairs } from '../server/openapi/decode/pairs.ts';
import { percentEncode } from '../server/openapi/signature/encode.ts';
import { isSignatureProblem, readCredential, verify } from '../server/openapi/signature/index.ts';
import type { SignedRequest } from '../server/openapi/signature/index.ts';

const LIMIT_MICROSECONDS = 20;
const ROUNDS = 9;
const PER_ROUND = 20_000;
const SECRET = 'benchAccessKeySecret0001abcdef';
const pairLimits = { maxParameters: 1000, maxNameLength: 256, maxValueLength: 100_000 };

const parameters: [string, string][] = [
  ['ProjectId', '10001'],
  ['PageNumber', '1'],
  ['PageSize', '20'],
  ['Name', '订单 汇总'],
  ['Statuses', '["Normal","Stop"]'],
  ['RegionId', 'cn-hangzhou'],
];
const rawQuery = parameters.map(([name, value]) => `${name}=${percentEncode(value)}`).join('&');
const body = Buffer.from(JSON.stringify({ Description: 'x'.repeat(182) }));

function requestWithNonce(nonce: string): SignedRequest {
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/json; charset=utf-8',
    host: 'dataworks.cn-hangzhou.example.com:8080',
    'user-agent': 'bench',
    'x-acs-action': 'ListNodes',
    'x-acs-content-sha256': hash('sha256', body, 'hex'),
    'x-acs-credentials-provider': 'static_ak',
    'x-acs-date': '2026-01-15T08:30:45Z',
    'x-acs-signature-nonce': nonce,
    'x-acs-version': '2024-05-18',
  };
  const names = Object.keys(headers).filter((name) => name === 'host' || name === 'content-type' || name.startsWith('x-acs-')).toSorted();
  const query = rawQuery.split('&').toSorted().join('&');
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const canonical = `POST\n/\n${query}\n${lines}\n${names.join(';')}\n${headers['x-acs-content-sha256']}`;
  const signature = createHmac('sha256', SECRET).update(`ACS3-HMAC-SHA256\n${hash('sha256', canonical, 'hex')}`).digest('hex');
  headers['authorization'] = `ACS3-HMAC-SHA256 Credential=benchAccessKeyId,SignedHeaders=${names.join(';')},Signature=${signature}`;
  return { method: 'POST', path: '/', rawQuery, headers, body, queryPairs: [], formPairs: [] };
}

function verifyOnce(raw: SignedRequest): void {
  const query = decodePairs(raw.rawQuery, 'query', pairLimits);
  if (!query.ok) throw new Error('the query does not decode');
  const request: SignedRequest = { ...raw, queryPairs: query.pairs };
  const credential = readCredential(request);
  if (isSignatureProblem(credential)) throw new Error(credential.detail);
  if (!verify(request, credential, SECRET).ok) throw new Error('the signature does not verify');
}

// Different nonces, so that nothing can be answered from a cache of the whole request.
const requests = Array.from({ length: 64 }, (_, index) => requestWithNonce(`nonce-${index}-3156853299f313e23d1673dc12e1703d`));

function round(count: number): number {
  const start = process.hrtime.bigint();
  for (let index = 0; index < count; index++) verifyOnce(requests[index % requests.length] as SignedRequest);
  return Number(process.hrtime.bigint() - start) / count / 1000;
}

round(PER_ROUND);
const times = Array.from({ length: ROUNDS }, () => round(PER_ROUND)).toSorted((left, right) => left - right);
const median = times[Math.floor(ROUNDS / 2)] as number;
console.log(`V3 verification: median ${median.toFixed(2)} µs (lowest ${times[0]?.toFixed(2)}, highest ${times[ROUNDS - 1]?.toFixed(2)}, ${ROUNDS} rounds of ${PER_ROUND})`);
console.log(`limit ${LIMIT_MICROSECONDS} µs: ${median < LIMIT_MICROSECONDS ? 'kept' : 'EXCEEDED'}`);
if (median >= LIMIT_MICROSECONDS) process.exitCode = 1;
