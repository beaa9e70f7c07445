/** Chance as a dependency: a number in [0, 1) at each call. */
export interface Rng {
  next(): number;
}

/** The machine's own generator; not for secrets (use node:crypto). */
export const systemRng: Rng = { next: () => Math.random() };

/** Gives a generator whose sequence depends on `seed` alone (mulberry32, public domain, by Tommy Ettinger). */
export function createSeededRng(seed: number): Rng {
  let state = seed >>> 0;
  return {
    next: () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

/** Gives `ms` varied by up to ±`fraction`, so that retries of many do not fall together. */
export function jitter(ms: number, fraction: number, rng: Rng): number {
  return ms * (1 + fraction * (2 * rng.next() - 1));
}
