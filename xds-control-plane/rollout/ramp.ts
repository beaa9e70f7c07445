import type { ModuleSpec } from '../../core/config/schema.ts';

/**
 * The ramp of one new module, step by step to its full share, or back to nothing:
 *
 * | phase       | share               | goes on when                                     | is rolled back when          |
 * | ----------- | ------------------- | ------------------------------------------------ | ---------------------------- |
 * | RAMPING     | that of the step    | the interval is over and enough calls were judged | errors or confidence regress |
 * | DONE        | that of the split   |                                                  |                              |
 * | ROLLED_BACK | none                | its specification changes: the ramp begins anew  |                              |
 */
export type Ramp =
  | {
      readonly phase: 'RAMPING';
      readonly step: number;
      readonly sinceMs: number;
      /** What the module itself, and the new one, have done at this step. */
      readonly main: Outcomes;
      readonly fresh: Outcomes;
    }
  | { readonly phase: 'DONE' }
  | { readonly phase: 'ROLLED_BACK'; readonly reason: string };

/** How calls of a module ended. */
export interface Outcomes {
  readonly calls: number;
  readonly errors: number;
  /** Answers of which a confidence is known, and the sum of these. */
  readonly judged: number;
  readonly confidence: number;
}

export type RampPolicy = NonNullable<ModuleSpec['traffic']['ramp']>;

export const NO_OUTCOMES: Outcomes = { calls: 0, errors: 0, judged: 0, confidence: 0 };

/** Gives the sum of outcomes. */
export function sumOf(a: Outcomes, b: Outcomes): Outcomes {
  return {
    calls: a.calls + b.calls,
    errors: a.errors + b.errors,
    judged: a.judged + b.judged,
    confidence: a.confidence + b.confidence,
  };
}

/** Gives a ramp at its first step. */
export function beginRamp(nowMs: number, step = 0): Ramp {
  return { phase: 'RAMPING', step, sinceMs: nowMs, main: NO_OUTCOMES, fresh: NO_OUTCOMES };
}

/** Gives the steps on the way to a share, in percent. */
function stepsTo({ steps }: RampPolicy, target: number): readonly number[] {
  return [...new Set(steps)].filter((step) => step < target).sort((a, b) => a - b);
}

/** Gives the new module's share at present, in percent. */
export function rampPercent(ramp: Ramp, policy: RampPolicy, target: number): number {
  switch (ramp.phase) {
    case 'RAMPING':
      return stepsTo(policy, target)[ramp.step] ?? target;
    case 'DONE':
      return target;
    case 'ROLLED_BACK':
      return 0;
  }
}

/** Gives the ramp after more outcomes, at a time. */
export function advanceRamp(
  ramp: Ramp,
  outcomes: { readonly main: Outcomes; readonly fresh: Outcomes },
  policy: RampPolicy,
  target: number,
  nowMs: number,
): Ramp {
  if (ramp.phase !== 'RAMPING') return ramp;
  const seen = { ...ramp, main: sumOf(ramp.main, outcomes.main), fresh: sumOf(ramp.fresh, outcomes.fresh) };
  const reason = regression(seen.main, seen.fresh, policy);
  if (reason !== undefined) return { phase: 'ROLLED_BACK', reason };
  const isProven = seen.fresh.calls >= policy.min_requests && nowMs - seen.sinceMs >= policy.interval * 1000;
  if (!isProven) return seen;
  return seen.step + 1 >= stepsTo(policy, target).length ? { phase: 'DONE' } : beginRamp(nowMs, seen.step + 1);
}

/** Gives why the new module is worse than the old one; undefined while it is not, or too little has been seen. */
function regression(main: Outcomes, fresh: Outcomes, policy: RampPolicy): string | undefined {
  if (fresh.calls >= policy.min_requests) {
    const [before, now] = [share(main.errors, main.calls), share(fresh.errors, fresh.calls)];
    if (now > before + policy.max_error_increase) {
      return `${percent(now)} of its calls fail, against ${percent(before)}`;
    }
  }
  if (fresh.judged < policy.min_requests || main.judged === 0) return undefined;
  const [before, now] = [main.confidence / main.judged, fresh.confidence / fresh.judged];
  return now < before - policy.max_confidence_drop
    ? `its mean confidence is ${now.toFixed(2)}, against ${before.toFixed(2)}`
    : undefined;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(1)} %`;
}
