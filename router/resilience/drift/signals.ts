import type { CallEnd } from '../module-board.ts';
import { createBatch, type Batch } from './batch.ts';
import { afterSilence, afterValue, isKnown, UNKNOWN, type ChangePoint, type ChangePolicy } from './change-point.ts';

/** What is watched of the calls of a module, each by class. */
export const SIGNALS = ['latency', 'first_token', 'errors', 'confidence'] as const;
export type SignalName = (typeof SIGNALS)[number];

interface SignalKind {
  readonly policy: ChangePolicy;
  readonly by: 'median' | 'mean';
  /** Value of one call, higher being worse; undefined when it says nothing. */
  readonly valueOf: (end: CallEnd) => number | undefined;
  /** A level, for people. */
  readonly show: (level: number) => string;
}

/** Half a minute of steady traffic. */
const WARMUP = 30;
const inSeconds = (level: number): string => `${(Math.exp(level) / 1000).toPrecision(2)} s`;
const inPercent = (level: number): string => `${Math.round(level * 100)} %`;

/** Latencies are compared by their logarithms: they are spread by factors. */
const KINDS: Readonly<Record<SignalName, SignalKind>> = {
  latency: {
    policy: { warmup: WARMUP, leastSpread: 0.15, leastChange: Math.log(1.5) },
    by: 'median',
    valueOf: (end) => (end.kind === 'answered' ? logOf(end.latencyMs) : undefined),
    show: inSeconds,
  },
  first_token: {
    policy: { warmup: WARMUP, leastSpread: 0.15, leastChange: Math.log(1.5) },
    by: 'median',
    valueOf: (end) => (end.kind === 'answered' && end.firstTokenMs !== undefined ? logOf(end.firstTokenMs) : undefined),
    show: inSeconds,
  },
  errors: {
    policy: { warmup: WARMUP, leastSpread: 0.1, leastChange: 0.15 },
    by: 'mean',
    valueOf: (end) => (end.kind === 'answered' ? 0 : end.kind === 'failed' && end.modulesFault ? 1 : undefined),
    show: inPercent,
  },
  confidence: {
    policy: { warmup: WARMUP, leastSpread: 0.05, leastChange: 0.15 },
    by: 'mean',
    valueOf: (end) => (end.kind === 'answered' ? 1 - end.confidence : undefined),
    show: (level) => (1 - level).toFixed(2),
  },
};

/** Times below tell nothing: they are those of the machine, not of the module, in milliseconds. */
const LEAST_MS = 20;

function logOf(ms: number): number {
  return Math.log(Math.max(ms, LEAST_MS));
}

/** One thing that is watched. */
export interface Signal {
  /** Takes the end of a call. */
  observe(end: CallEnd): void;
  /** To be called once a second; gives what has changed: it drifts now, does no longer, or neither. */
  tick(nowMs: number): 'began' | 'ended' | undefined;
  readonly drifting: boolean;
  /** Whether enough is known to tell a change. */
  readonly known: boolean;
  /** Text for people, e.g. "latency of GENERAL went from 0.12 s to 0.4 s". */
  text(): string;
}

/** Silence after which a drifting module is given another chance, in milliseconds. */
const SILENCE_MS = 30_000;
/** Time after which a new level is how things are, in milliseconds. */
const NEW_NORMAL_MS = 180_000;

/** Creates a signal that knows nothing. */
export function createSignal(name: SignalName, queryClass: string): Signal {
  const kind = KINDS[name];
  const batch: Batch = createBatch(kind.by);
  let point: ChangePoint = UNKNOWN;
  let lastMs = 0;
  let beganMs = 0;
  const next = (nowMs: number): ChangePoint => {
    const value = batch.take();
    if (value !== undefined) {
      lastMs = nowMs;
      return afterValue(point, value, kind.policy);
    }
    return point.drifting && nowMs - lastMs > SILENCE_MS ? afterSilence(point) : point;
  };
  return {
    observe(end) {
      const value = kind.valueOf(end);
      if (value !== undefined) batch.add(value);
    },
    tick(nowMs) {
      const was = point.drifting;
      point = next(nowMs);
      if (was && point.drifting && nowMs - beganMs > NEW_NORMAL_MS) point = UNKNOWN;
      if (!was && point.drifting) beganMs = nowMs;
      return was === point.drifting ? undefined : point.drifting ? 'began' : 'ended';
    },
    get drifting() {
      return point.drifting;
    },
    get known() {
      return isKnown(point, kind.policy);
    },
    text: () =>
      `${name.replace('_', ' ')} of ${queryClass} went from ${kind.show(point.baseline.mean)} to ${kind.show(point.level)}`,
  };
}
