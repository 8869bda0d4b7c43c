import type { Clock } from '../../kernel/clock.ts';

/** A token bucket: at most `rate` a second, with as many at once as one second brings. */
export interface Pace {
  /** Takes a token; false when there is none now. */
  take(): boolean;
  /** Milliseconds until there is a token. */
  wait(): number;
}

const unlimited: Pace = { take: () => true, wait: () => 0 };

/** A subscription is delivered by one process at a time, so its bucket is the whole of its rate and no share of it. */
export function createPace(rate: number | undefined, clock: Clock): Pace {
  if (rate === undefined) return unlimited;
  const size = Math.max(1, rate);
  let tokens = size;
  let filled = clock.now().getTime();
  const fill = () => {
    const now = clock.now().getTime();
    tokens = Math.min(size, tokens + (Math.max(0, now - filled) * rate) / 1_000);
    filled = now;
  };
  return {
    take() {
      fill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    wait() {
      fill();
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * 1_000) / rate);
    },
  };
}
