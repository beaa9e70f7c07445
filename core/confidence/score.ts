import { calibrate } from './calibration.ts';
import type { CalibrationPoint } from './calibration.ts';

/** Five properties of an answer, each from 0 (worst) to 1 (best). */
export interface QualityMetrics {
  readonly relevance: number;
  readonly coherence: number;
  readonly accuracy: number;
  readonly completeness: number;
  readonly safety: number;
}

/** What is known of one answer. Every number is a fraction from 0 to 1; one outside is taken as the nearest end. */
export interface Signals {
  /** The module's own assessment; undefined when it gives none. */
  readonly selfAssessment: number | undefined;
  readonly quality: QualityMetrics;
  /** Rolling mean of past outcomes; undefined before the first. */
  readonly history: number | undefined;
  /** Response-time factor, see timeFactor. */
  readonly time: number;
  /** Length and structure of the content. */
  readonly structure: number;
}

export interface Confidence {
  /** Calibrated score, from 0 to 1. */
  readonly score: number;
  /** Weighted sum before calibration, from 0 to 1. */
  readonly rawScore: number;
}

/** Shares of the score, as in the specification; their sum is 1. */
export const WEIGHTS = { selfAssessment: 0.3, quality: 0.25, history: 0.2, time: 0.15, structure: 0.1 } as const;

const ALWAYS_KNOWN = WEIGHTS.quality + WEIGHTS.time + WEIGHTS.structure;

/**
 * Gives how far an answer can be trusted. The share of a signal that is missing is given to the others in proportion to
 * theirs, so that a new module is neither punished nor favoured for having no history. `calibration` must rise
 * (see isRising); empty means identity.
 */
export function score(signals: Signals, calibration: readonly CalibrationPoint[] = []): Confidence {
  const { selfAssessment, history } = signals;
  let weight = ALWAYS_KNOWN;
  let sum =
    WEIGHTS.quality * meanQuality(signals.quality) +
    WEIGHTS.time * fraction(signals.time) +
    WEIGHTS.structure * fraction(signals.structure);
  if (selfAssessment !== undefined) {
    weight += WEIGHTS.selfAssessment;
    sum += WEIGHTS.selfAssessment * fraction(selfAssessment);
  }
  if (history !== undefined) {
    weight += WEIGHTS.history;
    sum += WEIGHTS.history * fraction(history);
  }
  const rawScore = fraction(sum / weight);
  return { rawScore, score: calibrate(rawScore, calibration) };
}

/** Gives the mean of the five quality metrics. */
export function meanQuality({ relevance, coherence, accuracy, completeness, safety }: QualityMetrics): number {
  return (
    (fraction(relevance) + fraction(coherence) + fraction(accuracy) + fraction(completeness) + fraction(safety)) / 5
  );
}

/** Gives the nearest number from 0 to 1; 0 for NaN, because what cannot be measured earns no trust. */
export function fraction(value: number): number {
  if (value >= 1) return 1;
  return value > 0 ? value : 0;
}
