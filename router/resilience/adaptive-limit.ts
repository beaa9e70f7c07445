import {
  firstLimit,
  isProbing,
  nextLimit,
  placesNow,
  probeLimit,
  withBaseline,
  withBounds,
  type LimitPolicy,
  type LimitState,
} from './limit-decision.ts';

/** How a call ended, as far as a limit goes. */
export type LimitSample =
  | {
      readonly kind: 'answered';
      /** From the call's start to the whole answer, in milliseconds. */
      readonly latencyMs: number;
      /** To the first token; undefined when none was streamed. */
      readonly firstTokenMs?: number | undefined;
      /** Tokens of the answer; 0 when they are not known. */
      readonly tokens: number;
    }
  | { readonly kind: 'refused' | 'timed_out' };

export interface AdaptiveLimitPolicy extends LimitPolicy {
  /** Calls that are faster than this never count as slow, in milliseconds: a few milliseconds more say nothing. */
  readonly floorMs: number;
}

/** A limit that learns; it is told of every call, so it is not copied. */
export interface AdaptiveLimit {
  /** Calls that may be in flight now, at least 1. */
  places(nowMs: number): number;
  readonly state: LimitState;
  readonly policy: AdaptiveLimitPolicy;
  /** Takes other bounds, e.g. because replicas came or went. */
  setPolicy(policy: AdaptiveLimitPolicy): void;
  /** Notes that a call has begun; `inFlight` counts it. */
  noteStart(inFlight: number, nowMs: number): void;
  /** Notes that a call has ended; `inFlight` still counts it. */
  noteEnd(inFlight: number, sample: LimitSample | undefined, nowMs: number): void;
}

/**
 * What calls are compared by. Answers of language models differ in length by a factor of a thousand, and their whole time with them,
 * so it is the time to the first token that counts, or where none is seen, the time per token; whole time only for modules
 * that count no tokens.
 */
type Measure = 'first_token' | 'per_token' | 'whole';
const MEASURES: readonly Measure[] = ['first_token', 'per_token', 'whole'];

/** Answers of fewer tokens count as this long: theirs is the time before the first token, which would look like slow tokens. */
const LEAST_TOKENS = 16;
/** A window ends when it is this old and has this many answers, or fewer when it is older. */
const WINDOW_MS = 1_000;
const WINDOW_ANSWERS = 10;
const LONG_WINDOW_MS = 10_000;
const LONG_WINDOW_ANSWERS = 3;
/** Values kept of a window, and of calls of an unloaded module. */
const MOST_VALUES = 128;
const BASELINE_VALUES = 8;
const PASSING_WEIGHT = 0.2;
/** Slowdown under which the module has become faster than it was when it was measured. */
const FASTER = 0.8;

