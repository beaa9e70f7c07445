import type { Clock } from '../core/clock.ts';
import { FrontierError } from '../core/errors.ts';

/** Time that a workload has, as a signal. */
export interface CallTimeout {
  /** Aborts with MODULE_TIMEOUT when time is up, or as one of the given signals does. */
  readonly signal: AbortSignal;
  /** Ends the wait for the first token; the time for the whole call runs on. */
  readonly firstToken: () => void;
  /** Stops all timers; must be called when the call has ended. */
  close(): void;
}

export interface CallTimeoutOptions {
  readonly clock: Clock;
  /** Time for the whole call, in milliseconds. */
  readonly requestMs: number;
  /** Time until the first token, in milliseconds; no such bound when left out. */
  readonly firstTokenMs?: number;
  /** Signals that end the call too: the caller's, and the one that abandons a drain's last queries. */
  readonly signals: readonly AbortSignal[];
}

/** Starts the time of one call of a workload. */
export function startCallTimeout({ clock, requestMs, firstTokenMs, signals }: CallTimeoutOptions): CallTimeout {
  const controller = new AbortController();
  const ends: (() => void)[] = [];
  for (const signal of signals) {
    const onAbort = (): void => {
      controller.abort(signal.reason);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    ends.push(() => {
      signal.removeEventListener('abort', onAbort);
    });
  }
  const expire = (ms: number, what: string): (() => void) =>
    clock.after(ms, () => {
      controller.abort(new FrontierError('MODULE_TIMEOUT', `the workload gave no ${what} within ${ms / 1000} s`));
    });
  ends.push(expire(requestMs, 'whole answer'));
  const endFirst = firstTokenMs === undefined ? undefined : expire(firstTokenMs, 'first token');
  if (endFirst !== undefined) ends.push(endFirst);
  return {
    signal: controller.signal,
    firstToken: () => endFirst?.(),
    close: () => {
      for (const end of ends) end();
    },
  };
}
