import { EMPTY_SKETCH, sumCounts, withLatency, type LatencySketch } from './latency-sketch.ts';

/** What all counts of the books have. */
interface Since {
  /** When the first thing was counted, in milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** What has come of the calls of one module for one class. */
export interface AttemptCounts extends Since {
  /** Attempts. */
  readonly count: number;
  readonly accepted: number;
  /** Failures by reason; rejected answers are LOW_CONFIDENCE. */
  readonly failures: Readonly<Record<string, number>>;
  /** Requests whose answer it gave in the place of the module that was asked first. */
  readonly standIns: number;
}

/** What has come of the requests of one class that went one way, e.g. a → b. */
export interface PathCounts extends Since {
  /** Requests. */
  readonly count: number;
  /** Requests that ended with an accepted answer. */
  readonly accepted: number;
  /** Time that was lost on the attempts before the last one. */
  readonly added: LatencySketch;
}

/** What is to be added for a module and a class. */
export interface MoreAttempts {
  readonly accepted?: number;
  /** Reason of one failure. */
  readonly failure?: string | undefined;
  readonly standIns?: number;
}

/** Counts after more attempts. */
export function withAttempts(before: AttemptCounts | undefined, more: MoreAttempts, nowMs: number): AttemptCounts {
  const { accepted = 0, failure, standIns = 0 } = more;
  const { failures = {} } = before ?? {};
  return {
    sinceMs: before?.sinceMs ?? nowMs,
    count: (before?.count ?? 0) + accepted + (failure === undefined ? 0 : 1),
    accepted: (before?.accepted ?? 0) + accepted,
    failures: failure === undefined ? failures : { ...failures, [failure]: (failures[failure] ?? 0) + 1 },
    standIns: (before?.standIns ?? 0) + standIns,
  };
}

/** Counts after one more request that went this way. `addedMs` is undefined when it got no answer. */
export function withRequest(
  before: PathCounts | undefined,
  { accepted, addedMs }: { readonly accepted: boolean; readonly addedMs: number | undefined },
  nowMs: number,
): PathCounts {
  const added = before?.added ?? EMPTY_SKETCH;
  return {
    sinceMs: before?.sinceMs ?? nowMs,
    count: (before?.count ?? 0) + 1,
    accepted: (before?.accepted ?? 0) + (accepted ? 1 : 0),
    added: addedMs === undefined ? added : withLatency(added, addedMs),
  };
}

/** Gives what several routers have counted, as one. */
export function sumAttempts(counts: readonly AttemptCounts[]): AttemptCounts {
  return {
    ...sumOf(counts),
    failures: sumCounts(counts.map(({ failures }) => failures)),
    standIns: counts.reduce((sum, { standIns }) => sum + standIns, 0),
  };
}

/** Gives what several routers have counted, as one. */
export function sumPaths(counts: readonly PathCounts[]): PathCounts {
  return { ...sumOf(counts), added: sumCounts(counts.map(({ added }) => added)) };
}

function sumOf(counts: readonly (Since & { readonly count: number; readonly accepted: number })[]) {
  return {
    sinceMs: Math.min(...counts.map(({ sinceMs }) => sinceMs)),
    count: counts.reduce((sum, { count }) => sum + count, 0),
    accepted: counts.reduce((sum, { accepted }) => sum + accepted, 0),
  };
}
