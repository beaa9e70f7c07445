import type { Clock } from '../../core/clock.ts';
import { compareStandings, standingOf, type Claim, type Places } from './fair-order.ts';

/** Somebody who waits for places. */
export interface Waiter {
  readonly claim: Claim;
  /** Places wanted: more than one for queries in bulk. */
  readonly wanted: number;
  /** Whether it counts against the queue's size; a caller of bulk queries is stopped by not being read from. */
  readonly isBulk: boolean;
}

export type WaitEnd = { readonly kind: 'granted'; readonly places: number } | { readonly kind: 'shed' };

/** Waits for places, ordered when one comes free rather than when they began. */
export interface PlaceQueue {
  /** Waits at the most `ms`; rejects with the signal's reason. */
  wait(waiter: Waiter, ms: number, signal: AbortSignal): Promise<WaitEnd>;
  /** Gives the one with the best claim among those that may enter; undefined when nobody may. */
  best(places: Places, room: (waiter: Waiter) => number): Waiter | undefined;
  /** Gives the one with the worst claim among those that count against the size. */
  worst(places: Places): Waiter | undefined;
  end(waiter: Waiter, how: WaitEnd): void;
  /** Those that count against the size. */
  readonly length: number;
  /** All of them. */
  readonly total: number;
  /** Since when somebody has always been waiting who counts, on the monotonic clock; undefined when nobody is. */
  readonly standingSinceMs: number | undefined;
}

/** Creates an empty queue. */
export function createPlaceQueue(clock: Clock): PlaceQueue {
  const waiting = new Map<Waiter, (how: WaitEnd) => void>();
  let counted = 0;
  let standingSinceMs: number | undefined;
  const remove = (waiter: Waiter): ((how: WaitEnd) => void) | undefined => {
    const settle = waiting.get(waiter);
    if (!waiting.delete(waiter) || waiter.isBulk) return settle;
    counted -= 1;
    if (counted === 0) standingSinceMs = undefined;
    return settle;
  };
  const end: PlaceQueue['end'] = (waiter, how) => {
    remove(waiter)?.(how);
  };
  return {
    wait: (waiter, ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason as Error);
          return;
        }
        const cancelTimer = clock.after(ms, () => {
          end(waiter, { kind: 'shed' });
        });
        const onAbort = (): void => {
          cancelTimer();
          if (remove(waiter) !== undefined) reject(signal.reason as Error);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        waiting.set(waiter, (how) => {
          cancelTimer();
          signal.removeEventListener('abort', onAbort);
          resolve(how);
        });
        if (waiter.isBulk) return;
        counted += 1;
        standingSinceMs ??= clock.monotonicMs();
      }),
    best(places, room) {
      let best: Waiter | undefined;
      for (const waiter of waiting.keys())
        if (room(waiter) > 0 && (best === undefined || isBetter(waiter, best, places))) best = waiter;
      return best;
    },
    worst(places) {
      let worst: Waiter | undefined;
      for (const waiter of waiting.keys())
        if (!waiter.isBulk && (worst === undefined || !isBetter(waiter, worst, places))) worst = waiter;
      return worst;
    },
    end,
    get length() {
      return counted;
    },
    get total() {
      return waiting.size;
    },
    get standingSinceMs() {
      return standingSinceMs;
    },
  };
}

function isBetter({ claim: a }: Waiter, { claim: b }: Waiter, places: Places): boolean {
  return compareStandings(standingOf(a, places), standingOf(b, places)) < 0;
}
