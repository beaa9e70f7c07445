import type { Clock } from '../../core/clock.ts';
import type { ModuleSpec, Orchestration, QueryClass } from '../../core/config/schema.ts';
import type { Rng } from '../../core/rng.ts';
import { readyReplicas, type ModuleView } from '../../core/modules/module-view.ts';
import type { ClassHistory, ModuleStatuses } from '../decide/module-status.ts';
import {
  admits,
  afterFailure,
  afterRecovery,
  afterRelease,
  afterStart,
  afterSuccess,
  setByHand,
  type Breaker,
  type BreakerPolicy,
} from './breaker.ts';
import type { CallEnd } from './call-end.ts';
import { limitPolicyOf, limitSampleOf, moduleLimitOf, type OnLimitChange } from './module-limit.ts';
import { createRecord, isBroken, noUsage, type ModuleRecord, type Trouble, type UsageCounts } from './module-record.ts';
import { slowStartPolicyOf } from './slow-start.ts';
import { withFeedback, withOutcome, type Outcome } from './statistics.ts';

export type { CallEnd } from './call-end.ts';

export interface ModuleUsage extends UsageCounts {
  readonly moduleId: string;
  readonly inFlight: number;
}

/** What has been learned of modules, as it is kept over a restart. */
export type LearnedHistory = Readonly<Record<string, Readonly<Record<QueryClass, ClassHistory>>>>;

/** Who wants to know what the board learns. */
export interface BoardObserver {
  /** Told when a breaker has opened, closed or become half open, or is open for another time. */
  readonly onBreaker: (moduleId: string, breaker: Breaker) => void;
  /** Told how a history changes: `update` gives the next one from any that was before. */
  readonly onLearned: (
    moduleId: string,
    queryClass: QueryClass,
    update: (before: ClassHistory | undefined) => ClassHistory,
  ) => void;
}

export interface ModuleBoardOptions {
  /** Told when it has been learned that a module can take more or less than before. */
  readonly onLimitChange?: OnLimitChange;
  readonly clock: Clock;
  readonly fallback: Orchestration['fallback'];
  readonly rng: Rng;
  readonly onBreakerChange: (moduleId: string, from: Breaker['phase'], to: Breaker['phase']) => void;
  /** Told when a module is back after a failure, and begins with a small share. */
  readonly onBack?: (moduleId: string, why: string) => void;
  /** Told how each call of a module ended. */
  readonly onEnd?: (moduleId: string, queryClass: QueryClass, end: CallEnd) => void;
  /** Told of each change of what the loader says of a module; `before` is undefined for a new one. */
  readonly onView?: (view: ModuleView, before: ModuleView | undefined) => void;
}

/** What the router knows of every module: states from the loader, breakers, histories and calls in flight. */
export interface ModuleBoard {
  /** Replaced when modules come, go or have another specification. */
  readonly statuses: ModuleStatuses;
  record(moduleId: string): ModuleRecord | undefined;
  records(): Iterable<ModuleRecord>;
  applyViews(views: ReadonlyMap<string, ModuleView>): void;
  /** Counts a call that begins; false when the module's breaker lets none through. */
  begin(moduleId: string, bulk?: boolean): boolean;
  /** Counts a call that `begin` has let through. */
  end(moduleId: string, queryClass: QueryClass, end: CallEnd, bulk?: boolean, wasSent?: boolean): void;
  /** Counts a call in bulk as sent; `begin` has let it through before, and it may have waited for a place since. */
  noteSent(moduleId: string): void;
  /** Tells whether a module became ready so lately that the mesh may not know yet. */
  isFresh(moduleId: string): boolean;
  /** Notes that the loader has just told a module to be ready. */
  markReady(moduleId: string): void;
  addFeedback(moduleId: string, queryClass: QueryClass, rating: number): void;
  /** Gives and clears the counts since the last call, of modules that were used or are in use. */
  takeUsage(): ModuleUsage[];
  /** Puts these histories in the place of its own; they are kept for modules that the loader has not named yet. */
  adoptHistory(learned: LearnedHistory): void;
  /** Puts a breaker that was kept, or changed at another router, in the place of a module's own, known already or not. */
  adoptBreaker(moduleId: string, breaker: Breaker): void;
  observe(observer: BoardObserver): void;
  /** Opens a breaker until it is closed by hand, or closes it. */
  setBreaker(moduleId: string, to: 'open' | 'closed'): void;
  /** Sets the share that a module is given while it is in some trouble; undefined when it is no longer. */
  setReducedShare(moduleId: string, trouble: Trouble, share: number | undefined): void;
}

/** How long the mesh may lag behind the loader's word, in milliseconds. */
const FRESH_MS = 2_000;

