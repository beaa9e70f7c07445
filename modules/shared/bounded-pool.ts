import { FrontierError } from '../../core/errors.ts';

/** A fixed number of things that are used by one at a time, with a bounded queue for them. */
export interface BoundedPool<T> {
  /** How many wait. */
  readonly waiting: number;
  /**
   * Gives one of the things as soon as one is free, first come, first served. Rejects with MODULE_OVERLOADED when the
   * queue is full, with the signal's reason when it aborts first. Whoever gets a lease must release it.
   */
  acquire(signal: AbortSignal): Promise<Lease<T>>;
}

export interface Lease<T> {
  readonly value: T;
  /** Gives the thing back; calling it again does nothing. */
  release(): void;
}

/** When a refused caller may try again, in milliseconds: about the time of half an answer. */
const RETRY_AFTER_MS = 1000;

/** Gives a pool over `values` that lets at most `maxWaiting` wait. */
export function createBoundedPool<T>(values: readonly T[], maxWaiting: number): BoundedPool<T> {
  const free = [...values];
  const queue = new Set<(value: T) => void>();

  const give = (value: T): void => {
    const [next] = queue;
    if (next === undefined) free.push(value);
    else next(value);
  };
  const lease = (value: T): Lease<T> => {
    let held = true;
    return {
      value,
      release() {
        if (held) give(value);
        held = false;
      },
    };
  };
  const wait = (signal: AbortSignal): Promise<Lease<T>> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        queue.delete(take);
        reject(signal.reason as Error);
      };
      const take = (value: T): void => {
        queue.delete(take);
        signal.removeEventListener('abort', onAbort);
        resolve(lease(value));
      };
      queue.add(take);
      signal.addEventListener('abort', onAbort, { once: true });
    });

  return {
    get waiting() {
      return queue.size;
    },
    async acquire(signal) {
      signal.throwIfAborted();
      const value = free.pop();
      if (value !== undefined) return lease(value);
      if (queue.size < maxWaiting) return wait(signal);
      throw new FrontierError(
        'MODULE_OVERLOADED',
        `all ${values.length} places are taken and ${maxWaiting} wait already`,
        {
          retryAfterMs: RETRY_AFTER_MS,
        },
      );
    },
  };
}
