import type { Operation } from '../../../contract/index.ts';
import { encodePairs, signV1, signV3, type Draft, type Key, type Pairs } from '../../support/sign.ts';
import { absurdValue, fittingValue, type Known, type Loose, type Random } from './values.ts';

/** Bytes for one connection. */
export interface Malformed {
  readonly kind: string;
  /** What it is about, for a report. */
  readonly about: string;
  readonly bytes: Buffer;
  /** Whether the bytes hold a whole request, which must be answered; what is cut off need not be. */
  readonly complete: boolean;
  /** The operation, where one is called in earnest. */
  readonly action?: string;
  /** HEAD: the answer has no body. */
  readonly head: boolean;
}

export interface Target {
  readonly host: string;
  readonly key: Key;
  /** Cookie and CSRF token of a session. */
  readonly session: { readonly cookie: string; readonly csrfToken: string };
  readonly operations: readonly Operation[];
  readonly known: Known;
}

type Make = (random: Random, target: Target) => Malformed;

const FORM = 'application/x-www-form-urlencoded';

function toBytes(draft: Draft): Buffer {
  const headers = { ...draft.headers, ...(draft.body.length > 0 || draft.method === 'POST' ? { 'content-length': String(draft.body.length) } : {}) };
  const head = `${draft.method} ${draft.target} HTTP/1.1\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), draft.body]);
}

function whole(kind: string, about: string, draft: Draft): Malformed {
  return { kind, about, bytes: toBytes(draft), complete: true, head: draft.method === 'HEAD' };
}

/** Parameters of an operation: most of them plausible, some absurd, some absent, some invented. */
function garbage(operation: Operation, random: Random, known: Known): Record<string, Loose> {
  const absurdity = random.pick([0, 0.05, 0.2, 0.6, 1]);
  const values: Record<string, Loose> = {};
  for (const parameter of operation.parameters) {
    if (!random.chance(parameter.required ? 0.97 : 0.5)) continue;
    values[parameter.name] = random.chance(absurdity) ? absurdValue(random) : fittingValue(parameter.name, parameter, random, known);
  }
  if (random.chance(0.1)) Object.defineProperty(values, random.pick(['__proto__', 'constructor', 'Extra', 'RegionId', 'ClientToken', 'Name.1.2']), { value: absurdValue(random), enumerable: true });
  return values;
}

function asText(value: Loose): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function toPairs(values: Record<string, Loose>, random: Random): Pairs {
  return Object.entries(values).flatMap(([name, value]): [string, string][] => {
    if (typeof value === 'object' && value !== null && random.chance(0.3)) return flatten(name, value);
    const pair: [string, string] = [name, asText(value)];
    return random.chance(0.03) ? [pair, [name, asText(absurdValue(random))]] : [pair];
  });
}

function flatten(name: string, value: Loose): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[name, asText(value)]];
  const entries: [string, Loose][] = Array.isArray(value) ? value.map((item, at) => [String(at + 1), item]) : Object.entries(value);
  return entries.flatMap(([step, item]) => flatten(`${name}.${step}`, item));
}

function signedDraft(random: Random, target: Target): { action: string; about: string; draft: Draft } {
  const operation = random.pick(target.operations.filter((one) => !one.sessionOnly));
  const values = garbage(operation, random, target.known);
  const call = { version: operation.version, action: operation.name, host: target.host };
  const about = `${operation.version} ${operation.name} ${JSON.stringify(values)}`;
  const action = operation.name;
  switch (random.below(5)) {
    case 0:
      return { action, about: `V1 query ${about}`, draft: signV1(target.key, { ...call, pairs: toPairs(values, random), place: 'query' }) };
    case 1:
      return { action, about: `V1 form ${about}`, draft: signV1(target.key, { ...call, pairs: toPairs(values, random), place: 'form' }) };
    case 2:
      return { action, about: `V3 query ${about}`, draft: signV3(target.key, { ...call, query: toPairs(values, random) }) };
    case 3:
      return { action, about: `V3 form ${about}`, draft: signV3(target.key, { ...call, query: [], contentType: FORM, body: Buffer.from(encodePairs(toPairs(values, random))) }) };
    default:
      return { action, about: `V3 JSON ${about}`, draft: signV3(target.key, { ...call, query: [], contentType: 'application/json', body: Buffer.from(JSON.stringify(values)) }) };
  }
}

const signedGarbage: Make = (random, target) => {
  const { action, about, draft } = signedDraft(random, target);
  return { ...whole('signed garbage', about, draft), action };
};

/** The same through the console's door. */
const sessionGarbage: Make = (random, target) => {
  const operation = random.pick(target.operations);
  const values = garbage(operation, random, target.known);
  const draft: Draft = {
    method: random.chance(0.9) ? 'POST' : 'GET',
    target: `/api/${operation.product}/${operation.version}/${operation.name}`,
    headers: { host: target.host, cookie: target.session.cookie, 'x-csrf-token': random.chance(0.9) ? target.session.csrfToken : asText(absurdHeader(random)), 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(values)),
  };
  if (draft.method === 'GET') draft.body = Buffer.alloc(0);
  return whole('session garbage', `${operation.version} ${operation.name} ${JSON.stringify(values)}`, draft);
};

function absurdHeader(random: Random): string {
  return random.pick(['', ' ', ',', ';', '=', '0', '-1', 'null', '\u00ff\u00fe', 'a'.repeat(2_000), '../..', '%00', 'multipart/form-data', 'application/json; charset=utf-16', 'a=b; a=b; ;;=', '2026-13-99T99:99:99Z', 'gzip, br', 'ACS3-HMAC-SHA256', 'Basic Og==', 'Bearer x']);
}

/** V3 and V1 in one request, one of them or both wrong. */
const mixed: Make = (random, target) => {
  const operation = random.pick(target.operations.filter((one) => !one.sessionOnly));
  const call = { version: operation.version, action: operation.name, host: target.host };
  const pairs = toPairs(garbage(operation, random, target.known), random);
  const v1 = signV1(target.key, { ...call, pairs, place: 'query' });
  const v3 = signV3(target.key, { ...call, query: random.chance(0.5) ? pairs : [] });
  const draft: Draft = { method: random.pick(['GET', 'POST', 'PUT', 'DELETE']), target: v1.target, headers: { ...v1.headers, ...v3.headers }, body: Buffer.alloc(0) };
  for (const name of Object.keys(draft.headers)) if (name !== 'host' && random.chance(0.1)) delete draft.headers[name];
  if (random.chance(0.3)) draft.headers['authorization'] = random.pick(['acs LTAI:x', `acs ${target.key.accessKeyId}:${'A'.repeat(28)}`, 'ACS3-HMAC-SHA256', 'ACS3-RSA-SHA256 Credential=,SignedHeaders=,Signature=', absurdHeader(random)]);
  return whole('mixed signatures', `${operation.name} ${draft.method}`, draft);
};

/** A good request with one header, the query or the body damaged after signing. */
const damaged: Make = (random, target) => {
  const { about, draft } = signedDraft(random, target);
  const names = Object.keys(draft.headers);
  const name = random.pick(names);
  switch (random.below(5)) {
    case 0:
      draft.headers[name] = absurdHeader(random);
      break;
    case 1:
      if (name !== 'host') delete draft.headers[name];
      break;
    case 2:
      draft.headers[name] = `${draft.headers[name]}\r\n${name}: ${absurdHeader(random)}`;
      break;
    case 3:
      draft.target = draft.target.replace(/[A-Za-z0-9]/, random.pick(['%zz', '%', '%ff', '%00', 'x', '\u00e9', '%ed%a0%80', '[]', '=&=', '%u0041', '&&&', '+']));
      break;
    default:
      if (draft.body.length > 0) draft.body[random.below(draft.body.length)] = random.below(256);
  }
  return whole('damaged signature', `${name}: ${about}`, draft);
};

/** Raw encodings that no encoder makes, signed or not. */
const encodings: Make = (random, target) => {
  const bad = ['%', '%1', '%gg', '%ff%fe', '%c0%80', '%ed%a0%80', '%f5%80%80%80', '%00', '%u1234', '\u00ff', '\u0001', '%2500', '__proto__', 'a.1.__proto__.x', 'a..b', '.', 'a.99999999', 'a.-1', 'constructor.prototype.x'];
  const part = () => `${random.pick(bad)}${random.pick(['=', '', '==', '&', '=%00', '[]='])}${random.pick(bad)}`;
  const text = [`Action=${random.pick(['ListProjects', 'GetProject', '%00', 'x'.repeat(300), '__proto__', 'constructor'])}`, `Version=${random.pick(['2024-05-18', '2020-05-18', '2026-12-01', '%00', 'x'])}`, ...Array.from({ length: random.below(8) }, part)].join('&');
  const deep = '['.repeat(random.pick([33, 1_000, 100_000]));
  const body = random.pick([
    Buffer.from(text, 'latin1'),
    Buffer.from([0x61, 0x3d, 0xff, 0xfe, 0x00]),
    Buffer.from(`{"Action":"ListProjects","Version":"2024-05-18","a":${deep}`),
    Buffer.from(`{"Action":${deep}${']'.repeat(deep.length)},"Version":1}`),
    Buffer.from('{"__proto__":{"Action":"x"},"Version":{"toString":1}}'),
    Buffer.from('\ufeff{"Action":"ListProjects"}', 'utf16le'),
    Buffer.from('{"Action":"\\ud800","Version":"\\u0000"}'),
    Buffer.alloc(0),
  ]);
  const headers: Record<string, string> = { host: random.pick([target.host, 'dataworks.cn-nowhere.aliyuncs.com', '\u00ff', '', '[::1', 'a'.repeat(1_000)]), 'content-type': random.pick([FORM, 'application/json', 'text/plain', absurdHeader(random)]) };
  if (random.chance(0.3)) headers['x-acs-action'] = random.pick(['GetProject', absurdHeader(random)]);
  if (random.chance(0.3)) headers['content-encoding'] = random.pick(['gzip', 'identity', 'x']);
  if (random.chance(0.2)) headers['accept-language'] = random.pick(['zh-CN', absurdHeader(random)]);
  return whole('encodings', text, { method: 'POST', target: random.chance(0.5) ? `/?${text.replaceAll(' ', '').replaceAll('\u0001', '')}` : '/', headers, body });
};

const truncated: Make = (random, target) => {
  const { about, draft } = signedDraft(random, target);
  const bytes = toBytes(draft);
  return { kind: 'truncated', about, bytes: bytes.subarray(0, random.below(bytes.length)), complete: false, head: false };
};

const raw: Make = (random) => {
  const bytes = random.pick([
    () => Buffer.from(Array.from({ length: 1 + random.below(600) }, () => random.below(256))),
    () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    () => Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
    () => Buffer.from('GET / HTTP/9.9\r\n\r\n'),
    () => Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello'),
    () => Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n0\r\n\r\n'),
    () => Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n'),
    () => Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n'),
    () => Buffer.from('GET / HTTP/1.1\nhost: a\n\n'),
    () => Buffer.from('GET /\r\n\r\n'),
    () => Buffer.from(`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(5_000)}\r\n`),
    () => Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(200_000)}\r\n\r\n`),
    () => Buffer.from('GET / HTTP/1.1\r\n: empty\r\n\r\n'),
    () => Buffer.from('GET / HTTP/1.1\r\nhost: a\r\nx: \u0000\r\n\r\n'),
    () => Buffer.from('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n'),
    () => Buffer.from('\r\n'.repeat(200)),
  ])();
  return { kind: 'raw bytes', about: JSON.stringify(bytes.subarray(0, 80).toString('latin1')), bytes, complete: false, head: false };
};

