import { invalid } from '../../kernel/errors.ts';
import type { Outbound } from '../../kernel/outbound.ts';
import { OutboundError } from '../../kernel/outbound.ts';
import { checkContent } from './drafts.ts';

/** Files that come beside a request, named by an address. */
export interface Uploads {
  /** The text at an address. Rejects with InvalidParameter when it cannot be had, is too large, or is no text. */
  read(parameter: string, url: string): Promise<string>;
}

const TIMEOUT_MS = 15_000;

/** Fetches files by the guarded client, as a resource holds them: text, no longer than a file may be. */
export function createUploads(outbound: Outbound): Uploads {
  return {
    async read(parameter, url) {
      outbound.checkTarget(url);
      const answer = await outbound.request({ method: 'GET', url, timeoutMs: TIMEOUT_MS }).catch((error: unknown) => {
        if (error instanceof OutboundError) throw invalid(parameter, `the file could not be fetched: ${error.message}`);
        throw error;
      });
      if (answer.status !== 200) throw invalid(parameter, `the file could not be fetched: its server answered ${answer.status}`);
      if (answer.truncated) throw invalid(parameter, 'the file is too large');
      // What was no UTF-8 has become replacement characters.
      if (answer.text.includes('\uFFFD')) throw invalid(parameter, 'the file is no text; only text is held as a resource here');
      return checkContent(answer.text, parameter);
    },
  };
}
