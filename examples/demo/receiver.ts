import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** An event as Millrace pushes it: a CloudEvents envelope. */
export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Receiver {
  readonly url: string;
  /** Events in the order they came, each once. */
  readonly events: readonly ReceivedEvent[];
  /** Requests whose signature was wrong. */
  readonly refused: number;
  close(): Promise<void>;
}

const BODY_BYTES = 1_048_576;

/**
 * A program that receives events on a free loopback port. It believes only what is signed with `secret` (Standard Webhooks), answers at once and works
 * afterwards, and takes an event once, since a delivery may be repeated.
 */
export async function startReceiver(secret: string, onEvent: (event: ReceivedEvent) => void): Promise<Receiver> {
  const webhook = new Webhook(secret);
  const events: ReceivedEvent[] = [];
  const seen = new Set<string>();
  let refused = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > BODY_BYTES) request.destroy();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      let event: ReceivedEvent;
      try {
        event = webhook.verify(Buffer.concat(chunks), request.headers as Record<string, string>) as ReceivedEvent;
      } catch {
        refused += 1;
        response.writeHead(401).end();
        return;
      }
      response.writeHead(204).end();
      if (seen.has(event.id)) return;
      seen.add(event.id);
      events.push(event);
      onEvent(event);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    events,
    get refused() {
      return refused;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
