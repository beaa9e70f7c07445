import type { Rng } from '../../core/rng.ts';

/** Draws from the Beta distribution with `a`, `b` > 0, as the share of one of two Gamma variables. */
export function betaSample(a: number, b: number, rng: Rng): number {
  const x = gammaSample(a, rng);
  const y = gammaSample(b, rng);
  return x + y === 0 ? a / (a + b) : x / (x + y);
}

/** Draws from the Gamma distribution with the given shape and scale 1 (Marsaglia and Tsang 2000, "A simple method …"). */
function gammaSample(shape: number, rng: Rng): number {
  // Below 1 the method does not hold: Gamma(a) = Gamma(a + 1) · U^(1/a).
  if (shape < 1) return gammaSample(shape + 1, rng) * Math.pow(1 - rng.next(), 1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const z = normalSample(rng);
    const v = (1 + c * z) ** 3;
    if (v > 0 && Math.log(1 - rng.next()) < 0.5 * z * z + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Draws from the standard normal distribution (Box and Muller 1958). */
function normalSample(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