/** Creates a limit that begins at the policy's maximum. */
export function createAdaptiveLimit(
  first: AdaptiveLimitPolicy,
  nowMs: number,
  onChange: (before: LimitState, after: LimitState) => void = () => undefined,
): AdaptiveLimit {
  let policy = first;
  let state = firstLimit(first);
  const baselines = new Map<Measure, number>();
  const unloaded = new Map<Measure, number[]>(MEASURES.map((measure) => [measure, []]));
  /** Last time that more was in flight than an unloaded module has. */
  let loadedAtMs = -Infinity;
  let window = emptyWindow(nowMs);

  const change = (next: LimitState): void => {
    const before = state;
    state = next;
    if (next.limit === before.limit) return;
    // What an unloaded module is depends on the limit.
    for (const values of unloaded.values()) if (next.limit < before.limit) values.length = 0;
    onChange(before, next);
  };
  const noteLoad = (inFlight: number, atMs: number): void => {
    window.peak = Math.max(window.peak, inFlight);
    if (inFlight > probeLimit(state, policy)) loadedAtMs = atMs;
  };
  const measureBaseline = (measure: Measure, value: number, atMs: number): void => {
    const values = unloaded.get(measure) ?? [];
    values.push(value);
    if (values.length < BASELINE_VALUES) return;
    const found = median(values) ?? value;
    const known = baselines.get(measure);
    // A probe is believed; what is measured in passing moves the baseline slowly, for eight calls may well be eight odd ones.
    const weight = known === undefined || isProbing(state, atMs) ? 1 : PASSING_WEIGHT;
    baselines.set(measure, (known ?? 0) * (1 - weight) + found * weight);
    values.length = 0;
    state = withBaseline(state, atMs, policy);
  };
  const noteAnswer = (sample: Extract<LimitSample, { kind: 'answered' }>, atMs: number): void => {
    const { measure, value, waitMs } = measured(sample);
    window.answers += 1;
    if (window.waits.length < MOST_VALUES) window.waits.push(waitMs);
    // Only a call that met an unloaded module all its time tells how fast the module can be.
    if (atMs - sample.latencyMs > loadedAtMs) measureBaseline(measure, value, atMs);
    const baseline = baselines.get(measure);
    if (baseline === undefined || window.ratios.length >= MOST_VALUES) return;
    const ratio = value / baseline;
    window.ratios.push(waitMs < policy.floorMs ? Math.min(ratio, 1) : ratio);
  };
  const closeWindow = (atMs: number): void => {
    const { refused, timedOut, peak, ratios, waits } = window;
    const slowdown = median(ratios);
    if (slowdown !== undefined && slowdown < FASTER && ratios.length >= WINDOW_ANSWERS)
      for (const [measure, baseline] of baselines) baselines.set(measure, baseline * slowdown);
    change(nextLimit(state, { refused, timedOut, peak, slowdown, medianMs: median(waits) }, atMs, policy));
    window = emptyWindow(atMs);
  };

  return {
    places: (atMs) => placesNow(state, atMs, policy),
    get state() {
      return state;
    },
    get policy() {
      return policy;
    },
    setPolicy(next) {
      const before = policy;
      policy = next;
      change(withBounds(state, before, next));
    },
    noteStart: noteLoad,
    noteEnd(inFlight, sample, atMs) {
      noteLoad(inFlight, atMs);
      if (sample === undefined) return;
      if (sample.kind === 'answered') noteAnswer(sample, atMs);
      else window[sample.kind === 'refused' ? 'refused' : 'timedOut'] += 1;
      if (isOver(window, atMs)) closeWindow(atMs);
    },
  };
}

interface OpenWindow {
  readonly sinceMs: number;
  answers: number;
  refused: number;
  timedOut: number;
  peak: number;
  readonly ratios: number[];
  readonly waits: number[];
}

function emptyWindow(sinceMs: number): OpenWindow {
  return { sinceMs, answers: 0, refused: 0, timedOut: 0, peak: 0, ratios: [], waits: [] };
}

/** A sign of overload ends a window at once, though not more often than a quiet one would end. */
function isOver({ sinceMs, answers, refused, timedOut }: OpenWindow, nowMs: number): boolean {
  const ageMs = nowMs - sinceMs;
  if (ageMs < WINDOW_MS) return false;
  return (
    refused + timedOut > 0 || answers >= WINDOW_ANSWERS || (ageMs >= LONG_WINDOW_MS && answers >= LONG_WINDOW_ANSWERS)
  );
}

function measured({ latencyMs, firstTokenMs, tokens }: Extract<LimitSample, { kind: 'answered' }>): {
  readonly measure: Measure;
  readonly value: number;
  readonly waitMs: number;
} {
  if (firstTokenMs !== undefined) return { measure: 'first_token', value: firstTokenMs, waitMs: firstTokenMs };
  if (tokens === 0) return { measure: 'whole', value: latencyMs, waitMs: latencyMs };
  return { measure: 'per_token', value: latencyMs / Math.max(tokens, LEAST_TOKENS), waitMs: latencyMs };
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
