import type { Occurrence } from './matrix.ts';

/** About how long things take, in seconds, on two cores. Only their ratios matter once something is measured. */
const ABOUT_S = { system: 12, start: 3, request: 0.025, slowRound: 5, blow: 9 } as const;
const SLOW_AT_ONCE = 60;

/** Gives about how much work each occurrence is; the first of each kind brings the start of its system. */
export function weightsOf(occurrences: readonly Occurrence[], requests: number): readonly number[] {
  const started = new Set<string>();
  return occurrences.map((occurrence) => {
    const { system = 'openai' } = occurrence.fault;
    const own = started.has(system) ? 0 : ABOUT_S.system;
    started.add(system);
    return own + weightOf(occurrence, requests);
  });
}

function weightOf({ fault, cells }: Occurrence, requests: number): number {
  if (fault.blow !== undefined || fault.noticed === true || fault.system === 'workload') return ABOUT_S.blow;
  const asked = cells.length * requests;
  if (fault.slow === true) return ABOUT_S.start + Math.ceil(asked / SLOW_AT_ONCE) * ABOUT_S.slowRound;
  if (fault.cools === true) return ABOUT_S.start + requests;
  return ABOUT_S.start / 3 + asked * ABOUT_S.request;
}

/** Gives the seconds that are left, by how long the work so far has taken. */
export function remainingS(weights: readonly number[], done: number, elapsedS: number): number {
  const sum = (of: readonly number[]): number => of.reduce((total, weight) => total + weight, 0);
  const past = sum(weights.slice(0, done));
  return past === 0 ? sum(weights) : (elapsedS / past) * sum(weights.slice(done));
}

/** Gives a span for people: `45 s`, `3 min`. */
export function spanOf(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
