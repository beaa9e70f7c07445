/** Values of about a second, which are judged as one: single calls differ too much. */
export interface Batch {
  add(value: number): void;
  /** Gives the batch's value and begins the next one, when enough is in it; undefined otherwise. */
  take(): number | undefined;
}

/** Fewer calls say nothing; they are added to those of the next second. */
const LEAST_VALUES = 5;
const MOST_VALUES = 500;

/** Creates an empty batch, judged by its median (for what has outliers) or its mean. */
export function createBatch(by: 'median' | 'mean'): Batch {
  let values: number[] = [];
  return {
    add(value) {
      if (values.length < MOST_VALUES) values.push(value);
    },
    take() {
      if (values.length < LEAST_VALUES) return undefined;
      const taken = values;
      values = [];
      return by === 'mean' ? taken.reduce((sum, value) => sum + value, 0) / taken.length : medianOf(taken);
    },
  };
}

/** Gives the middle one of some values. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}
