import type { Clock } from '../../server/kernel/clock.ts';
import { OutboundError, type OutboundAnswer, type OutboundRequest } from '../../server/kernel/outbound.ts';
import type { Envelope } from '../../server/openevent/envelope.ts';
import type { Choices, Tally } from './choices.ts';
import type { Fate } from './mortal.ts';

/** `lose`: the event is taken and the answer does not come back; `double`: the request arrives twice. */
export type Mode = 'accept' | 'refuse' | 'unreachable' | 'hang' | 'lose' | 'double';
export const MODES: readonly Mode[] = ['accept', 'accept', 'refuse', 'unreachable', 'hang', 'hang', 'lose', 'double'];

export interface Target {
  readonly name: string;
  mode: Mode;
  /** Highest number that was accepted, by object: the next first acceptance is the one after it. */
  readonly reached: Map<string, number>;
  accepted: number;
  again: number;
}

/** When a process dies at a request: before it is sent, or when it has arrived and the answer is on its way. */
export interface PostDoom {
  left: number;
  readonly when: 'before' | 'after';
}

/** One process at the network. */
export interface Sender {
  readonly fate: Fate;
  postDoom: PostDoom | undefined;
}

export function createNetwork(options: { clock: Clock; choices: Choices; tally: Tally; fault: (text: string) => void; targets: readonly Target[] }) {
  const { clock, choices, tally, fault, targets } = options;
  /** Number and id of what came, each once. */
  const came = new Set<string>();
  /** Requests that nobody answers yet. */
  let hanging: ((late: boolean) => void)[] = [];

  function take(target: Target, request: OutboundRequest): void {
    const envelope = JSON.parse(String(request.body)) as Envelope;
    const [object = '', text = ''] = String(envelope.data['operator']).split('#');
    const number = Number(text);
    // An event may arrive before whoever raised it has heard of its commit, so that ids are compared at the end.
    came.add(`${object}#${number} ${envelope.id}`);
    const reached = target.reached.get(object) ?? 0;
    if (number > reached + 1) fault(`${object}#${number} came to ${target.name} before #${reached + 1}`);
    if (number <= reached) target.again += 1;
    else target.accepted += 1;
    target.reached.set(object, Math.max(reached, number));
  }

  const say = (status: number): OutboundAnswer => ({ status, headers: {}, text: '', truncated: false, durationMs: 1 });
  const gone = () => new OutboundError('cancelled', 'the request was called off', 0);

  function answer(target: Target, request: OutboundRequest): Promise<OutboundAnswer> {
    const { operator } = (JSON.parse(String(request.body)) as Envelope).data;
    const random = choices.of(`${target.name} ${String(operator)} ${request.headers?.['millrace-attempt']}`);
    switch (target.mode) {
      case 'refuse':
        tally.count('refusals');
        return Promise.resolve(say(random.pick([500, 503, 404])));
      case 'unreachable':
        tally.count('refused connections');
        return Promise.reject(new OutboundError('connect', 'connection refused', 0));
      case 'hang':
        tally.count('clogged requests');
        return new Promise((resolve, reject) => {
          const cancel = clock.after(request.timeoutMs, () => reject(new OutboundError('timeout', 'no complete answer', request.timeoutMs)));
          request.signal?.addEventListener('abort', () => {
            cancel();
            reject(gone());
          });
          hanging.push((late) => {
            cancel();
            if (request.signal?.aborted === true || !late) return reject(new OutboundError('answer', 'the connection broke', 0));
            tally.count('late answers');
            take(target, request);
            resolve(say(200));
          });
        });
      case 'lose':
        tally.count('lost answers');
        take(target, request);
        return Promise.reject(new OutboundError('answer', 'the connection broke before the answer', 0));
      case 'double':
        tally.count('doubled requests');
        take(target, request);
        take(target, request);
        return Promise.resolve(say(200));
      case 'accept':
        take(target, request);
        return Promise.resolve(say(200));
    }
  }

  function die(sender: Sender, what: string): Promise<never> {
    sender.postDoom = undefined;
    sender.fate.dead = true;
    tally.count(what);
    sender.fate.onDeath();
    return Promise.reject(gone());
  }

  return {
    came: came as ReadonlySet<string>,
    /** The network as one process sees it. */
    transport: (sender: Sender) => ({
      async request(request: OutboundRequest): Promise<OutboundAnswer> {
        const target = targets.find((one) => request.url.endsWith(`/${one.name}`));
        if (target === undefined) throw new Error(`nobody is at ${request.url}`);
        if (sender.fate.dead || request.signal?.aborted === true) throw gone();
        const dies = sender.postDoom !== undefined && sender.postDoom.left-- <= 0 ? sender.postDoom.when : undefined;
        if (dies === 'before') return die(sender, 'deaths before a request');
        if (dies === 'after') {
          if (target.mode !== 'refuse' && target.mode !== 'unreachable') take(target, request);
          return die(sender, 'deaths before the answer');
        }
        return answer(target, request);
      },
    }),
    /** Ends what hangs: `late` says of each whether it is answered after all. */
    unclog(late: () => boolean): void {
      const waiting = hanging;
      hanging = [];
      tally.count('unclogged requests', waiting.length);
      for (const end of waiting) end(late());
    },
  };
}
