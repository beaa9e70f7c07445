import type { ScoredAnswers } from './scored-answers.ts';

/** A better value of a setting, with the figures that speak for it. */
export interface Advice {
  readonly present: number;
  /** At most one step from the present value. */
  readonly value: number;
  readonly reason: string;
}

/** Judgements under which users have said too little. */
const LEAST_JUDGED = 20;
/** Judgements by which one that nobody has given is guessed: the bin's neighbours come in with as much. */
const PRIOR = 2;
const THRESHOLD_STEP = 0.05;
/** Thresholds that are compared, from 0 on. */
const THRESHOLDS = Array.from({ length: 20 }, (_, at) => at * THRESHOLD_STEP);
/** What a good answer costs that is thrown away for a fallback; an accepted one brings 1 when it is good and takes 1 when it is bad. */
const WASTED = 0.5;

/**
 * Gives the confidence threshold that would have been worth most: good answers accepted, less bad ones accepted and good ones
 * wasted on a fallback, with the share of good answers at each score taken from users' judgements. One step towards it.
 */
export function confidenceAdvice(bins: readonly ScoredAnswers[], present: number): Advice | undefined {
  const judged = bins.reduce((sum, { good, bad }) => sum + good + bad, 0);
  if (judged < LEAST_JUDGED) return undefined;
  const worths = bins.map(({ answers, score }, at) => ({ answers, score, good: goodShare(bins, at) }));
  const worthOf = (threshold: number): number =>
    worths.reduce(
      (sum, { answers, score, good }) => sum + answers * (score >= threshold ? 2 * good - 1 : -WASTED * good),
      0,
    );
  // Of equals the one that changes least.
  const byWorth = (a: number, b: number): number =>
    worthOf(b) - worthOf(a) || Math.abs(a - present) - Math.abs(b - present);
  const best = [...THRESHOLDS].sort(byWorth)[0] ?? present;
  if (Math.abs(best - present) < THRESHOLD_STEP / 2 || worthOf(best) <= worthOf(present)) return undefined;
  const step = Math.max(-THRESHOLD_STEP, Math.min(THRESHOLD_STEP, best - present));
  const total = bins.reduce((sum, { answers }) => sum + answers, 0);
  const gain = ((worthOf(best) - worthOf(present)) / Math.max(1, total)) * 100;
  return {
    present,
    value: rounded(present + step),
    reason: `of ${total} answers ${Math.round(judged)} were judged; a threshold of ${best.toFixed(2)} would have been worth ${gain.toFixed(0)} answers in a hundred more`,
  };
}

/** Share of good answers at a score, drawn towards that of its neighbours where few were judged. */
function goodShare(bins: readonly ScoredAnswers[], at: number): number {
  const near = bins.filter((_, other) => Math.abs(other - at) <= 2);
  const good = near.reduce((sum, bin) => sum + bin.good, 0);
  const all = near.reduce((sum, bin) => sum + bin.good + bin.bad, 0);
  // Nothing was judged near it: the score itself is the best guess.
  const own = bins[at] ?? { score: 0, good: 0, bad: 0 };
  const guess = all === 0 ? own.score : good / all;
  return (own.good + PRIOR * guess) / (own.good + own.bad + PRIOR);
}

const LEAST_OUTCOMES = 100;
/** A breaker should open by chance not more than once in so many calls. */
const FALSE_OPENING = 1e-4;
const [LEAST_FAILURES, MOST_FAILURES] = [2, 20];

/**
 * Gives how many failures in a row say that a module is broken, rather than unlucky: with a share p that fails anyway, a run of k
 * comes by chance with p^k. One step towards it.
 */
export function failureThresholdAdvice(failureShare: number, outcomes: number, present: number): Advice | undefined {
  if (outcomes < LEAST_OUTCOMES || failureShare >= 0.5) return undefined;
  const share = Math.max(failureShare, 0.01);
  const wanted = Math.ceil(Math.log(FALSE_OPENING) / Math.log(share));
  const best = Math.max(LEAST_FAILURES, Math.min(MOST_FAILURES, wanted));
  if (best === present) return undefined;
  return {
    present,
    value: present + Math.sign(best - present),
    reason: `${(failureShare * 100).toFixed(1)} % of ${outcomes} calls failed: ${best} in a row come by chance less than once in ${Math.round(1 / FALSE_OPENING)}`,
  };
}

/** How much longer than all but one call in a hundred a module is waited for. */
const SLACK = 2;
const LEAST_PATIENCE_S = 0.5;

/** Gives for how many seconds a module's first token is worth waiting: twice what 99 of 100 take. At most half or double at a time. */
export function firstTokenAdvice(p99Ms: number | undefined, count: number, presentS: number): Advice | undefined {
  if (p99Ms === undefined || count < LEAST_JUDGED) return undefined;
  const best = Math.max(LEAST_PATIENCE_S, (SLACK * p99Ms) / 1000);
  const value = rounded(Math.max(presentS / 2, Math.min(presentS * 2, best)));
  if (Math.abs(value - presentS) < 0.1 * presentS) return undefined;
  return { present: presentS, value, reason: `99 of 100 first tokens came within ${(p99Ms / 1000).toFixed(2)} s` };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
