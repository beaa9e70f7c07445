import type { ClassHistory } from '../decide/module-status.ts';
import type { AttemptCounts, FallbackLedger, PathCounts } from '../resilience/fallback-ledger.ts';
import type { HealingEvents } from '../resilience/healing-events.ts';
import type { ModuleRecord } from '../resilience/module-record.ts';
import { breakerJson } from './status-json.ts';

/** A module in the response of GET /fallback/stats. */
export function resilienceJson(record: ModuleRecord, ledger: FallbackLedger) {
  const moduleId = record.spec.module_id;
  const attempts = ledger.attemptsOf(moduleId);
  const classes = new Set<string>([...record.history.keys(), ...attempts.keys()]);
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
        { ...historyJson(historyOf(record, name)), ...attemptsJson(attempts.get(name)) },
      ]),
    ),
  };
}

function shareJson({ share }: ModuleRecord) {
  return share === undefined ? {} : { share: share.fraction, share_reason: share.reason };
}

/** Ways that requests went over more than one module, the most used first. */
export function pathsJson(ledger: FallbackLedger) {
  return [...ledger.paths()].sort((a, b) => b.requests - a.requests).map(pathJson);
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

function pathJson({ moduleIds, requests, accepted, addedMs }: PathCounts) {
  return {
    modules: moduleIds,
    requests,
    accepted,
    success_rate: requests === 0 ? 0 : accepted / requests,
    added_latency: { p50: inSeconds(addedMs.quantile(0.5)), p99: inSeconds(addedMs.quantile(0.99)) },
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
  return { attempts: counts.attempts, accepted: counts.accepted, failures: Object.fromEntries(counts.failures) };
}

function secondsAt({ latencies }: ModuleRecord, fraction: number): number | null {
  return inSeconds(latencies.quantile(fraction));
}

/** Null while too few values are known. */
function inSeconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000;
}
