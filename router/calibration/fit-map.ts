import { calibrate, type CalibrationPoint } from '../../core/confidence/calibration.ts';
import { fraction } from '../../core/confidence/score.ts';
import { isotonicFit } from './isotonic.ts';
import { BINS, type JudgedBin } from './judgements.ts';

/** The map that is taken to hold weighs as much as so many judgements in each bin. */
const PRIOR = 20;
/** How far a judgement tells of scores beside its own: it weighs 1/e there. */
const REACH = 0.1;

/** By distance in bins. */
const KERNEL = Array.from({ length: BINS }, (_, distance) => Math.exp(-distance / BINS / REACH));

/**
 * Gives the map from raw scores to the share of good answers that the judgements tell of: never falling, within 0..1, at most 22 points.
 * `base` is what is taken to hold where little was judged (none: scores are right as they are). It is moved by how far judgements
 * near by are from it, and mixed with what was judged; then isotonicFit makes it rise. With no judgements it is `base`.
 */
export function fitMap(
  bins: readonly JudgedBin[],
  base: readonly CalibrationPoint[] = [],
): readonly CalibrationPoint[] {
  if (bins.every(({ weight }) => weight === 0)) return base;
  const misses = bins.map(
    ({ weight, score, good }) => good - (weight === 0 ? 0 : weight * calibrate(score / weight, base)),
  );
  const blocks = isotonicFit(
    bins.map((bin, at) => {
      const center = (at + 0.5) / BINS;
      const expected = fraction(calibrate(center, base) + shiftAt(at, bins, misses));
      const weight = bin.weight + PRIOR;
      return { x: (bin.score + PRIOR * center) / weight, y: fraction((bin.good + PRIOR * expected) / weight), weight };
    }),
  );
  return withEnds(blocks.map(({ x, y }) => ({ raw: x, calibrated: y })));
}

/** How far judgements near a bin are from the base on average, drawn towards 0 where they are few. */
function shiftAt(at: number, bins: readonly JudgedBin[], misses: readonly number[]): number {
  let [missed, weight] = [0, PRIOR];
  for (const [other, bin] of bins.entries()) {
    const near = KERNEL[Math.abs(other - at)] ?? 0;
    missed += near * (misses[other] ?? 0);
    weight += near * bin.weight;
  }
  return missed / weight;
}

/** A map is level beyond its points; outside of the outermost bins' middles it should rise as scores do. */
function withEnds(points: readonly CalibrationPoint[]): readonly CalibrationPoint[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return points;
  return [
    { raw: 0, calibrated: fraction(first.calibrated - first.raw) },
    ...points,
    { raw: 1, calibrated: fraction(last.calibrated + 1 - last.raw) },
  ];
}
