import type { FrontierError } from '../../core/errors.ts';
import { BINS, binOf } from '../calibration/judgements.ts';
import type { RouteResult } from '../domain/route-result.ts';
import type { HistogramSeries } from '../telemetry/batch-histogram.ts';
import type { RecentRequest } from './recent-requests.ts';
import { recordFailure, standInOf, type RecordDependencies } from './record.ts';

/** What answers of one module to one class share. */
interface Group {
  readonly queryClass: string;
  readonly moduleId: string;
  /** What feedback needs, by bin of the score: answers of one bin share an entry. */
  readonly recent: Map<number, RecentRequest>;
  readonly latency: HistogramSeries;
  readonly confidence: HistogramSeries;
  /** Those of the cache among them, for which no module was asked. */
  cached: number;
  /** Those that were accepted at the first attempt. */
  direct: number;
  accepted: number;
  rejected: number;
}

/** Records batches of bulk results. */
export type RecordBulk = (results: readonly (RouteResult | FrontierError)[]) => void;

/** Creates the record of one caller: what results have in common is looked up once, counters move once a batch. */
export function createBulkRecord(tenant: string, dependencies: RecordDependencies): RecordBulk {
  const { metrics, recent } = dependencies;
  const groups: Group[] = [];
  const groupOf = ({ queryClass, moduleId }: RouteResult): Group => {
    // There are as many groups as pairs of class and module in use: a walk is faster than making a key.
    for (const group of groups) if (group.moduleId === moduleId && group.queryClass === queryClass) return group;
    const made: Group = {
      queryClass,
      moduleId,
      recent: new Map(),
      latency: metrics.latency.series({ method: 'many', query_class: queryClass }),
      confidence: metrics.confidence.series({ module: moduleId, query_class: queryClass }),
      cached: 0,
      direct: 0,
      accepted: 0,
      rejected: 0,
    };
    groups.push(made);
    return made;
  };
  const recentOf = ({ recent: entries, moduleId, queryClass }: Group, { answer }: RouteResult): RecentRequest => {
    const { rawScore, score } = answer.confidence;
    // With the map that held for it, so that the pair of one answer stands for all of its bin.
    const bin = binOf(rawScore) * BINS + binOf(score);
    const known = entries.get(bin);
    if (known !== undefined) return known;
    const made = { tenant, moduleId, queryClass, rawScore, score };
    entries.set(bin, made);
    return made;
  };
  const recordOne = (result: RouteResult): void => {
    const group = groupOf(result);
    const { score, accepted } = result.answer.confidence;
    if (result.cacheHit) group.cached += 1;
    group[accepted ? 'accepted' : 'rejected'] += 1;
    group.latency.observe(result.processingMs / 1000);
    group.confidence.observe(score);
    recent.add(result.requestId, recentOf(group, result));
    if (result.attempts.length > 1 || !accepted) recordDetours(result, dependencies);
    else group.direct += result.attempts.length;
  };
  return (results) => {
    for (const result of results) {
      if (result instanceof Error) recordFailure('many', '', result, dependencies);
      else recordOne(result);
    }
    for (const group of groups) flushGroup(group, dependencies);
  };
}

/** Records what only answers have that were not accepted at the first attempt. */
function recordDetours(result: RouteResult, { metrics, ledger }: RecordDependencies): void {
  const { queryClass, attempts, answer } = result;
  ledger.noteResult({ queryClass, attempts, accepted: answer.confidence.accepted, standIn: standInOf(result) });
  for (const { moduleId, reason } of result.attempts) {
    if (reason !== undefined) metrics.attempts.inc({ module: moduleId, outcome: reason });
  }
  if (result.fallbackUsed) metrics.fallbacks.inc({ query_class: result.queryClass, module: result.moduleId });
}

function flushGroup(group: Group, { metrics, ledger }: RecordDependencies): void {
  const { queryClass: query_class, moduleId: module, accepted, rejected, cached, direct } = group;
  if (direct > 0) ledger.noteAccepted(module, query_class, direct);
  if (accepted > 0) {
    metrics.requests.inc({ method: 'many', query_class, module, outcome: 'accepted' }, accepted);
    if (accepted > cached) metrics.attempts.inc({ module, outcome: 'accepted' }, accepted - cached);
  }
  if (rejected > 0) metrics.requests.inc({ method: 'many', query_class, module, outcome: 'low_confidence' }, rejected);
  group.cached = 0;
  group.direct = 0;
  group.accepted = 0;
  group.rejected = 0;
}
