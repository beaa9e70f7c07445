import type { Clock } from '../core/clock.ts';
import { FrontierError } from '../core/errors.ts';
import type { ConcurrencyLimit } from './concurrency-limit.ts';

export interface DrainOptions {
  readonly clock: Clock;
  readonly limit: ConcurrencyLimit;
  readonly completedTotal: () => number;
  /** Called once, when the drain starts. */
  readonly onStart: () => void;
}

export interface DrainResult {
  /** Queries that finished during the drain. */
  readonly finished: number;
  /** Queries that were cut off. */
  readonly abandoned: number;
}

/** The end of a replica's work. */
export interface Drain {
  /** Aborts when the drain starts: from then on nothing new is taken. */
  readonly started: AbortSignal;
  /** Aborts when time is up: what still runs is cut off. */
  readonly abandon: AbortSignal;
  /** Throws DRAINING once the drain has started. */
  requireOpen(): void;
  /** Refuses new queries and waits, at most `timeoutMs`, for those in flight and in the queue; then cuts them off. */
  run(timeoutMs: number): Promise<DrainResult>;
}

/** Gives a drain that has not started. */
export function createDrain({ clock, limit, completedTotal, onStart }: DrainOptions): Drain {
  const started = new AbortController();
  const abandon = new AbortController();
  return {
    started: started.signal,
    abandon: abandon.signal,
    requireOpen: () => {
      if (started.signal.aborted) throw draining();
    },
    run: async (timeoutMs) => {
      if (!started.signal.aborted) {
        started.abort(draining());
        onStart();
      }
      const before = completedTotal();
      const inTime = await within(clock, timeoutMs, limit.idle());
      const abandoned = inTime ? 0 : limit.inFlight + limit.queued;
      const finished = completedTotal() - before;
      if (abandoned > 0) abandon.abort(new FrontierError('DRAINING', 'the replica was stopped before the query ended'));
      return { finished, abandoned };
    },
  };
}

function draining(): FrontierError {
  return new FrontierError('DRAINING', 'the replica takes no new queries: it is about to stop');
}

/** Tells whether `work` ends within `ms`. */
async function within(clock: Clock, ms: number, work: Promise<void>): Promise<boolean> {
  let cancel: (() => void) | undefined;
  const late = new Promise<boolean>((resolve) => {
    cancel = clock.after(ms, () => {
      resolve(false);
    });
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    cancel?.();
  }
}
