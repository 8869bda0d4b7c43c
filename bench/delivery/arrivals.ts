import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Arrival } from './receiver.ts';

/** The receiver process and what has come to it. */
export interface Arrivals {
  readonly url: string;
  /** Messages that were accepted since the last `clear`. */
  count(): number;
  /** Moments of arrival by message id, of those since the last `clear`, at paths that begin with `path`. */
  moments(path: string): ReadonlyMap<string, readonly bigint[]>;
  clear(): void;
  /** Waits until so many have come since the last `clear`. */
  reach(count: number, timeoutMs: number): Promise<void>;
  stop(): void;
}

export async function startReceiver(): Promise<Arrivals> {
  const child = fork(join(import.meta.dirname, 'receiver.ts'));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  let list: Arrival[] = [];
  child.on('message', (arrived: Arrival[]) => {
    for (const one of arrived) list.push(one);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    count: () => list.length,
    moments(path) {
      const found = new Map<string, bigint[]>();
      for (const one of list) {
        if (!one.path.startsWith(path)) continue;
        const moments = found.get(one.id);
        if (moments === undefined) found.set(one.id, [BigInt(one.at)]);
        else moments.push(BigInt(one.at));
      }
      return found;
    },
    clear() {
      list = [];
    },
    async reach(count, timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      while (list.length < count) {
        if (Date.now() > deadline) throw new Error(`${count - list.length} of ${count} messages did not arrive`);
        await pause(5);
      }
    },
    stop: () => void child.kill('SIGTERM'),
  };
}
