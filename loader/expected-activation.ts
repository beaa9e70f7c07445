/** Share of the newest cold start in the estimate: three starts make nine tenths of a changed time felt. */
const NEWEST_SHARE = 0.5;

/** Gives the estimate after a cold start that took `tookMs`: an exponentially weighted mean. */
export function learnActivation(estimateMs: number | undefined, tookMs: number): number {
  return estimateMs === undefined ? tookMs : estimateMs + NEWEST_SHARE * (tookMs - estimateMs);
}
