import type { CalibrationBook } from '../calibration/calibration-book.ts';
import type { ClassHistory } from '../decide/module-status.ts';
import type { FallbackLedger, FallbackPath } from '../resilience/fallback-ledger.ts';
import { quantileOf } from '../resilience/latency-sketch.ts';
import type { AttemptCounts } from '../resilience/ledger-counts.ts';
import type { HealingEvents } from '../resilience/healing-events.ts';
import type { Tuner } from '../resilience/tuning/tuner.ts';
import type { StrategyLearner } from '../resilience/strategy-learner.ts';
import type { ModuleRecord } from '../resilience/module-record.ts';
import { calibrationJson } from './calibration-json.ts';
import type { SharedRouter } from '../state/share-router.ts';
import { breakerJson } from './status-json.ts';

/** A module in the response of GET /fallback/stats. */
export function resilienceJson(record: ModuleRecord, ledger: FallbackLedger, calibration: CalibrationBook) {
  const moduleId = record.spec.module_id;
  const attempts = ledger.attemptsOf(moduleId);
  const classes = new Set<string>([...record.history.keys(), ...attempts.keys(), ...calibration.classesOf(moduleId)]);
  return {
    module_id: moduleId,
    breaker: {
      ...breakerJson(record.breaker),
      history: ledger
        .breakerHistoryOf(moduleId)
        .map(({ from, to, atMs }) => ({ from, to, time: new Date(atMs).toISOString() })),
    },
    ...shareJson(record),
    cooldown_seconds: (record.cooldownMs ?? 0) / 1000,
    fallbacks: record.spec.fallbacks,
    latency: { p50: secondsAt(record, 0.5), p95: secondsAt(record, 0.95), p99: secondsAt(record, 0.99) },
    classes: Object.fromEntries(
      [...classes].map((name) => [
        name,
        {
          ...historyJson(historyOf(record, name)),
          ...attemptsJson(attempts.get(name)),
          ...calibrationJson(calibration, moduleId, name),
        },
      ]),
    ),
  };
}

function shareJson({ share }: ModuleRecord) {
  return share === undefined ? {} : { share: share.fraction, share_reason: share.reason };
}

/** Ways that requests went over more than one module, the most used first. */
export function pathsJson(ledger: FallbackLedger) {
  return [...ledger.paths()].sort((a, b) => b.count - a.count).map(pathJson);
}

/** How many requests modules have answered in the place of those that were asked first. */
export function standInsJson(ledger: FallbackLedger) {
  return [...ledger.attempts()].flatMap(([moduleId, classes]) =>
    [...classes]
      .filter(([, { standIns }]) => standIns > 0)
      .map(([queryClass, { standIns }]) => ({ query_class: queryClass, module_id: moduleId, count: standIns })),
  );
}

/** Whose attempts, ways and judgements are told of, and since when. */
export function scopeJson({ scope }: FallbackLedger, shared: Pick<SharedRouter, 'isUp' | 'isShared'>) {
  return {
    of: shared.isShared ? 'all_routers' : 'this_router',
    routers: scope.routers,
    since: new Date(scope.sinceMs).toISOString(),
    up_to_date: shared.isUp,
  };
}

/** What was done about modules by itself, the newest first: the response of GET /fallback/events. */
export function eventsJson(events: HealingEvents) {
  return [...events.list()].reverse().map(({ action, moduleId, reason, atMs }) => ({
    time: new Date(atMs).toISOString(),
    action,
    module_id: moduleId,
    reason,
  }));
}

/** Settings that would be better otherwise, with the figures that say so. */
export function recommendationsJson(tuner: Tuner) {
  return tuner.recommendations().map(({ moduleId, setting, queryClass, present, value, reason }) => ({
    module_id: moduleId,
    setting,
    ...(queryClass === undefined ? {} : { query_class: queryClass }),
    present,
    value,
    reason,
  }));
}

/** Settings that were moved from what is configured. */
export function tunedJson(tuner: Tuner) {
  return tuner.tuned().map(({ moduleId, setting, queryClass, value }) => ({
    module_id: moduleId,
    setting,
    ...(queryClass === undefined ? {} : { query_class: queryClass }),
    value,
  }));
}

/** What the adaptive strategy has learned, by class and way. */
export function strategiesJson(learner: StrategyLearner) {
  return Object.fromEntries(
    Object.entries(learner.known()).map(([name, ways]) => [
      name,
      Object.fromEntries(
        Object.entries(ways).map(([way, { count, acceptedRate, delayMs, cost }]) => [
          way,
          { outcomes: count, accepted_rate: acceptedRate, delay: delayMs / 1000, cost },
        ]),
      ),
    ]),
  );
}

function pathJson({ queryClass, moduleIds, count, accepted, added }: FallbackPath) {
  return {
    query_class: queryClass,
    modules: moduleIds,
    requests: count,
    accepted,
    success_rate: count === 0 ? 0 : accepted / count,
    added_latency: { p50: inSeconds(quantileOf(added, 0.5)), p99: inSeconds(quantileOf(added, 0.99)) },
  };
}

function historyOf({ history }: ModuleRecord, name: string): ClassHistory | undefined {
  return (history as ReadonlyMap<string, ClassHistory>).get(name);
}

function historyJson(history: ClassHistory | undefined) {
  if (history === undefined) return {};
  const { count, successRate, confidence, latencyMs } = history;
  return { outcomes: count, success_rate: successRate, confidence, latency: latencyMs / 1000 };
}

function attemptsJson(counts: AttemptCounts | undefined) {
  if (counts === undefined) return { attempts: 0, accepted: 0, failures: {} };
  return { attempts: counts.count, accepted: counts.accepted, failures: counts.failures };
}

function secondsAt({ latencies }: ModuleRecord, fraction: number): number | null {
  return inSeconds(latencies.quantile(fraction));
}

/** Null while too few values are known. */
function inSeconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000;
}
