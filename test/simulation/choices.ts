import { seededRandom, type Random } from '../integration/malformed/values.ts';

/** All choices of one history. Each step and each answer of the network draws from a stream of its own, so that how statements interleave changes no other choice. */
export interface Choices {
  /** The stream of this name, from its beginning. */
  of(name: string): Random;
}

export function choicesOf(seed: number): Choices {
  return { of: (name) => seededRandom(hash(`${seed} ${name}`)) };
}

/** FNV-1a. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let place = 0; place < text.length; place += 1) value = Math.imul(value ^ text.charCodeAt(place), 0x01000193) >>> 0;
  return value;
}

/** What happened in a history, by name. */
export interface Tally {
  count(name: string, many?: number): void;
  all(): Readonly<Record<string, number>>;
}

export function newTally(): Tally {
  const counts = new Map<string, number>();
  return { count: (name, many = 1) => void counts.set(name, (counts.get(name) ?? 0) + many), all: () => Object.fromEntries(counts) };
}

/** An action of a history: its name stands in the script, `weight` is how often it is chosen against others. */
export interface Action {
  readonly name: string;
  readonly weight: number;
  readonly run: (random: Random) => Promise<unknown>;
}

/** The actions of a history, chosen by its seed alone. */
export function scriptOf(choices: Choices, actions: readonly Action[], steps: number): Action[] {
  const random = choices.of('script');
  const urn = actions.flatMap((action) => Array.from({ length: action.weight }, () => action));
  return Array.from({ length: steps }, () => random.pick(urn));
}
