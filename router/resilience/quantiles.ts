/** The last values of something, for a quantile of them. */
export interface RecentValues {
  add(value: number): void;
  /** Nearest rank of the fraction; undefined while too few values are known. */
  quantile(fraction: number): number | undefined;
  readonly count: number;
}

const SIZE = 64;
const MIN_VALUES = 10;

/** Creates an empty memory of the last 64 values. */
export function createRecentValues(): RecentValues {
  const values: number[] = [];
  let next = 0;
  return {
    add(value) {
      values[next] = value;
      next = (next + 1) % SIZE;
    },
    quantile(fraction) {
      if (values.length < MIN_VALUES) return undefined;
      const sorted = [...values].sort((a, b) => a - b);
      return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * fraction) - 1))];
    },
    get count() {
      return values.length;
    },
  };
}
