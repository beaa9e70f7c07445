import type { Clock } from '../core/clock.ts';
import { FrontierError } from '../core/errors.ts';
import { startQuietTimer, type QuietTimer } from '../core/quiet-timer.ts';
import type { Pace, StageLimits } from './stage-limits.ts';

/** Time that a workload has, as a signal. */
export interface CallTimeout {
  /** Aborts with MODULE_TIMEOUT when time is up, or as one of the given signals does. */
  readonly signal: AbortSignal;
  /** Notes that a piece of the answer has come; a text of any length is at least one token. */
  readonly progress: (text: string) => void;
  /** Stops all timers; must be called when the call has ended. */
  close(): void;
}

export interface CallTimeoutOptions {
  readonly clock: Clock;
  readonly limits: StageLimits;
  /** Signals that end the call too: the caller's, and the one that abandons a drain's last queries. */
  readonly signals: readonly AbortSignal[];
}

/** Characters of a token, on average over English text: servers put several tokens into one piece. */
const CHARACTERS_PER_TOKEN = 4;
/** Looks at the pace in each window, so that a window slides by a quarter of its length. */
const LOOKS_PER_WINDOW = 4;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Starts the time of one call of a workload. */
export function startCallTimeout({ clock, limits, signals }: CallTimeoutOptions): CallTimeout {
  const { requestMs, firstTokenMs, betweenTokensMs, pace } = limits;
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
  const fail = (text: string): void => {
    controller.abort(new FrontierError('MODULE_TIMEOUT', `the workload gave ${text}`));
  };
  const expire = (ms: number, what: string): (() => void) =>
    clock.after(Math.min(ms, MAX_TIMER_MS), () => {
      fail(`no ${what} within ${ms / 1000} s`);
    });
  ends.push(expire(requestMs, 'whole answer'));
  const silence = (ms: number, what: string): QuietTimer => {
    const timer = startQuietTimer(clock, ms, () => {
      fail(`no ${what} within ${ms / 1000} s`);
    });
    ends.push(() => {
      timer.close();
    });
    return timer;
  };
  const first = firstTokenMs === undefined ? undefined : silence(firstTokenMs, 'first token');

  let hasBegun = false;
  let gaps: QuietTimer | undefined;
  let countPace: ((text: string) => void) | undefined;
  const onFirst = (): void => {
    first?.close();
    if (betweenTokensMs !== undefined) gaps = silence(betweenTokensMs, 'further token');
    if (pace === undefined) return;
    const watch = watchPace(clock, pace, fail);
    ends.push(watch.close);
    countPace = watch.count;
  };
  return {
    signal: controller.signal,
    progress: (text) => {
      gaps?.heard();
      if (!hasBegun) onFirst();
      hasBegun = true;
      countPace?.(text);
    },
    close: () => {
      for (const end of ends) end();
    },
  };
}

/** Counts tokens in quarters of the window and fails when the last four together hold too few. */
function watchPace(
  clock: Clock,
  { tokensPerSecond, windowMs }: Pace,
  fail: (text: string) => void,
): { readonly count: (text: string) => void; readonly close: () => void } {
  const least = (tokensPerSecond * windowMs) / 1000;
  const quarters: number[] = [];
  let current = 0;
  const cancel = clock.every(windowMs / LOOKS_PER_WINDOW, () => {
    quarters.push(current);
    current = 0;
    if (quarters.length > LOOKS_PER_WINDOW) quarters.shift();
    const sum = quarters.reduce((total, each) => total + each, 0);
    if (quarters.length === LOOKS_PER_WINDOW && sum < least)
      fail(`fewer than ${tokensPerSecond} tokens a second over ${windowMs / 1000} s`);
  });
  return {
    count: (text) => {
      current += Math.max(1, Math.round(text.length / CHARACTERS_PER_TOKEN));
    },
    close: cancel,
  };
}