/** A good request, another one, then bytes that are none. */
const pipelined: Make = (random, target) => {
  const parts = Array.from({ length: 1 + random.below(4) }, () => toBytes(signedDraft(random, target).draft));
  const { bytes } = raw(random, target);
  return { kind: 'pipelined', about: `${parts.length} requests, then garbage`, bytes: Buffer.concat([...parts, bytes]), complete: false, head: false };
};

const odd: Make = (random, target) => {
  const { about, draft } = signedDraft(random, target);
  draft.method = random.pick(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'QUERY']);
  if (random.chance(0.6)) {
    draft.target = random.pick(['/%', '/%00', '/%2e%2e/', '//', '/api', '/api/', '/api/x/y/z', '/api/%00/%00/%00', '/api/open-platform/2026-12-01/%00', '/api/open-platform/2026-12-01/__proto__', `/api/open-platform/2026-12-01/${'x'.repeat(500)}`, '/api/dataworks-public/%ff/x', '/api/open-platform/2026-12-01/Login', '/openapi.json/x', 'http://other.example/', '*', '/?', '/?&&&', `/?a=${'x'.repeat(66_000)}`, '/healthz/../', '/api/../../etc/passwd', '/console/..%2f..%2fpackage.json', '/;a=b', '/\u00e9']);
  }
  if (random.chance(0.2)) draft.headers['expect'] = random.pick(['100-continue', 'the-impossible']);
  if (random.chance(0.1)) draft.headers['connection'] = random.pick(['upgrade', 'close', 'x']);
  if (random.chance(0.1)) draft.headers['upgrade'] = random.pick(['websocket', 'h2c']);
  if (random.chance(0.1)) delete draft.headers['host'];
  if (random.chance(0.2)) draft.headers['cookie'] = random.pick(['millrace_session=', 'millrace_session=%00', 'millrace_session=%ff', '=;=;', `millrace_session=${'x'.repeat(5_000)}`, 'millrace_session="\u00ff"', '__proto__=1']);
  return whole('methods and paths', `${draft.method} ${draft.target.slice(0, 80)} ${about}`, draft);
};

