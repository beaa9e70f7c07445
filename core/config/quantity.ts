const MULTIPLIERS: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Gives a Kubernetes quantity as a number (cores, bytes or devices): "500m" is 0.5. NaN when it is not a quantity. */
export function parseQuantity(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text);
  const multiplier = MULTIPLIERS[match?.[2] ?? ''];
  return match === null || multiplier === undefined ? Number.NaN : Number(match[1]) * multiplier;
}
