import { calibrate } from '../../../core/confidence/calibration.ts';
import type { CalibrationBook } from '../../calibration/calibration-book.ts';
import { BINS } from '../../calibration/judgements.ts';
import type { ScoreBook } from './score-book.ts';

/** Answers of one module to one class with nearly the same score, and how users judged them. */
export interface ScoredAnswers {
  /** As a threshold meets it: calibrated by the map that holds now. */
  readonly score: number;
  readonly answers: number;
  /** Judgements, each in part one and in part the other when it lies between. */
  readonly good: number;
  readonly bad: number;
}

/** Gives the answers of a module to a class, lowest scores first. */
export function scoredAnswers(
  moduleId: string,
  queryClass: string,
  scores: ScoreBook,
  calibration: CalibrationBook,
): readonly ScoredAnswers[] {
  const map = calibration.mapFor(moduleId, queryClass);
  const judged = calibration.judgementsOf(moduleId, queryClass).raw;
  return scores.answersOf(moduleId, queryClass).map((answers, at) => {
    const { weight, good } = judged[at] ?? { weight: 0, good: 0 };
    return { score: calibrate((at + 0.5) / BINS, map), answers, good, bad: Math.max(0, weight - good) };
  });
}
