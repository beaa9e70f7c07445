import type { Clock } from '../../../core/clock.ts';
import type { ModuleView } from '../../../core/modules/module-view.ts';
import type { HealingAction } from '../healing-events.ts';
import { breakerPolicyOf } from '../module-board.ts';
import type { ModuleRecord } from '../module-record.ts';
import { adviceFor, type Recommendation, type TuningKnowledge } from './advice-for.ts';

export interface TunerOptions extends TuningKnowledge {
  readonly clock: Clock;
  readonly records: () => Iterable<ModuleRecord>;
  readonly note: (action: HealingAction, moduleId: string, reason: string) => void;
}

/** A setting that was moved from what is configured. */
export type Tuned = Pick<Recommendation, 'moduleId' | 'setting' | 'queryClass' | 'value'>;

export interface Tuner {
  /** What would be better, from what was seen. */
  recommendations(): readonly Recommendation[];
  /** What is otherwise than configured now. */
  tuned(): readonly Tuned[];
  /** To be called with each change of what the loader says of a module: one that is configured anew begins anew. */
  onView(view: ModuleView, before: ModuleView | undefined): void;
  close(): void;
}

/** Time between two steps where recommendations are applied: each must show what it does. */
const STEP_MS = 300_000;

/**
 * Creates a tuner; with `healing.tuning: apply` it also carries its advice out, a step of each setting at a time. What it has moved is kept in
 * memory alone, so that a restart, also one with `apply` taken away, brings back what is configured.
 */
export function createTuner(options: TunerOptions): Tuner {
  const { fallback, clock, records, note } = options;
  const mode = fallback.healing.tuning;
  const apply = (): void => {
    for (const record of records())
      for (const advice of adviceFor(record, options)) {
        take(record, advice, fallback);
        const { moduleId, setting, queryClass, present, value, reason } = advice;
        const what = queryClass === undefined ? setting : `${setting} of ${queryClass}`;
        note('tune', moduleId, `${what} from ${present} to ${value}: ${reason}`);
      }
  };
  return {
    recommendations: () => (mode === 'off' ? [] : [...records()].flatMap((record) => adviceFor(record, options))),
    tuned: () => [...records()].flatMap(tunedOf),
    onView(view, before) {
      if (before === undefined || before.specVersion === view.specVersion) return;
      for (const record of records()) {
        if (record.spec.module_id !== view.moduleId || tunedOf(record).length === 0) continue;
        reset(record, fallback);
        note('tune', view.moduleId, 'back to what is configured, since the module is configured anew');
      }
    },
    close: mode === 'apply' ? clock.every(STEP_MS, apply) : (): void => undefined,
  };
}

function take(record: ModuleRecord, advice: Recommendation, fallback: TunerOptions['fallback']): void {
  switch (advice.setting) {
    case 'confidence_threshold':
      record.thresholds.set(advice.queryClass, advice.value);
      break;
    case 'circuit_breaker.failure_threshold':
      record.tunedFailureThreshold = advice.value;
      record.breakerPolicy = breakerPolicyOf(record.spec, fallback, advice.value);
      break;
    case 'timeouts.first_token':
      record.tunedFirstTokenMs = advice.value * 1000;
  }
}

function reset(record: ModuleRecord, fallback: TunerOptions['fallback']): void {
  record.thresholds.clear();
  record.tunedFailureThreshold = undefined;
  record.tunedFirstTokenMs = undefined;
  record.breakerPolicy = breakerPolicyOf(record.spec, fallback);
}

function tunedOf({ spec, thresholds, tunedFailureThreshold, tunedFirstTokenMs }: ModuleRecord): readonly Tuned[] {
  const moduleId = spec.module_id;
  const tuned: Tuned[] = [...thresholds].map(([queryClass, value]) => ({
    moduleId,
    setting: 'confidence_threshold',
    queryClass,
    value,
  }));
  if (tunedFailureThreshold !== undefined)
    tuned.push({
      moduleId,
      setting: 'circuit_breaker.failure_threshold',
      queryClass: undefined,
      value: tunedFailureThreshold,
    });
  if (tunedFirstTokenMs !== undefined)
    tuned.push({ moduleId, setting: 'timeouts.first_token', queryClass: undefined, value: tunedFirstTokenMs / 1000 });
  return tuned;
}
