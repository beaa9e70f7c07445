import { FrontierError } from '../core/errors.ts';

export interface ConcurrencyLimitOptions {
  /** Queries that run at the same time. */
  readonly maxInFlight: number;
  /** Single queries that wait; more are refused. */
  readonly maxQueued: number;
  /** How long to wait before a retry, in milliseconds, asked when one is refused. */
  readonly retryAfterMs: (queued: number) => number;
  /** Called after each change of the counts. */
  readonly onChange: () => void;
}

/** Places for queries at one replica, first come first served. */
export interface ConcurrencyLimit {
  readonly inFlight: number;
  readonly queued: number;
  /** Takes one place. Throws MODULE_OVERLOADED when the queue is full, or the signal's reason when it aborts first. */
  acquire(signal: AbortSignal): Promise<void>;
  /**
   * Takes at least one and at most `most` places. A bulk stream waits outside the bounded queue: it has one such wait at a
   * time and holds its caller back meanwhile.
   */
  acquireUpTo(most: number, signal: AbortSignal): Promise<number>;
  release(places: number): void;
  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void>;
}

interface Waiter {
  readonly most: number;
  readonly bulk: boolean;
  readonly give: (places: number) => void;
}

/** Gives a limit with all places free. */
export function createConcurrencyLimit(options: ConcurrencyLimitOptions): ConcurrencyLimit {
  const { maxInFlight, maxQueued, retryAfterMs, onChange } = options;
  const waiters = new Set<Waiter>();
  let inFlight = 0;
  let queued = 0;
  let idleListeners: (() => void)[] = [];

  const leave = (waiter: Waiter): void => {
    if (waiters.delete(waiter) && !waiter.bulk) queued--;
  };
  const take = (most: number): number => {
    const places = Math.min(most, maxInFlight - inFlight);
    inFlight += places;
    return places;
  };
  const settle = (): void => {
    for (const waiter of waiters) {
      if (inFlight >= maxInFlight) break;
      leave(waiter);
      waiter.give(take(waiter.most));
    }
    if (inFlight === 0 && waiters.size === 0) {
      for (const listener of idleListeners) listener();
      idleListeners = [];
    }
    onChange();
  };
  const wait = (most: number, bulk: boolean, signal: AbortSignal): Promise<number> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        leave(waiter);
        settle();
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        most,
        bulk,
        give: (places) => {
          signal.removeEventListener('abort', onAbort);
          resolve(places);
        },
      };
      waiters.add(waiter);
      if (!bulk) queued++;
      signal.addEventListener('abort', onAbort, { once: true });
      onChange();
    });
  const acquireUpTo = async (most: number, bulk: boolean, signal: AbortSignal): Promise<number> => {
    signal.throwIfAborted();
    if (inFlight < maxInFlight && waiters.size === 0) {
      const places = take(most);
      onChange();
      return places;
    }
    if (!bulk && queued >= maxQueued) throw overloaded(maxInFlight, queued, retryAfterMs(queued));
    return wait(most, bulk, signal);
  };

  return {
    get inFlight() {
      return inFlight;
    },
    get queued() {
      return queued;
    },
    acquire: async (signal) => {
      await acquireUpTo(1, false, signal);
    },
    acquireUpTo: (most, signal) => acquireUpTo(most, true, signal),
    release: (places) => {
      inFlight -= places;
      settle();
    },
    idle: () =>
      inFlight === 0 && waiters.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idleListeners.push(resolve);
          }),
  };
}

function overloaded(inFlight: number, queued: number, retryAfterMs: number): FrontierError {
  return new FrontierError(
    'MODULE_OVERLOADED',
    `the replica has ${inFlight} queries in flight and ${queued} waiting: try another one`,
    { retryAfterMs, metadata: { scope: 'replica' } },
  );
}
