import type { ModuleSpec, QueryClass } from '../../core/config/schema.ts';
import { readyReplicas, type ModuleView } from '../../core/modules/module-view.ts';
import type { ClassHistory, ModuleStatus, Share } from '../decide/module-status.ts';
import { admits, CLOSED, retryAfterMs, type Breaker, type BreakerPolicy } from './breaker.ts';
import { createRecentValues, type RecentValues } from './quantiles.ts';
import type { AdaptiveLimit } from './adaptive-limit.ts';
import { createAccrualDetector, type AccrualDetector } from '../../core/health/accrual-detector.ts';
import { BEATS } from './signs-of-life.ts';
import { slowStartShare, type SlowStartPolicy } from './slow-start.ts';
import { createRateWindow, type RateWindow } from './rate-window.ts';

/** Why a module is given a part of its queries alone although it has not failed. */
export type Trouble = Exclude<Share['reason'], 'slow_start'>;

/** Counts since the last usage report. */
export interface UsageCounts {
  requests: number;
  failures: number;
  totalLatencyMs: number;
}

/** All that the router keeps of one module; planning reads it as a ModuleStatus, always as it is now. */
export interface ModuleRecord extends ModuleStatus {
  view: ModuleView;
  breaker: Breaker;
  breakerPolicy: BreakerPolicy;
  /** Outcomes of the last while, for the breaker. */
  outcomes: RateWindow;
  /** Until when the module has asked to be left alone, on the monotonic clock. */
  coolUntilMs: number;
  inFlight: number;
  bulkInFlight: number;
  bulkSent: number;
  /** What has been learned of how much the module can take; undefined where that is off. */
  limit: AdaptiveLimit | undefined;
  history: Map<QueryClass, ClassHistory>;
  /** Confidence thresholds that were learned. */
  readonly thresholds: Map<QueryClass, number>;
  /** Failures in a row that open its breaker, as was learned; as configured when undefined. */
  tunedFailureThreshold: number | undefined;
  /** How long its first token is waited for while another module could answer, as was learned, in milliseconds. */
  tunedFirstTokenMs: number | undefined;
  usage: UsageCounts;
  /** How regularly the module's sidecars give signs of life. */
  readonly signsOfLife: AccrualDetector;
  /** Latencies of whole answers, and times to first tokens, in milliseconds. */
  readonly latencies: RecentValues;
  readonly firstTokens: RecentValues;
  /** When the module was last seen to become ready, on the monotonic clock; undefined when never. */
  readySinceMs: number | undefined;
  /** When the module came back after its last failure, on the monotonic clock; undefined when it never failed. */
  backSinceMs: number | undefined;
  /** Whether the loader has seen the module fail since it was last ready. */
  brokeDown: boolean;
  /** Shares that it is given while it is in trouble, from 0 to 1, by the trouble. */
  readonly reducedShares: Map<Trouble, number>;
}

/** Gives the record of a module that has just been seen for the first time. */
export function createRecord(
  view: ModuleView,
  breakerPolicy: BreakerPolicy,
  slowStart: SlowStartPolicy,
  nowMs: () => number,
  limit?: AdaptiveLimit,
): ModuleRecord {
  let ready = readyReplicas(view).length;
  let current = view;
  return {
    breaker: CLOSED,
    breakerPolicy,
    outcomes: createRateWindow(breakerPolicy.windowMs),
    coolUntilMs: 0,
    inFlight: 0,
    bulkInFlight: 0,
    bulkSent: 0,
    limit,
    history: new Map(),
    thresholds: new Map(),
    tunedFailureThreshold: undefined,
    tunedFirstTokenMs: undefined,
    usage: noUsage(),
    signsOfLife: createAccrualDetector(BEATS),
    latencies: createRecentValues(),
    firstTokens: createRecentValues(),
    readySinceMs: ready > 0 ? nowMs() : undefined,
    backSinceMs: undefined,
    brokeDown: isBroken(view),
    reducedShares: new Map(),
    get view(): ModuleView {
      return current;
    },
    set view(next: ModuleView) {
      const before = ready;
      current = next;
      ready = readyReplicas(next).length;
      if (before === 0 && ready > 0) this.readySinceMs = nowMs();
    },
    get spec(): ModuleSpec {
      return current.spec;
    },
    get state(): ModuleStatus['state'] {
      return current.state;
    },
    get reason(): string {
      return current.reason;
    },
    get readyReplicas(): number {
      return ready;
    },
    get expectedActivationMs(): number | undefined {
      return current.expectedActivationMs;
    },
    get recovering(): boolean {
      return this.brokeDown && ready === 0;
    },
    get share(): Share | undefined {
      const rising = this.backSinceMs === undefined ? undefined : slowStartShare(nowMs() - this.backSinceMs, slowStart);
      if (rising === undefined) this.backSinceMs = undefined;
      let least: Share | undefined = rising === undefined ? undefined : { fraction: rising, reason: 'slow_start' };
      for (const [reason, fraction] of this.reducedShares)
        if (fraction < (least?.fraction ?? 1)) least = { fraction, reason };
      return least;
    },
    get inFlightLimit(): number | undefined {
      return this.limit?.places(nowMs());
    },
    get cooldownMs(): number {
      return Math.max(0, this.coolUntilMs - nowMs());
    },
    get breakerRetryMs(): number | undefined {
      return retryAfterMs(this.breaker, nowMs());
    },
    get breakerAdmits(): boolean {
      return admits(this.breaker, nowMs(), this.breakerPolicy);
    },
  };
}

/** Tells whether the loader says that a module has failed. */
export function isBroken({ state }: ModuleView): boolean {
  return state === 'FAILED' || state === 'QUARANTINED';
}

/** Counts of a span in which nothing has happened yet. */
export function noUsage(): UsageCounts {
  return { requests: 0, failures: 0, totalLatencyMs: 0 };
}
