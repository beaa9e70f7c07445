/**
 * How many calls of a module may be in flight, learned from how they go: the gradient of Netflix's concurrency-limits
 * (Gradient2) and of Envoy's adaptive_concurrency filter, with a cut on signs of overload as in AIMD. Decided once a window,
 * from the window's figures alone:
 *
 * | the window | the next limit |
 * | --- | --- |
 * | had refusals (429, RESOURCE_EXHAUSTED) or calls that timed out | 0.8 × what was in flight |
 * | was slower than `tolerance` × the baseline | limit × gradient + √limit, half of the way |
 * | was as fast as ever, and at least half of the limit was used | limit + √limit, half of the way |
 * | had little in flight, which says nothing | the same |
 *
 * gradient = tolerance × baseline / median, from 0.5 to 1.
 */
export interface LimitPolicy {
  /** Least limit, at least 1. */
  readonly min: number;
  readonly max: number;
  /** How many times slower than the baseline calls may get before the limit falls. */
  readonly tolerance: number;
  /** Age at which the baseline is measured again if calls seem slow, in milliseconds. */
  readonly probeEveryMs: number;
}

/** Why the limit was last changed. */
export type LimitReason = 'start' | 'refused' | 'timed_out' | 'slow' | 'fast' | 'bounds';

export interface LimitState {
  /** Not whole, so that it can grow slowly. */
  readonly limit: number;
  readonly reason: LimitReason;
  /** When the baseline was last measured; undefined before the first time. */
  readonly baselineAtMs: number | undefined;
  /** Calls that were in flight at the most when it was measured. */
  readonly baselinePlaces: number;
  /** While the baseline is measured, few calls are let through, at the most until then. */
  readonly probeUntilMs: number | undefined;
}

/** Figures of some calls that ended one after another. */
export interface LimitWindow {
  readonly refused: number;
  readonly timedOut: number;
  /** Median of how many times slower than the baseline calls were; undefined while there is none to compare with. */
  readonly slowdown: number | undefined;
  /** Most calls in flight. */
  readonly peak: number;
  /** Median time to the first token, or of whole answers, in milliseconds; undefined when nothing was answered. */
  readonly medianMs: number | undefined;
}

const CUT = 0.8;
const STEEPEST = 0.5;
const SMOOTHING = 0.5;
/** A probe waits for as many median calls as this for the module to be measured, within these bounds in milliseconds. */
const PROBE_CALLS = 4;
const LEAST_PROBE_MS = 2_000;
const MOST_PROBE_MS = 30_000;

/** Limit of a module of which nothing is known: what it says that it can take. */
export function firstLimit({ max }: LimitPolicy): LimitState {
  return { limit: max, reason: 'start', baselineAtMs: undefined, baselinePlaces: Infinity, probeUntilMs: undefined };
}

/** Gives the limit after a window. */
export function nextLimit(state: LimitState, window: LimitWindow, nowMs: number, policy: LimitPolicy): LimitState {
  const { peak } = window;
  if (window.refused > 0 || window.timedOut > 0) {
    const reason = window.refused > 0 ? 'refused' : 'timed_out';
    return withLimit(state, Math.min(state.limit, Math.max(peak, 1)) * CUT, reason, policy);
  }
  const { slowdown } = window;
  if (slowdown === undefined) {
    if (isProbing(state, nowMs)) return state;
    // So much was in flight even then that nothing could be learned.
    const wanted = state.probeUntilMs === undefined ? state.limit : state.limit * STEEPEST;
    return withProbe(withLimit(state, wanted, 'slow', policy), window, nowMs, policy);
  }
  const gradient = Math.min(1, Math.max(STEEPEST, policy.tolerance / slowdown));
  if (gradient < 1 && peak > probeLimit(state, policy)) {
    // What is far above anything in use would take long to come down to where it counts.
    const from = Math.min(state.limit, 2 * Math.max(peak, 1));
    const slower = withLimit(state, moved(from, gradient), 'slow', policy);
    return isStale(slower, nowMs, policy) && !isProbing(state, nowMs)
      ? withProbe(slower, window, nowMs, policy)
      : slower;
  }
  return gradient < 1 || peak * 2 < state.limit ? state : withLimit(state, moved(state.limit, 1), 'fast', policy);
}

/** Gives the state after the baseline has been measured. */
export function withBaseline(state: LimitState, nowMs: number, policy: LimitPolicy): LimitState {
  return { ...state, baselineAtMs: nowMs, baselinePlaces: probeLimit(state, policy), probeUntilMs: undefined };
}

/** Gives the state under other bounds, e.g. because replicas came or went: the limit keeps its share. */
export function withBounds(state: LimitState, before: LimitPolicy, after: LimitPolicy): LimitState {
  const scaled = (state.limit * after.max) / before.max;
  const limit = Math.min(after.max, Math.max(after.min, scaled));
  return limit === state.limit ? state : { ...state, limit, reason: 'bounds' };
}

/** Gives how many calls may be in flight now: a whole number, at least 1. */
export function placesNow(state: LimitState, nowMs: number, policy: LimitPolicy): number {
  return isProbing(state, nowMs) ? probeLimit(state, policy) : Math.max(1, Math.floor(state.limit));
}

/**
 * Calls in flight with which a module counts as unloaded. It has to be under the capacity that the gradient settles at, about
 * tolerance × (1 + 1/√limit) × what the module can do: otherwise the baseline would creep up with the limit.
 */
export function probeLimit({ limit }: LimitState, { min, tolerance }: LimitPolicy): number {
  return Math.max(1, min, Math.floor(limit / (2 * tolerance)));
}

export function isProbing({ probeUntilMs }: LimitState, nowMs: number): boolean {
  return probeUntilMs !== undefined && nowMs < probeUntilMs;
}

/** A baseline is too old, or was measured under a limit that was much too high, so that the module was loaded even then. */
function isStale(state: LimitState, nowMs: number, policy: LimitPolicy): boolean {
  const { baselineAtMs, baselinePlaces } = state;
  if (baselineAtMs === undefined || nowMs - baselineAtMs >= policy.probeEveryMs) return true;
  return baselinePlaces >= 2 * probeLimit(state, policy);
}

function moved(limit: number, gradient: number): number {
  return limit + (limit * gradient + Math.sqrt(limit) - limit) * SMOOTHING;
}

function withLimit(state: LimitState, wanted: number, reason: LimitReason, { min, max }: LimitPolicy): LimitState {
  const limit = Math.min(max, Math.max(1, min, wanted));
  return limit === state.limit ? state : { ...state, limit, reason };
}

/** A probe that finds nothing is not begun again before the baseline would be due: calls may be longer than it waits. */
function withProbe(state: LimitState, { medianMs = 0 }: LimitWindow, nowMs: number, policy: LimitPolicy): LimitState {
  const forMs = Math.min(MOST_PROBE_MS, Math.max(LEAST_PROBE_MS, PROBE_CALLS * medianMs));
  const baselineAtMs = state.baselineAtMs === undefined ? undefined : nowMs;
  return { ...state, baselineAtMs, baselinePlaces: probeLimit(state, policy), probeUntilMs: nowMs + forMs };
}
