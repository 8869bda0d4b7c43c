import { setTimeout as pause } from 'node:timers/promises';
import { startServer, type ServerProcess, type ServerSettings } from './server.ts';

/** A server that is started again whenever it ends by itself, as a service manager does. */
export interface KeptServer {
  readonly name: string;
  readonly port: number;
  pid(): number;
  /** Resolves with the milliseconds from the start of the process that is there now to ready. */
  ready(): Promise<number>;
  kill(): Promise<void>;
  /** Starts it after `kill`, and resolves when it is ready, with the milliseconds that took. */
  start(): Promise<number>;
  stop(): Promise<void>;
  /** The end of what the process that is there now said on its standard error. */
  complaints(): string;
  /** What it said each time that it ended by itself. */
  endedByItself(): readonly string[];
}

const RESTART_PAUSE_MS = 200;
const READY_MS = 90_000;

export function keepServer(name: string, settings: ServerSettings): KeptServer {
  const ends: string[] = [];
  let current: ServerProcess | undefined;
  let wanted = false;

  function begin(): void {
    const own = startServer(settings);
    current = own;
    void restartAfter(own);
  }

  async function restartAfter(own: ServerProcess): Promise<void> {
    await own.ended;
    if (!wanted || current !== own) return;
    ends.push(own.complaints().slice(-600));
    await pause(RESTART_PAUSE_MS);
    if (wanted && current === own) begin();
  }

  async function ready(): Promise<number> {
    const deadline = performance.now() + READY_MS;
    for (;;) {
      const own = current;
      try {
        if (own === undefined) throw new Error(`${name} is not running`);
        return await own.ready();
      } catch (error) {
        // Another one may have been started meanwhile.
        if (performance.now() > deadline) throw error;
        await pause(RESTART_PAUSE_MS);
      }
    }
  }

  return {
    name,
    port: settings.port,
    pid: () => current?.pid ?? 0,
    ready,
    async kill() {
      wanted = false;
      await current?.kill();
    },
    start() {
      wanted = true;
      begin();
      return ready();
    },
    async stop() {
      wanted = false;
      await current?.stop();
    },
    complaints: () => current?.complaints() ?? '',
    endedByItself: () => ends,
  };
}
