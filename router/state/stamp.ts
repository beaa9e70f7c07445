/** When and by whom something was set. Total order over all routers, so that each of them finds the same one the last. */
export interface Stamp {
  /** Wall-clock milliseconds since the epoch, pushed past what was seen before, so that a slow clock cannot be last for ever. */
  readonly atMs: number;
  /** Router that set it. */
  readonly by: string;
}

/** Tells whether `a` was set after `b`. */
export function isLater(a: Stamp, b: Stamp): boolean {
  return a.atMs === b.atMs ? a.by > b.by : a.atMs > b.atMs;
}

/** Gives the stamp of a change made now, later than the one before it. */
export function nextStamp(before: Stamp | undefined, nowMs: number, by: string): Stamp {
  return { atMs: before === undefined ? nowMs : Math.max(nowMs, before.atMs + 1), by };
}
