import type { FrontierError, Reason } from '../../core/errors.ts';
import type { AttemptRecord } from '../domain/answer.ts';
import { ExhaustedError } from '../domain/exhausted-error.ts';
import type { Breaker } from './breaker.ts';
import { createRecentValues, type RecentValues } from './quantiles.ts';

/** What has come of the calls of one module for one class, since the start. */
export interface AttemptCounts {
  attempts: number;
  accepted: number;
  /** Failures by reason; rejected answers are LOW_CONFIDENCE. */
  readonly failures: Map<Reason, number>;
}

/** What has come of the requests that went one way, e.g. a → b. */
export interface PathCounts {
  readonly moduleIds: readonly string[];
  requests: number;
  /** Requests that ended with an accepted answer. */
  accepted: number;
  /** Time that was lost on the attempts before the last one, in milliseconds. */
  readonly addedMs: RecentValues;
}

/** One change of a module's breaker. */
export interface BreakerChange {
  readonly from: Breaker['phase'];
  readonly to: Breaker['phase'];
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** Result of a request, as far as fallback goes. */
export interface LedgerResult {
  readonly queryClass: string;
  readonly attempts: readonly AttemptRecord[];
  readonly accepted: boolean;
}

/** The books of fallback: attempts, paths and breakers. Everything in it is bounded. */
export interface FallbackLedger {
  noteResult(result: LedgerResult): void;
  /** Notes a request that got no answer; what its modules did stands in the error. */
  noteFailure(queryClass: string, error: FrontierError): void;
  noteBreaker(moduleId: string, change: BreakerChange): void;
  /** Counts by class. */
  attemptsOf(moduleId: string): ReadonlyMap<string, AttemptCounts>;
  breakerHistoryOf(moduleId: string): readonly BreakerChange[];
  paths(): Iterable<PathCounts>;
}

/** Modules are few, but orders of them are many: paths beyond this many are not told apart. */
const MOST_PATHS = 200;
const MOST_CHANGES = 20;

/** Opens empty books. */
export function createFallbackLedger(): FallbackLedger {
  const modules = new Map<string, Map<string, AttemptCounts>>();
  const paths = new Map<string, PathCounts>();
  const breakers = new Map<string, BreakerChange[]>();

  const noteAttempt = (moduleId: string, queryClass: string, reason: Reason | undefined): void => {
    const classes = modules.get(moduleId) ?? new Map<string, AttemptCounts>();
    modules.set(moduleId, classes);
    const counts = classes.get(queryClass) ?? { attempts: 0, accepted: 0, failures: new Map<Reason, number>() };
    classes.set(queryClass, counts);
    counts.attempts += 1;
    if (reason === undefined) counts.accepted += 1;
    else counts.failures.set(reason, (counts.failures.get(reason) ?? 0) + 1);
  };
  const pathOf = (moduleIds: readonly string[]): PathCounts => {
    const key = moduleIds.join(' ');
    const known = paths.get(key) ?? (paths.size >= MOST_PATHS ? paths.get('') : undefined);
    if (known !== undefined) return known;
    const isOther = paths.size >= MOST_PATHS;
    const made = { moduleIds: isOther ? [] : moduleIds, requests: 0, accepted: 0, addedMs: createRecentValues() };
    paths.set(isOther ? '' : key, made);
    return made;
  };
  return {
    noteResult({ queryClass, attempts, accepted }) {
      for (const { moduleId, reason } of attempts) noteAttempt(moduleId, queryClass, reason);
      if (attempts.length < 2) return;
      const path = pathOf(attempts.map(({ moduleId }) => moduleId));
      path.requests += 1;
      if (accepted) path.accepted += 1;
      path.addedMs.add(attempts.slice(0, -1).reduce((sum, { latencyMs }) => sum + latencyMs, 0));
    },
    noteFailure(queryClass, error) {
      const { reason, metadata } = error;
      const attempts = error instanceof ExhaustedError ? error.attempts : [];
      for (const attempt of attempts) noteAttempt(attempt.moduleId, queryClass, attempt.reason);
      const moduleId = metadata['module_id'];
      if (attempts.length === 0 && moduleId !== undefined) noteAttempt(moduleId, queryClass, reason);
      if (attempts.length < 2) return;
      pathOf(attempts.map((attempt) => attempt.moduleId)).requests += 1;
    },
    noteBreaker(moduleId, change) {
      const changes = breakers.get(moduleId) ?? [];
      breakers.set(moduleId, [...changes, change].slice(-MOST_CHANGES));
    },
    attemptsOf: (moduleId) => modules.get(moduleId) ?? new Map<string, AttemptCounts>(),
    breakerHistoryOf: (moduleId) => breakers.get(moduleId) ?? [],
    paths: () => paths.values(),
  };
}
