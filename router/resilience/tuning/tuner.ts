import type { Clock } from '../../../core/clock.ts';
import type { Orchestration } from '../../../core/config/schema.ts';
import type { FallbackLedger } from '../fallback-ledger.ts';
import type { HealingAction } from '../healing-events.ts';
import type { ModuleRecord } from '../module-record.ts';
import { confidenceAdvice, failureThresholdAdvice, firstTokenAdvice, type Advice } from './recommend.ts';
import type { ScoreBook } from './score-book.ts';

/** Advice on one setting of a module. */
export interface Recommendation extends Advice {
  readonly moduleId: string;
  readonly setting: 'confidence_threshold' | 'circuit_breaker.failure_threshold' | 'timeouts.first_token';
  /** Class that it holds for; undefined for all. */
  readonly queryClass: string | undefined;
}

export interface TunerOptions {
  readonly fallback: Orchestration['fallback'];
  readonly clock: Clock;
  readonly records: () => Iterable<ModuleRecord>;
  readonly ledger: FallbackLedger;
  readonly scores: ScoreBook;
  readonly note: (action: HealingAction, moduleId: string, reason: string) => void;
}

export interface Tuner {
  /** What would be better, from what was seen since the start. */
  recommendations(): readonly Recommendation[];
  close(): void;
}

/** Time between two steps where recommendations are applied: each must show what it does. */
const STEP_MS = 300_000;

/** Creates a tuner; with `healing.tuning: apply` it also carries its confidence thresholds out, a step at a time. */
export function createTuner(options: TunerOptions): Tuner {
  const { fallback, clock, records, note } = options;
  const mode = fallback.healing.tuning;
  const recommendations = (): readonly Recommendation[] =>
    mode === 'off' ? [] : [...records()].flatMap((record) => adviceFor(record, options));
  const apply = (): void => {
    for (const record of records())
      for (const { setting, queryClass, present, value, reason } of adviceFor(record, options)) {
        if (setting !== 'confidence_threshold' || queryClass === undefined) continue;
        record.thresholds.set(queryClass, value);
        note(
          'tune',
          record.spec.module_id,
          `confidence_threshold of ${queryClass} from ${present} to ${value}: ${reason}`,
        );
      }
  };
  return {
    recommendations,
    close: mode === 'apply' ? clock.every(STEP_MS, apply) : (): void => undefined,
  };
}

function adviceFor(record: ModuleRecord, { fallback, ledger, scores }: TunerOptions): readonly Recommendation[] {
  const { spec, firstTokens } = record;
  const moduleId = spec.module_id;
  const thresholds = scores.classesOf(moduleId).map((queryClass) => {
    const present = record.thresholds.get(queryClass) ?? spec.confidence_threshold;
    const advice = confidenceAdvice(scores.binsOf(moduleId, queryClass) ?? [], present);
    return { setting: 'confidence_threshold', queryClass, advice } as const;
  });
  const { failures, attempts } = failuresOf(moduleId, ledger);
  const failureThreshold = spec.circuit_breaker.failure_threshold ?? fallback.circuit_breaker.failure_threshold;
  const patienceS = Math.min(spec.timeouts.first_token, fallback.patience.first_token);
  const others = [
    {
      setting: 'circuit_breaker.failure_threshold',
      advice: failureThresholdAdvice(attempts === 0 ? 0 : failures / attempts, attempts, failureThreshold),
    },
    {
      setting: 'timeouts.first_token',
      advice: firstTokenAdvice(firstTokens.quantile(0.99), firstTokens.count, patienceS),
    },
  ] as const;
  return [...thresholds, ...others.map((each) => ({ ...each, queryClass: undefined }))].flatMap(
    ({ setting, queryClass, advice }) => (advice === undefined ? [] : [{ moduleId, setting, queryClass, ...advice }]),
  );
}

/** Failures by the module's own fault: an answer that was rejected is none. */
function failuresOf(moduleId: string, ledger: FallbackLedger): { failures: number; attempts: number } {
  let [failures, attempts] = [0, 0];
  for (const counts of ledger.attemptsOf(moduleId).values()) {
    attempts += counts.attempts;
    for (const [reason, count] of counts.failures) if (reason !== 'LOW_CONFIDENCE') failures += count;
  }
  return { failures, attempts };
}
