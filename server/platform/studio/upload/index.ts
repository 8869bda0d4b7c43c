import { createHash } from 'node:crypto';
import type { Operations } from '../../../../contract/generated/OpenPlatform-2019-12-19.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { Database } from '../../../kernel/database.ts';
import { invalid } from '../../../kernel/errors.ts';
import type { IdSource } from '../../../kernel/ids.ts';
import { limits } from '../../../kernel/limits.ts';
import { inTenant, type Handlers } from '../../../kernel/operation.ts';
import { OutboundError, type Outbound } from '../../../kernel/outbound.ts';
import type { SecretBox } from '../../../kernel/secrets.ts';
import { readForm } from './form.ts';
import { insertUpload, uploadByKey } from './store.ts';

/**
 * Files that come beside a request. The request names an address: of a file anywhere, or of one that the client has sent here before, as the official clients
 * do in three steps: AuthorizeFileUpload answers a signed policy, the file is posted with it as a form, and the request then names where it lies.
 */

/** A file as a resource holds it: text where it is text, else its bytes in base64. */
export interface UploadedFile {
  readonly content: string;
  readonly encoding: 'utf-8' | 'base64';
}

export interface Uploads {
  /** The file at an address. Rejects with InvalidParameter when it cannot be had or is too large. */
  read(tenantId: number, parameter: string, url: string): Promise<UploadedFile>;
}

/** An answer to a posted form. */
export interface FormAnswer {
  readonly status: number;
  readonly xml: string;
}

export interface UploadDoor extends Uploads {
  readonly operations: Handlers<Operations>;
  /** Takes a posted form; undefined when it is none of ours. */
  receive(contentType: string, body: Buffer): Promise<FormAnswer | undefined>;
}

const BUCKET = 'millrace';
const PURPOSE = 'file-upload';
const TIMEOUT_MS = 15_000;

/** What a client may do until when; its text is signed. */
interface Policy {
  readonly key: string;
  readonly tenantId: number;
  readonly expiresAt: number;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function refused(status: number, code: string, message: string): FormAnswer {
  return { status, xml: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${escape(message)}</Message></Error>` };
}

function asText(content: Buffer): UploadedFile {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    if (!text.includes('\u0000')) return { content: text, encoding: 'utf-8' };
  } catch {
    // No text, then.
  }
  return { content: content.toString('base64'), encoding: 'base64' };
}

/** `endpoint` is the host, with its port if it is not 443, below which clients reach this server by the name of the bucket. */
export function createUploads(options: { database: Database; clock: Clock; ids: IdSource; secrets: SecretBox; outbound: Outbound; endpoint: string }): UploadDoor {
  const { database, clock, ids, secrets, outbound, endpoint } = options;
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');

  function readPolicy(encoded: string, signature: string): Policy | undefined {
    try {
      if (secrets.open(signature, PURPOSE) !== hash(encoded)) return undefined;
      return JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as Policy;
    } catch {
      // Not sealed here.
      return undefined;
    }
  }

  function keyOf(url: string): string | undefined {
    if (!URL.canParse(url)) return undefined;
    const { host, pathname, protocol } = new URL(url);
    const ours = `${BUCKET}.${endpoint}`.toLowerCase();
    // The clients write http whatever they used to upload, and browsers leave out the port that the scheme implies.
    const same = host === ours || `${host}:${protocol === 'https:' ? 443 : 80}` === ours;
    return same ? decodeURIComponent(pathname.slice(1)) : undefined;
  }

  async function fetchFile(parameter: string, url: string): Promise<UploadedFile> {
    outbound.checkTarget(url);
    const answer = await outbound.request({ method: 'GET', url, timeoutMs: TIMEOUT_MS }).catch((error: unknown) => {
      if (error instanceof OutboundError) throw invalid(parameter, `the file could not be fetched: ${error.message}`);
      throw error;
    });
    if (answer.status !== 200) throw invalid(parameter, `the file could not be fetched: its server answered ${answer.status}`);
    if (answer.truncated) throw invalid(parameter, `a file from elsewhere may have at most ${limits.outboundResponseBytes.value} bytes; upload it instead`);
    // What was no UTF-8 has become replacement characters.
    if (answer.text.includes('\uFFFD') || answer.text.includes('\u0000')) throw invalid(parameter, 'a file from elsewhere must be text; upload it instead');
    return { content: answer.text, encoding: 'utf-8' };
  }

  return {
    operations: {
      AuthorizeFileUpload: {
        access: inTenant('member'),
        async handle(call) {
          const policy: Policy = { key: `${call.tenantId}/${ids.eventId()}`, tenantId: call.tenantId, expiresAt: clock.now().getTime() + limits.uploadSeconds.value * 1_000 };
          const EncodedPolicy = Buffer.from(JSON.stringify(policy)).toString('base64');
          return { AccessKeyId: BUCKET, Bucket: BUCKET, Endpoint: endpoint, ObjectKey: policy.key, EncodedPolicy, Signature: secrets.seal(hash(EncodedPolicy), PURPOSE), UseAccelerate: false };
        },
      },
    },
    async receive(contentType, body) {
      const fields = readForm(contentType, body);
      if (fields === undefined) return undefined;
      const field = (name: string) => fields.find((one) => one.name.toLowerCase() === name.toLowerCase())?.content;
      // The clients end a form with one line break more than the form asks for.
      const text = (name: string) => field(name)?.toString('utf8').trim() ?? '';
      const content = field('file');
      const policy = readPolicy(text('policy'), text('Signature'));
      if (policy === undefined) return refused(403, 'SignatureDoesNotMatch', 'The policy was not signed here.');
      if (policy.expiresAt < clock.now().getTime()) return refused(403, 'AccessDenied', 'The policy has expired.');
      if (text('key') !== policy.key) return refused(403, 'AccessDenied', 'The policy is for another key.');
      if (content === undefined) return refused(400, 'InvalidArgument', 'The form has no file.');
      await insertUpload(database, { key: policy.key, tenantId: policy.tenantId, content }, clock.now());
      const location = `http://${BUCKET}.${endpoint}/${policy.key}`;
      return {
        status: text('success_action_status') === '200' ? 200 : 201,
        xml: `<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Bucket>${BUCKET}</Bucket><Location>${escape(location)}</Location><Key>${policy.key}</Key></PostResponse>`,
      };
    },
    async read(tenantId, parameter, url) {
      const key = keyOf(url);
      if (key === undefined) return fetchFile(parameter, url);
      const content = await uploadByKey(database, tenantId, key);
      if (content === undefined) throw invalid(parameter, 'nothing was uploaded there, or it is too long ago');
      return asText(content);
    },
  };
}
