import type { Clock } from '../../core/clock.ts';

export interface Debounce {
  /** Asks for a run; many of them come to one. */
  trigger(): void;
  close(): void;
}

export interface DebounceOptions {
  readonly clock: Clock;
  /** Quiet time before a run, in milliseconds. */
  readonly quietMs: number;
  /** Longest delay under steady triggers, in milliseconds. */
  readonly maxMs: number;
  readonly run: () => void;
}

/** Runs once things have been quiet for `quietMs`, or at the latest `maxMs` after the first trigger (checklist 53). */
export function createDebounce({ clock, quietMs, maxMs, run }: DebounceOptions): Debounce {
  let cancel: (() => void) | undefined;
  let firstAtMs = 0;
  const fire = (): void => {
    cancel = undefined;
    run();
  };
  return {
    trigger: () => {
      const nowMs = clock.monotonicMs();
      if (cancel === undefined) firstAtMs = nowMs;
      cancel?.();
      cancel = clock.after(Math.max(0, Math.min(quietMs, firstAtMs + maxMs - nowMs)), fire);
    },
    close: () => {
      cancel?.();
      cancel = undefined;
    },
  };
}
