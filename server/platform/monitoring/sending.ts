import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import { OutboundError, type Outbound } from '../../kernel/outbound.ts';
import { withoutAddress, type Addresses } from './addresses.ts';
import { claimMessages, settleMessage, type ClaimedMessage } from './alert-store.ts';
import { answerFault, messageBody } from './robots.ts';

/**
 * Bringing messages to their addresses, outside any change. A message is taken with a lease; a process that dies in between leaves it to the
 * next one, so a receiver may get a message twice and never none.
 */
export interface Sending {
  /** Sends what is due. Returns the number of tries. */
  round(): Promise<number>;
}

/** Pause before the next try, in milliseconds: five seconds, twice as long each time. */
const pauseAfter = (attempts: number) => 5_000 * 2 ** (attempts - 1);

/** Stages at which trying again would not help. */
const hopeless = new Set(['url', 'forbidden']);

export function createSending(options: { database: Database; clock: Clock; outbound: Outbound; addresses: Pick<Addresses, 'open'> }): Sending {
  const { database, clock, outbound, addresses } = options;

  /** The URL of a message; undefined when this server's key does not open it. */
  function urlOf(message: ClaimedMessage): string | undefined {
    try {
      return addresses.open(message.tenant_id, message.target.url);
    } catch {
      return undefined;
    }
  }

  async function attempt(message: ClaimedMessage): Promise<{ fault: string; final: boolean } | undefined> {
    const url = urlOf(message);
    if (url === undefined) return { fault: 'the address cannot be opened with the key of this server', final: true };
    try {
      const answer = await outbound.request({ method: 'POST', url, headers: { 'content-type': 'application/json; charset=utf-8' }, body: messageBody(message), timeoutMs: limits.alertSendTimeoutMs.value });
      const fault = answerFault(message.target.kind, answer);
      return fault === undefined ? undefined : { fault: withoutAddress(fault, url), final: false };
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      return { fault: withoutAddress(`${error.stage}: ${error.message}`, url), final: hopeless.has(error.stage) };
    }
  }

  async function sendOne(message: ClaimedMessage): Promise<void> {
    const failed = await attempt(message);
    const now = clock.now();
    if (failed === undefined) await settleMessage(database, message, 'SEND_SUCCESS', '', null, now);
    else if (failed.final || message.attempts >= limits.alertSendAttempts.value) await settleMessage(database, message, 'SEND_FAIL', failed.fault, null, now);
    else await settleMessage(database, message, 'READY_TO_SEND', failed.fault, new Date(now.getTime() + pauseAfter(message.attempts)), now);
  }

  return {
    async round() {
      for (let tries = 0; ; ) {
        const now = clock.now();
        const batch = await claimMessages(database, now, new Date(now.getTime() + limits.alertSendTimeoutMs.value * 2), limits.alertSendConcurrency.value);
        if (batch.length === 0) return tries;
        tries += batch.length;
        await Promise.all(batch.map(sendOne));
      }
    },
  };
}
