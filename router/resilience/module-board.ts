import type { Clock } from '../../core/clock.ts';
import type { ModuleSpec, Orchestration, QueryClass } from '../../core/config/schema.ts';
import type { FrontierError } from '../../core/errors.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import type { ClassHistory, ModuleStatuses } from '../decide/module-status.ts';
import {
  admits,
  afterFailure,
  afterRelease,
  afterStart,
  afterSuccess,
  type Breaker,
  type BreakerPolicy,
} from './breaker.ts';
import { createRecord, noUsage, type ModuleRecord, type UsageCounts } from './module-record.ts';
import { withFeedback, withOutcome } from './statistics.ts';

/** How a call of a module ended. */
export type CallEnd =
  | { readonly kind: 'answered'; readonly accepted: boolean; readonly confidence: number; readonly latencyMs: number }
  | {
      readonly kind: 'failed';
      readonly modulesFault: boolean;
      readonly latencyMs: number;
      readonly error: FrontierError;
    }
  /** Ended before it told anything of the module, e.g. because the caller cancelled. */
  | { readonly kind: 'released' };

export interface ModuleUsage extends UsageCounts {
  readonly moduleId: string;
  readonly inFlight: number;
}

/** What has been learned of modules, as it is kept over a restart. */
export type LearnedHistory = Readonly<Record<string, Readonly<Partial<Record<QueryClass, ClassHistory>>>>>;

export interface ModuleBoardOptions {
  readonly clock: Clock;
  readonly fallback: Orchestration['fallback'];
  readonly onBreakerChange: (moduleId: string, from: Breaker['phase'], to: Breaker['phase']) => void;
}

/** What the router knows of every module: states from the loader, breakers, histories and calls in flight. */
export interface ModuleBoard {
  readonly statuses: ModuleStatuses;
  /** Rises whenever a plan may come out otherwise, statistics and load aside. */
  readonly version: number;
  record(moduleId: string): ModuleRecord | undefined;
  records(): Iterable<ModuleRecord>;
  applyViews(views: ReadonlyMap<string, ModuleView>): void;
  /** Counts a call that begins; false when the module's breaker lets none through. */
  begin(moduleId: string, bulk?: boolean): boolean;
  /** Counts a call that `begin` has let through. */
  end(moduleId: string, queryClass: QueryClass, end: CallEnd, bulk?: boolean): void;
  /** Tells whether a module became ready so lately that the mesh may not know yet. */
  isFresh(moduleId: string): boolean;
  /** Notes that the loader has just told a module to be ready. */
  markReady(moduleId: string): void;
  addFeedback(moduleId: string, queryClass: QueryClass, rating: number): void;
  /** Gives and clears the counts since the last call, of modules that were used or are in use. */
  takeUsage(): ModuleUsage[];
  exportHistory(): LearnedHistory;
  importHistory(learned: LearnedHistory): void;
}

/** How long the mesh may lag behind the loader's word, in milliseconds. */
const FRESH_MS = 2_000;

/** Creates a board without modules. */
export function createModuleBoard({ clock, fallback, onBreakerChange }: ModuleBoardOptions): ModuleBoard {
  const records = new Map<string, ModuleRecord>();
  /** Histories of modules that the loader has not named yet. */
  let learned: LearnedHistory = {};
  let version = 0;

  const add = (view: ModuleView): void => {
    const record = createRecord(view, breakerPolicyOf(view.spec, fallback), () => clock.monotonicMs());
    for (const [name, history] of Object.entries(learned[view.moduleId] ?? {}))
      record.history.set(name as QueryClass, history);
    records.set(view.moduleId, record);
  };
  const update = (record: ModuleRecord, view: ModuleView): void => {
    record.view = view;
    record.breakerPolicy = breakerPolicyOf(view.spec, fallback);
  };
  const setBreaker = (record: ModuleRecord, next: Breaker): void => {
    const from = record.breaker.phase;
    record.breaker = next;
    if (from === next.phase) return;
    version += 1;
    onBreakerChange(record.spec.module_id, from, next.phase);
  };

  return {
    statuses: records,
    get version() {
      return version;
    },
    record: (moduleId) => records.get(moduleId),
    records: () => records.values(),
    applyViews(views) {
      version += 1;
      for (const moduleId of records.keys()) if (!views.has(moduleId)) records.delete(moduleId);
      for (const view of views.values()) {
        const record = records.get(view.moduleId);
        if (record === undefined) add(view);
        else update(record, view);
      }
    },
    begin(moduleId, bulk = false) {
      const record = records.get(moduleId);
      if (record === undefined || !admits(record.breaker, clock.monotonicMs(), record.breakerPolicy)) return false;
      setBreaker(record, afterStart(record.breaker));
      record[bulk ? 'bulkInFlight' : 'inFlight'] += 1;
      record.usage.requests += 1;
      return true;
    },
    end(moduleId, queryClass, end, bulk = false) {
      const record = records.get(moduleId);
      if (record === undefined) return;
      const counter = bulk ? 'bulkInFlight' : 'inFlight';
      record[counter] = Math.max(0, record[counter] - 1);
      setBreaker(record, breakerAfter(record, end, clock.monotonicMs()));
      learn(record, queryClass, end);
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
      record?.history.set(queryClass, withFeedback(record.history.get(queryClass), rating));
    },
    takeUsage: () => [...records.values()].flatMap(takeUsageOf),
    exportHistory: () => {
      const seen = [...records.values()].map(
        (record) => [record.spec.module_id, Object.fromEntries(record.history)] as const,
      );
      return { ...learned, ...Object.fromEntries(seen) };
    },
    importHistory(history) {
      learned = history;
    },
  };
}

function breakerAfter(record: ModuleRecord, end: CallEnd, nowMs: number): Breaker {
  if (end.kind === 'answered') return afterSuccess(record.breaker);
  return end.kind === 'failed' && end.modulesFault
    ? afterFailure(record.breaker, nowMs, record.breakerPolicy)
    : afterRelease(record.breaker);
}

function learn(record: ModuleRecord, queryClass: QueryClass, end: CallEnd): void {
  if (end.kind === 'released') return;
  const accepted = end.kind === 'answered' && end.accepted;
  const confidence = end.kind === 'answered' ? end.confidence : undefined;
  record.usage.totalLatencyMs += end.latencyMs;
  if (!accepted) record.usage.failures += 1;
  const outcome = { accepted, confidence, latencyMs: end.latencyMs };
  record.history.set(queryClass, withOutcome(record.history.get(queryClass), outcome));
}

function takeUsageOf(record: ModuleRecord): ModuleUsage[] {
  const inFlight = record.inFlight + record.bulkInFlight;
  if (record.usage.requests === 0 && inFlight === 0) return [];
  const counts = record.usage;
  record.usage = noUsage();
  return [{ moduleId: record.spec.module_id, inFlight, ...counts }];
}

/** A module's breaker as configured, its own values before the common ones. */
export function breakerPolicyOf(
  spec: ModuleSpec,
  { circuit_breaker: common }: Orchestration['fallback'],
): BreakerPolicy {
  return {
    failureThreshold: spec.circuit_breaker.enabled
      ? (spec.circuit_breaker.failure_threshold ?? common.failure_threshold)
      : undefined,
    openDurationMs: common.open_duration * 1000,
    halfOpenProbes: common.half_open_probes,
  };
}
