/** Time as a dependency: services take a Clock, tests hand in a manual one. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. */
  nowMs(): number;
  /** Monotonic time in milliseconds, for durations. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `callback` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, callback: () => void): () => void;
  /** Calls `callback` every `ms`; the returned function ends it. Does not keep the process alive. */
  every(ms: number, callback: () => void): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms).unref();
    return () => {
      clearTimeout(timer);
    };
  },
  every: (ms, callback) => {
    const timer = setInterval(callback, ms).unref();
    return () => {
      clearInterval(timer);
    };
  },
};

interface Waiter {
  atMs: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/** A clock that stands still until `advance` is called; for tests. */
export interface ManualClock extends Clock {
  /** Moves time on by `ms`, running what falls due in order, and lets promises settle between. */
  advance(ms: number): Promise<void>;
}

/** Gives a clock that starts at `startMs` and moves only by `advance`. */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let now = startMs;
  const waiters = new Set<Waiter>();
  const add = (waiter: Waiter): (() => void) => {
    waiters.add(waiter);
    return () => {
      waiters.delete(waiter);
    };
  };
  const nextDue = (limit: number): Waiter | undefined =>
    [...waiters].filter((waiter) => waiter.atMs <= limit).sort((a, b) => a.atMs - b.atMs)[0];
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    nowMs: () => now,
    monotonicMs: () => now - startMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason as Error);
          return;
        }
        const cancel = add({ atMs: now + ms, everyMs: undefined, run: resolve });
        signal?.addEventListener(
          'abort',
          () => {
            cancel();
            reject(signal.reason as Error);
          },
          { once: true },
        );
      }),
    after: (ms, run) => add({ atMs: now + ms, everyMs: undefined, run }),
    every: (ms, run) => add({ atMs: now + ms, everyMs: ms, run }),
    async advance(ms) {
      const limit = now + ms;
      await settle();
      for (let due = nextDue(limit); due !== undefined; due = nextDue(limit)) {
        now = Math.max(now, due.atMs);
        if (due.everyMs === undefined) waiters.delete(due);
        else due.atMs += due.everyMs;
        due.run();
        await settle();
      }
      now = limit;
    },
  };
}