/** Bodies at and beyond the limits. */
const huge: Make = (random, target) => {
  const call = { version: '2024-05-18', action: random.pick(['ListProjects', 'CreateProject', 'UpdateProject']), host: target.host, query: [] };
  const body = random.pick([
    () => Buffer.alloc(8 * 1024 * 1024 + 1, 0x61),
    () => Buffer.from(`Name=${'%41'.repeat(600_000)}`),
    () => Buffer.from('a=&'.repeat(6_000)),
    () => Buffer.from(Array.from({ length: 5_000 }, (_, at) => `Names.${at + 1}=x`).join('&')),
    () => Buffer.from(`DisplayName=${'x'.repeat(3_000_000)}&Name=${'y'.repeat(300)}`),
    () => Buffer.from(`Ids=${encodeURIComponent(JSON.stringify(Array.from({ length: 50_000 }, (_, at) => at)))}`),
  ])();
  return whole('huge', `${call.action} ${body.length} bytes`, signV3(target.key, { ...call, contentType: FORM, body }));
};

const shares: readonly (readonly [share: number, make: Make])[] = [
  [46, signedGarbage],
  [10, sessionGarbage],
  [8, mixed],
  [9, damaged],
  [8, encodings],
  [6, truncated],
  [4, raw],
  [2, pipelined],
  [6.5, odd],
  [0.5, huge],
];

/** The next request of the generator. */
export function malformedRequest(random: Random, target: Target): Malformed {
  let at = random.next() * 100;
  for (const [share, make] of shares) {
    at -= share;
    if (at < 0) return make(random, target);
  }
  return signedGarbage(random, target);
}
