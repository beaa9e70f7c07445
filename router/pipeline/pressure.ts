import type { Clock } from '../../core/clock.ts';
import type { Priority } from '../domain/priority.ts';
import {
  effectOn,
  nextBrownOut,
  noBrownOut,
  type BrownOutEffect,
  type BrownOutPolicy,
  type BrownOutState,
} from '../resilience/brown-out.ts';
import { nextRouterLimit, type RouterLimitPolicy } from '../resilience/router-limit.ts';
import type { Admission } from './admit.ts';

export interface PressureOptions {
  readonly admission: Admission;
  readonly clock: Clock;
  /** How the router's own limit adapts; undefined for not at all. */
  readonly limit: RouterLimitPolicy | undefined;
  /** What pressure changes about answers; undefined for nothing. */
  readonly brownOut: BrownOutPolicy | undefined;
  /** Share of the modules' places in use, from 0 to 1. */
  readonly modulesUsed: () => number;
  readonly onLimit: (before: number, after: number) => void;
  readonly onBrownOut: (before: BrownOutState, after: BrownOutState, used: number) => void;
}

/** Watches how much of the router's and the modules' places is in use, and draws the consequences. */
export interface Pressure {
  /** Gives what pressure changes about queries of a priority; undefined when nothing. */
  effectOn(priority: Priority): BrownOutEffect | undefined;
  /** Priorities that are affected, counted from the least. */
  readonly level: number;
  close(): void;
}

const TICK_MS = 100;
const TICKS = 5;

/** Starts to watch. */
export function startPressure(options: PressureOptions): Pressure {
  const { admission, clock, brownOut } = options;
  let state = noBrownOut(clock.monotonicMs());
  const watchBrownOut = (): void => {
    if (brownOut === undefined) return;
    const used = Math.max(admission.inFlight / admission.limit, options.modulesUsed());
    const before = state;
    state = nextBrownOut(before, used, clock.monotonicMs(), brownOut);
    if (state.level !== before.level) options.onBrownOut(before, state, used);
  };
  const stop = watchLoop(options, watchBrownOut);
  return {
    effectOn: (priority) => (brownOut === undefined ? undefined : effectOn(state, priority, brownOut)),
    get level() {
      return state.level;
    },
    close: stop,
  };
}

/** Measures how late the event loop is, and sets the router's limit by it. */
function watchLoop({ admission, clock, limit: policy, onLimit }: PressureOptions, onInterval: () => void): () => void {
  let limit = admission.limit;
  let lastMs = clock.monotonicMs();
  let leastDelayMs = Infinity;
  let peak = 0;
  let ticks = 0;
  return clock.every(TICK_MS, () => {
    const nowMs = clock.monotonicMs();
    leastDelayMs = Math.min(leastDelayMs, nowMs - lastMs - TICK_MS);
    lastMs = nowMs;
    peak = Math.max(peak, admission.inFlight);
    ticks += 1;
    if (ticks < TICKS) return;
    if (policy !== undefined) {
      const before = limit;
      limit = nextRouterLimit(limit, { leastDelayMs, peak }, policy);
      admission.setLimit(Math.floor(limit));
      if (before !== limit) onLimit(before, limit);
    }
    [leastDelayMs, peak, ticks] = [Infinity, 0, 0];
    onInterval();
  });
}
