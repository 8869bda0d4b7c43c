import { createHash, createHmac } from 'node:crypto';
import { isIP } from 'node:net';
import type { OutboundAnswer } from '../../../kernel/outbound.ts';
import { ProbeFailure, type ProbeContext } from './probe.ts';

/** Web servers, and stores that are spoken to by HTTP. All go through the guarded client. */

function judge(answer: OutboundAnswer, notThere: string): void {
  const { status } = answer;
  if (status === 401 || status === 403) throw new ProbeFailure('ConfigError', `It answers ${status}: the credentials are not accepted.`);
  if (status === 404 && notThere !== '') throw new ProbeFailure('ConfigError', notThere);
  if (status >= 300 && status < 400 && notThere !== '') throw new ProbeFailure('ConfigError', `It answers ${status}: the endpoint is not that of the bucket's region.`);
  if (status >= 500) throw new ProbeFailure('Unreachable', `It answers ${status}.`);
}

export async function probeHttp(context: ProbeContext): Promise<void> {
  const { connection, outbound, step, signal, timeoutMs } = context;
  const url = connection.url;
  if (url === undefined) throw new ProbeFailure('ConfigError', 'The connection properties name no URL.');
  const token = connection.options['token'] ?? connection.options['bearerToken'];
  const headers: Record<string, string> = {};
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  else if (connection.user !== undefined) headers['authorization'] = `Basic ${Buffer.from(`${connection.user}:${connection.password ?? ''}`).toString('base64')}`;
  await step('Request', 'GET the URL', async () => judge(await outbound.request({ method: 'GET', url, headers, timeoutMs, signal }), ''));
}

/** Endpoint as a URL without a path, and the bucket. */
function storeOf(context: ProbeContext): { endpoint: URL; bucket: string; id: string; secret: string } {
  const { url, options, user, password } = context.connection;
  const bucket = options['bucket'] ?? options['bucketName'];
  if (url === undefined) throw new ProbeFailure('ConfigError', 'The connection properties name no endpoint.');
  if (bucket === undefined || !/^[a-z0-9][a-z0-9._-]{1,62}$/i.test(bucket)) throw new ProbeFailure('ConfigError', 'The connection properties name no bucket.');
  if (user === undefined || password === undefined) throw new ProbeFailure('ConfigError', 'The connection properties name no access key.');
  const endpoint = URL.parse(/^https?:\/\//i.test(url) ? url : `https://${url}`);
  if (endpoint === null) throw new ProbeFailure('ConfigError', 'The endpoint is not a host name or URL.');
  return { endpoint, bucket, id: user, secret: password };
}

function hmac(key: string | Buffer, value: string): Buffer {
  return createHmac('sha256', key).update(value).digest();
}

/** HEAD of the bucket, signed by AWS Signature Version 4 with the bucket in the path, which every compatible store takes. */
export async function probeS3(context: ProbeContext): Promise<void> {
  const { endpoint, bucket, id, secret } = storeOf(context);
  const region = context.connection.options['region'] ?? context.connection.options['regionId'] ?? 'us-east-1';
  const moment = context.now().toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const day = moment.slice(0, 8);
  const payload = createHash('sha256').update('').digest('hex');
  const names = 'host;x-amz-content-sha256;x-amz-date';
  const canonical = `HEAD\n/${bucket}\n\nhost:${endpoint.host}\nx-amz-content-sha256:${payload}\nx-amz-date:${moment}\n\n${names}\n${payload}`;
  const scope = `${day}/${region}/s3/aws4_request`;
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), 's3'), 'aws4_request');
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${moment}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`).toString('hex');
  const headers = { 'x-amz-date': moment, 'x-amz-content-sha256': payload, authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names}, Signature=${signature}` };
  await context.step('Request', `HEAD the bucket ${bucket}`, async () => {
    judge(await context.outbound.request({ method: 'HEAD', url: `${endpoint.origin}/${bucket}`, headers, timeoutMs: context.timeoutMs, signal: context.signal }), 'There is no such bucket.');
  });
}

/** One key of the bucket, signed by the header signature of OSS. */
export async function probeOss(context: ProbeContext): Promise<void> {
  const { endpoint, bucket, id, secret } = storeOf(context);
  const date = context.now().toUTCString();
  const signature = createHmac('sha1', secret).update(`GET\n\n\n${date}\n/${bucket}/`).digest('base64');
  // A bucket is a host name in front of the endpoint's, where the endpoint has a name.
  const inPath = isIP(endpoint.hostname.replace(/^\[|\]$/g, '')) !== 0 || endpoint.hostname === 'localhost' || endpoint.hostname.startsWith(`${bucket}.`);
  const origin = inPath ? endpoint.origin : `${endpoint.protocol}//${bucket}.${endpoint.host}`;
  const url = `${origin}/${inPath && !endpoint.hostname.startsWith(`${bucket}.`) ? `${bucket}/` : ''}?max-keys=1`;
  await context.step('Request', `List the bucket ${bucket}`, async () => {
    judge(await context.outbound.request({ method: 'GET', url, headers: { date, authorization: `OSS ${id}:${signature}` }, timeoutMs: context.timeoutMs, signal: context.signal }), 'There is no such bucket.');
  });
}