/** Creates a board without modules. */
export function createModuleBoard(options: ModuleBoardOptions): ModuleBoard {
  const { clock, fallback, rng, onBreakerChange } = options;
  const slowStart = slowStartPolicyOf(fallback);
  let records = new Map<string, ModuleRecord>();
  /** Histories of modules that the loader has not named yet. */
  let learned: LearnedHistory = {};
  const adoptedBreakers = new Map<string, Breaker>();
  let observer: BoardObserver | undefined;
  const maxCooldownMs = fallback.retry.max_cooldown * 1000;

  const add = (view: ModuleView): void => {
    const now = (): number => clock.monotonicMs();
    const limit = moduleLimitOf(view.spec, readyReplicas(view).length, now(), options.onLimitChange);
    const record = createRecord(view, breakerPolicyOf(view.spec, fallback), slowStart, now, limit);
    for (const [name, history] of Object.entries(learned[view.moduleId] ?? {})) record.history.set(name, history);
    record.breaker = adoptedBreakers.get(view.moduleId) ?? record.breaker;
    adoptedBreakers.delete(view.moduleId);
    records.set(view.moduleId, record);
  };
  const update = (record: ModuleRecord, view: ModuleView): void => {
    const wasReady = record.readyReplicas > 0;
    record.view = view;
    if (isBroken(view)) record.brokeDown = true;
    else if (view.state === 'UNLOADED') record.brokeDown = false;
    if (!wasReady && record.readyReplicas > 0) {
      setBreaker(record, afterRecovery(record.breaker, clock.monotonicMs()));
      if (record.brokeDown) comesBack(record, 'it is ready again after it had failed');
      record.brokeDown = false;
    }
    record.breakerPolicy = breakerPolicyOf(view.spec, fallback, record.tunedFailureThreshold);
    updateLimit(record);
  };
  const updateLimit = (record: ModuleRecord): void => {
    const { spec, readyReplicas: ready } = record;
    const isOn = spec.concurrency.adaptive.enabled;
    if (isOn && record.limit !== undefined) record.limit.setPolicy(limitPolicyOf(spec, ready));
    else record.limit = moduleLimitOf(spec, ready, clock.monotonicMs(), options.onLimitChange);
  };
  const comesBack = (record: ModuleRecord, why: string): void => {
    if (slowStart.windowMs === 0) return;
    record.backSinceMs = clock.monotonicMs();
    options.onBack?.(record.spec.module_id, why);
  };
  const setBreaker = (record: ModuleRecord, next: Breaker, isByHand = false): void => {
    const before = record.breaker;
    record.breaker = next;
    if (isSameTo(before, next)) return;
    if (before.phase !== 'CLOSED' && next.phase === 'CLOSED' && !isByHand)
      comesBack(record, `its breaker has closed after ${before.openings.count} openings`);
    if (before.phase !== next.phase) onBreakerChange(record.spec.module_id, before.phase, next.phase);
    observer?.onBreaker(record.spec.module_id, next);
  };
  const learn = (
    record: ModuleRecord,
    queryClass: QueryClass,
    update: (before: ClassHistory | undefined) => ClassHistory,
  ): void => {
    record.history.set(queryClass, update(record.history.get(queryClass)));
    observer?.onLearned(record.spec.module_id, queryClass, update);
  };

  /** A module that says when to come again is left alone until then; a replica that is full speaks for itself alone. */
  const coolDown = (record: ModuleRecord, end: CallEnd, nowMs: number): void => {
    if (end.kind !== 'failed' || end.error.reason !== 'MODULE_OVERLOADED') return;
    const { retryAfterMs = 0, metadata } = end.error;
    if (retryAfterMs === 0 || metadata['scope'] === 'replica') return;
    record.coolUntilMs = Math.max(record.coolUntilMs, nowMs + Math.min(retryAfterMs, maxCooldownMs));
  };

  return {
    get statuses() {
      return records;
    },
    record: (moduleId) => records.get(moduleId),
    records: () => records.values(),
    applyViews(views) {
      records = new Map([...records].filter(([moduleId]) => views.has(moduleId)));
      for (const view of views.values()) {
        const record = records.get(view.moduleId);
        const before = record?.view;
        if (record === undefined) add(view);
        else update(record, view);
        if (before !== view) options.onView?.(view, before);
      }
    },
    begin(moduleId, bulk = false) {
      const record = records.get(moduleId);
      if (record === undefined || !admits(record.breaker, clock.monotonicMs(), record.breakerPolicy)) return false;
      setBreaker(record, afterStart(record.breaker));
      record[bulk ? 'bulkInFlight' : 'inFlight'] += 1;
      if (!bulk) record.limit?.noteStart(occupied(record), clock.monotonicMs());
      record.usage.requests += 1;
      return true;
    },
    noteSent(moduleId) {
      const record = records.get(moduleId);
      if (record === undefined) return;
      record.bulkSent += 1;
      record.limit?.noteStart(occupied(record), clock.monotonicMs());
    },
    end(moduleId, queryClass, end, bulk = false, wasSent = bulk) {
      const record = records.get(moduleId);
      if (record === undefined) return;
      const nowMs = clock.monotonicMs();
      record.limit?.noteEnd(occupied(record), limitSampleOf(end), nowMs);
      const counter = bulk ? 'bulkInFlight' : 'inFlight';
      record[counter] = Math.max(0, record[counter] - 1);
      if (bulk && wasSent) record.bulkSent = Math.max(0, record.bulkSent - 1);
      setBreaker(record, breakerAfter(record, end, nowMs, rng));
      coolDown(record, end, nowMs);
      options.onEnd?.(moduleId, queryClass, end);
      const outcome = countEnd(record, end);
      if (outcome !== undefined) learn(record, queryClass, (before) => withOutcome(before, outcome));
    },
    isFresh(moduleId) {
      const since = records.get(moduleId)?.readySinceMs;
      return since !== undefined && clock.monotonicMs() - since < FRESH_MS;
    },
    markReady(moduleId) {
      const record = records.get(moduleId);
      if (record !== undefined) record.readySinceMs = clock.monotonicMs();
    },
    addFeedback(moduleId, queryClass, rating) {
      const record = records.get(moduleId);
      if (record !== undefined) learn(record, queryClass, (before) => withFeedback(before, rating));
    },
    setBreaker(moduleId, to) {
      const record = records.get(moduleId);
      if (record === undefined) return;
      record.outcomes.clear();
      setBreaker(record, setByHand(record.breaker, to), true);
    },
    takeUsage: () => [...records.values()].flatMap(takeUsageOf),
    adoptHistory(history) {
      learned = history;
      for (const record of records.values())
        for (const [name, adopted] of Object.entries(history[record.spec.module_id] ?? {}))
          record.history.set(name, adopted);
    },
    adoptBreaker(moduleId, breaker) {
      const record = records.get(moduleId);
      if (record === undefined) {
        adoptedBreakers.set(moduleId, breaker);
        return;
      }
      // Closed already: its count of failures stays.
      if (record.breaker.phase === 'CLOSED' && breaker.phase === 'CLOSED') return;
      if (breaker.phase === 'OPEN') record.outcomes.clear();
      setBreaker(record, breaker);
    },
    observe(next) {
      observer = next;
    },
    setReducedShare(moduleId, trouble, share) {
      const shares = records.get(moduleId)?.reducedShares;
      if (share === undefined) shares?.delete(trouble);
      else shares?.set(trouble, share);
    },
  };
}

