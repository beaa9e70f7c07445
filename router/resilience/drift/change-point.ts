/**
 * Tells when a stream of values has left the level at which it used to be: a one-sided CUSUM (Page 1954, "Continuous
 * inspection schemes") over values in units of their own spread, which is learned first. A change counts only when it is
 * also great enough to matter, however regular the stream was.
 *
 * | state    | value                                                      | next     |
 * | -------- | ---------------------------------------------------------- | -------- |
 * | learning | any, until `warmup` of them are known                       | steady   |
 * | steady   | score ≥ ALARM, and the level is `leastChange` over the old one | drifting |
 * | drifting | score ≤ CALM                                               | steady   |
 */
export interface ChangePoint {
  readonly baseline: Baseline;
  /** Sum of what values were over the baseline by more than the slack, in units of the spread. */
  readonly score: number;
  /** Level of the last few values. */
  readonly level: number;
  readonly drifting: boolean;
}

/** Level and spread while nothing is wrong. */
export interface Baseline {
  readonly count: number;
  readonly mean: number;
  /** Mean square deviation. */
  readonly variance: number;
}

export interface ChangePolicy {
  /** Values after which the baseline is known. */
  readonly warmup: number;
  /** Least spread that is believed, in the values' unit. */
  readonly leastSpread: number;
  /** Least change that matters, in the values' unit. */
  readonly leastChange: number;
}

export const UNKNOWN: ChangePoint = {
  baseline: { count: 0, mean: 0, variance: 0 },
  score: 0,
  level: 0,
  drifting: false,
};

/** Spreads over the baseline that are nothing to speak of: half of the shift that is to be found, as CUSUM's theory has it. */
const SLACK = 1;
/** With the slack of 1 a stationary stream of independent normal values comes this far less than once in 10⁷ values. */
const ALARM = 10;
const CALM = 2;
/** No single value counts for more, in spreads: one second alone is no change. */
const FURTHEST = 4;
/** The score goes no further, so that a module that is well again is believed soon. */
const HIGHEST = 14;
/** Values over which the baseline follows slow changes (the time of day) while nothing is wrong. */
const MEMORY = 300;
/** Weight of a new value in the level of the last few. */
const FRESH = 0.25;

/** Whether enough is known to tell a change. */
export function isKnown({ baseline }: ChangePoint, { warmup }: ChangePolicy): boolean {
  return baseline.count >= warmup;
}

/** Gives the state after one more value; higher is worse. */
export function afterValue(before: ChangePoint, value: number, policy: ChangePolicy): ChangePoint {
  const { baseline } = before;
  const level = baseline.count === 0 ? value : before.level + FRESH * (value - before.level);
  if (!isKnown(before, policy)) return { ...before, baseline: learned(baseline, value), level };
  const spread = Math.max(Math.sqrt(baseline.variance), policy.leastSpread);
  const distance = Math.min(FURTHEST, (value - baseline.mean) / spread);
  const score = Math.min(HIGHEST, Math.max(0, before.score + distance - SLACK));
  const drifting = before.drifting ? score > CALM : score >= ALARM && level - baseline.mean >= policy.leastChange;
  const isCalm = score < ALARM / 2;
  return { baseline: isCalm ? learned(baseline, value) : baseline, score, level, drifting };
}

/** Gives the state of a module of which nothing was heard for a while: it gets another chance, and is soon found out if need be. */
export function afterSilence(before: ChangePoint): ChangePoint {
  return { ...before, score: ALARM / 2, level: before.baseline.mean, drifting: false };
}

/** Gives a baseline after one more value. */
export function learned({ count, mean, variance }: Baseline, value: number): Baseline {
  const weight = 1 / Math.min(count + 1, MEMORY);
  const delta = value - mean;
  return {
    count: count + 1,
    mean: mean + weight * delta,
    variance: (1 - weight) * (variance + weight * delta * delta),
  };
}
