import type { Change } from '../../kernel/change.ts';
import type { DagRow } from './dag-store.ts';
import type { InstanceResult, InstanceRow } from './instance-store.ts';

/**
 * Control nodes: those that the scheduler itself carries out, without a worker.
 *
 *   decides   a decision from what is known when it starts: a branch, a join, a parameter hub
 *   loops     a body that is run round after round: do-while, for-each
 */
export type Control = 'decides' | 'loops';

export interface Decision {
  readonly succeeded: boolean;
  /** What happened, for its log and its error text. */
  readonly reason: string;
  readonly result?: InstanceResult;
}

export interface Controllers {
  /** How a command is carried out here, or undefined when it needs a worker. */
  controlOf(command: string): Control | undefined;
  /** Decides an instance whose control is `decides`. What is wrong with its code is a decision too, not an error. */
  decide(change: Change, instance: InstanceRow): Promise<Decision>;
  /** Begins the first round of a loop. Answers a decision when there is no round to run. */
  beginLoop(change: Change, instance: InstanceRow): Promise<Decision | undefined>;
  /** A round has ended: begins the next one, or answers how the loop ends. */
  roundEnded(change: Change, instance: InstanceRow, round: DagRow): Promise<Decision | undefined>;
}

/** No control nodes at all. */
export const noControllers: Controllers = {
  controlOf: () => undefined,
  decide: async (_change, instance) => ({ succeeded: false, reason: `Nothing here carries out the type ${instance.command}.` }),
  beginLoop: async () => undefined,
  roundEnded: async () => undefined,
};
