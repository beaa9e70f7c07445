import { toFrontierError, type FrontierError } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import type { StageTiming } from '../decide/explain.ts';
import type { RouteResult } from '../domain/route-result.ts';
import type { OutcomeLog } from '../learning/outcome-log.ts';
import type { FallbackLedger } from '../resilience/fallback-ledger.ts';
import type { RouterMetrics } from '../telemetry/router-metrics.ts';
import type { RecentRequests } from './recent-requests.ts';

/** How a request came in. */
export type Method = 'route' | 'stream' | 'many';

export interface RecordDependencies {
  readonly metrics: RouterMetrics;
  readonly recent: RecentRequests;
  readonly log: Logger;
  readonly ledger: FallbackLedger;
  /** Where outcomes are logged; undefined for nowhere. */
  readonly outcomes: OutcomeLog | undefined;
}

/** Records an answer: metrics, and what feedback needs. */
export function recordResult(
  method: Method,
  tenant: string,
  result: RouteResult,
  { metrics, recent, ledger }: RecordDependencies,
): void {
  const { queryClass: query_class, moduleId: module } = result;
  const accepted = result.answer.confidence.accepted;
  metrics.requests.inc({ method, query_class, module, outcome: accepted ? 'accepted' : 'low_confidence' });
  metrics.latency.series({ method, query_class }).observe(result.processingMs / 1000);
  metrics.confidence.series({ module, query_class }).observe(result.answer.confidence.score);
  ledger.noteResult({ queryClass: result.queryClass, attempts: result.attempts, accepted, standIn: standInOf(result) });
  for (const { moduleId, reason } of result.attempts)
    metrics.attempts.inc({ module: moduleId, outcome: reason ?? 'accepted' });
  if (result.fallbackUsed) metrics.fallbacks.inc({ query_class, module });
  if (result.coldStartMs > 0) metrics.coldStart.observe({ module }, result.coldStartMs / 1000);
  const { rawScore, score } = result.answer.confidence;
  recent.add(result.requestId, { tenant, moduleId: module, queryClass: result.queryClass, rawScore, score });
}

/** Records a request that got no answer; what is unexpected goes to the log with its cause. Gives the error. */
export function recordFailure(
  method: Method,
  queryClass: string,
  thrown: unknown,
  { metrics, log, ledger }: RecordDependencies,
): FrontierError {
  const error = toFrontierError(thrown);
  metrics.requests.inc({ method, query_class: queryClass, module: '', outcome: 'error' });
  metrics.errors.inc({ reason: error.reason });
  ledger.noteFailure(queryClass, error);
  if (error.reason === 'INTERNAL') log.error({ event: 'request_failed', method, err: error.cause ?? error });
  return error;
}

/** Records how long the stages took. */
export function recordStages(stages: readonly StageTiming[], { metrics }: Pick<RecordDependencies, 'metrics'>): void {
  for (const { stage, ms } of stages) metrics.stages.series({ stage }).observe(ms / 1000);
}

/** Gives the module that has answered in the place of the first one; undefined when that did. */
export function standInOf({ fallbackUsed, moduleId }: RouteResult): string | undefined {
  return fallbackUsed ? moduleId : undefined;
}
