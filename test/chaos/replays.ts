import { request } from 'node:http';
import type { Draft } from '../support/sign.ts';
import type { Random } from '../integration/malformed/values.ts';

/** So many of the newest are kept. */
const KEPT = 200;
const LONGEST_MS = 45_000;

/** Requests that were acknowledged, to be sent once more as an eavesdropper would: byte by byte, to whichever server. */
export interface Replays {
  remember(draft: Draft): void;
  /** Sends some of them again. A server that is not there, or says that it cannot, proves nothing. */
  again(count: number, ports: readonly number[], random: Random): Promise<void>;
  readonly refused: number;
  /** Answers that were not the refusal of a used nonce. */
  readonly faults: readonly string[];
}

export function createReplays(): Replays {
  const drafts: Draft[] = [];
  const faults: string[] = [];
  let refused = 0;
  return {
    get refused() {
      return refused;
    },
    faults,
    remember(draft) {
      drafts.push(draft);
      if (drafts.length > KEPT) drafts.shift();
    },
    async again(count, ports, random) {
      for (let number = 0; number < count && drafts.length > 0; number += 1) {
        const draft = random.pick(drafts);
        const answer = await send(random.pick(ports), draft);
        if (answer === undefined || answer.status === 503) continue;
        if (answer.code === 'SignatureNonceUsed') refused += 1;
        else faults.push(`${draft.headers['x-acs-action'] ?? ''} that was acknowledged before, sent again byte by byte, was answered ${answer.status} ${answer.code}`);
      }
    },
  };
}

/** With the host that was signed, which is not that of the server it goes to. */
function send(port: number, draft: Draft): Promise<{ readonly status: number; readonly code: string } | undefined> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, method: draft.method, path: draft.target, headers: draft.headers, agent: false, timeout: LONGEST_MS }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', () => resolve(undefined));
      response.on('end', () => {
        let code = '';
        try {
          code = String((JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>)['Code'] ?? '');
        } catch {}
        resolve({ status: response.statusCode ?? 0, code });
      });
    });
    call.on('error', () => resolve(undefined));
    call.on('timeout', () => call.destroy());
    call.end(draft.body);
  });
}
