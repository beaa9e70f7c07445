/** Outcomes of the last while, in slices that fall out one by one. Written to by every call, so that it is not copied. */
export interface RateWindow {
  add(failed: boolean, nowMs: number): void;
  /** Outcomes within the window. */
  recent(nowMs: number): { readonly total: number; readonly failures: number };
  clear(): void;
}

const SLICES = 10;

/** Creates an empty window of `windowMs`. */
export function createRateWindow(windowMs: number): RateWindow {
  const sliceMs = windowMs / SLICES;
  const totals = new Array<number>(SLICES).fill(0);
  const failures = new Array<number>(SLICES).fill(0);
  let current = 0;
  const moveTo = (nowMs: number): number => {
    const slice = Math.floor(nowMs / sliceMs);
    for (let old = Math.max(current + 1, slice - SLICES + 1); old <= slice; old += 1) {
      totals[old % SLICES] = 0;
      failures[old % SLICES] = 0;
    }
    current = Math.max(current, slice);
    return current % SLICES;
  };
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    add(failed, nowMs) {
      const at = moveTo(nowMs);
      totals[at] = (totals[at] ?? 0) + 1;
      if (failed) failures[at] = (failures[at] ?? 0) + 1;
    },
    recent(nowMs) {
      moveTo(nowMs);
      return { total: sum(totals), failures: sum(failures) };
    },
    clear() {
      totals.fill(0);
      failures.fill(0);
    },
  };
}
