import type { Database } from '../../kernel/database.ts';
import type { Presence } from '../../kernel/presence.ts';
import { listOwners } from './store.ts';

/** Finds the owners of subscriptions whose process has ended, so that their leases need not run out. */
export interface Takeover {
  /** Owners that were found dead by this look and by the one before. */
  look(): Promise<string[]>;
}

/** One look is not enough: a process that lives renews a lost connection within a moment. */
export function createTakeover(database: Database, presence: Presence, owner: string): Takeover {
  let before = new Set<string>();
  return {
    async look() {
      const dead = await presence.dead(await listOwners(database, owner));
      const twice = dead.filter((name) => before.has(name));
      before = new Set(dead);
      return twice;
    },
  };
}