/** Calls that the module has to do with now. */
function occupied({ inFlight, bulkSent }: ModuleRecord): number {
  return inFlight + bulkSent;
}

function breakerAfter(record: ModuleRecord, end: CallEnd, nowMs: number, rng: Rng): Breaker {
  const { breaker, outcomes, breakerPolicy } = record;
  if (end.kind === 'released' || (end.kind === 'failed' && !end.modulesFault)) return afterRelease(breaker);
  outcomes.add(end.kind === 'failed', nowMs);
  if (end.kind === 'answered') return afterSuccess(breaker);
  const next = afterFailure(breaker, { nowMs, recent: outcomes.recent(nowMs), random: rng.next() }, breakerPolicy);
  // What opened it must not open it again as soon as a probe has closed it.
  if (next.phase === 'OPEN') outcomes.clear();
  return next;
}

/** Counts the end of a call and gives what is learned from it, if anything. */
function countEnd(record: ModuleRecord, end: CallEnd): Outcome | undefined {
  if (end.kind === 'released') return undefined;
  const accepted = end.kind === 'answered' && end.accepted;
  if (end.kind === 'answered') {
    record.latencies.add(end.latencyMs);
    if (end.firstTokenMs !== undefined) record.firstTokens.add(end.firstTokenMs);
  }
  record.usage.totalLatencyMs += end.latencyMs;
  if (!accepted) record.usage.failures += 1;
  return { accepted, confidence: end.kind === 'answered' ? end.confidence : undefined, latencyMs: end.latencyMs };
}

/** Tells whether two states of a breaker are the same to everybody but the calls that it counts. */
function isSameTo(before: Breaker, next: Breaker): boolean {
  return before.phase === 'OPEN' && next.phase === 'OPEN'
    ? before.untilMs === next.untilMs
    : before.phase === next.phase;
}

function takeUsageOf(record: ModuleRecord): ModuleUsage[] {
  const inFlight = record.inFlight + record.bulkInFlight;
  if (record.usage.requests === 0 && inFlight === 0) return [];
  const counts = record.usage;
  record.usage = noUsage();
  return [{ moduleId: record.spec.module_id, inFlight, ...counts }];
}

/** A module's breaker as configured, its own values before the common ones; `tuned` failures in a row in their place. */
export function breakerPolicyOf(
  spec: ModuleSpec,
  { circuit_breaker: common }: Orchestration['fallback'],
  tuned?: number,
): BreakerPolicy {
  return {
    failureThreshold: spec.circuit_breaker.enabled
      ? (tuned ?? spec.circuit_breaker.failure_threshold ?? common.failure_threshold)
      : undefined,
    failureRate: common.failure_rate,
    minimumVolume: common.minimum_volume,
    windowMs: common.window * 1000,
    openDurationMs: common.open_duration * 1000,
    maxOpenMs: Math.max(common.open_duration, common.max_open_duration) * 1000,
    halfOpenProbes: common.half_open_probes,
  };
}
