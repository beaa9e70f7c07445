import type { Orchestration, QueryClass } from '../../../core/config/schema.ts';
import type { CalibrationBook } from '../../calibration/calibration-book.ts';
import { thresholdOf } from '../../decide/module-status.ts';
import type { ModuleRecord } from '../module-record.ts';
import type { FailureShares } from './failure-shares.ts';
import { confidenceAdvice, failureThresholdAdvice, firstTokenAdvice, type Advice } from './recommend.ts';
import type { ScoreBook } from './score-book.ts';
import { scoredAnswers } from './scored-answers.ts';

/** A setting of a module that can be tuned, the confidence threshold for each class. */
export type TunedSetting =
  | { readonly setting: 'confidence_threshold'; readonly queryClass: QueryClass }
  | { readonly setting: 'circuit_breaker.failure_threshold' | 'timeouts.first_token'; readonly queryClass: undefined };

/** Advice on one setting of a module. */
export type Recommendation = Advice & TunedSetting & { readonly moduleId: string };

/** What advice is made from. */
export interface TuningKnowledge {
  readonly fallback: Orchestration['fallback'];
  readonly scores: ScoreBook;
  readonly calibration: CalibrationBook;
  readonly failures: FailureShares;
}

/** Gives what would be better for a module, each at most one step away and within the configured bounds. */
export function adviceFor(record: ModuleRecord, knowledge: TuningKnowledge): readonly Recommendation[] {
  const { spec } = record;
  const { scores, calibration, fallback } = knowledge;
  const moduleId = spec.module_id;
  const bounds = fallback.healing.tuning_bounds;
  const thresholds = calibration.classesOf(moduleId).flatMap((queryClass) => {
    const present = thresholdOf(record, queryClass);
    const advice = confidenceAdvice(scoredAnswers(moduleId, queryClass, scores, calibration), present);
    return within(bounds.confidence_threshold, advice).map((each) => ({
      ...each,
      moduleId,
      setting: 'confidence_threshold' as const,
      queryClass,
    }));
  });
  return [...thresholds, ...failureAdvice(record, knowledge), ...patienceAdvice(record, knowledge)];
}

function failureAdvice(record: ModuleRecord, { fallback, failures }: TuningKnowledge): readonly Recommendation[] {
  const moduleId = record.spec.module_id;
  const present = record.breakerPolicy.failureThreshold;
  // It is switched off.
  if (present === undefined) return [];
  const { share, calls } = failures.of(moduleId);
  const advice = failureThresholdAdvice(share, calls, present);
  return within(fallback.healing.tuning_bounds.failure_threshold, advice).map((each) => ({
    ...each,
    moduleId,
    setting: 'circuit_breaker.failure_threshold',
    queryClass: undefined,
  }));
}

function patienceAdvice(record: ModuleRecord, { fallback }: TuningKnowledge): readonly Recommendation[] {
  const { spec, firstTokens } = record;
  const present = firstTokenPatienceS(record, fallback);
  const { min, max } = fallback.healing.tuning_bounds.first_token;
  // The module's own limit holds whatever the router would wait for.
  const bounds = { min, max: Math.min(max, spec.timeouts.first_token) };
  const advice = firstTokenAdvice(firstTokens.quantile(0.99), firstTokens.count, present);
  return within(bounds, advice).map((each) => ({
    ...each,
    moduleId: spec.module_id,
    setting: 'timeouts.first_token',
    queryClass: undefined,
  }));
}

/** Gives how long a module's first token is waited for now while another one could answer, in seconds. */
export function firstTokenPatienceS(
  { spec, tunedFirstTokenMs }: Pick<ModuleRecord, 'spec' | 'tunedFirstTokenMs'>,
  { patience }: Orchestration['fallback'],
): number {
  if (tunedFirstTokenMs !== undefined) return tunedFirstTokenMs / 1000;
  return Math.min(spec.timeouts.first_token, patience.first_token);
}

/** Keeps advice within bounds; a value that is configured beyond them may come nearer, and moves no further away. None when nothing is left of it. */
function within({ min, max }: { readonly min: number; readonly max: number }, advice: Advice | undefined): Advice[] {
  if (advice === undefined) return [];
  const { present } = advice;
  const value = Math.min(Math.max(max, present), Math.max(Math.min(min, present), advice.value));
  return value === present ? [] : [{ ...advice, value }];
}
