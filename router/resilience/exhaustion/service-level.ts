import type { CallEnd } from '../call-end.ts';
import { learned, type Baseline } from '../drift/change-point.ts';

/** How a call of a module went, as far as its resources have to do with it. */
export type Verdict = 'well' | 'badly';

/** Knows how fast a module usually serves each class. */
export interface ServiceLevels {
  /**
   * Judges the end of a call; undefined when it says nothing of how much the module can do. `atLimit`: whether the module is at a
   * limit of its resources, in which case slow calls do not change what is usual.
   */
  judge(queryClass: string, end: CallEnd, atLimit: boolean): Verdict | undefined;
}

/** Calls of a class from which on it is known how fast they usually are. */
const KNOWN = 10;
/** A call is slow from this factor and from so many spreads on, in logarithms: times are spread by factors. */
const SLOW = Math.log(2);
const SPREADS = 1.5;
/** Times below are those of the machine, not of the module, in milliseconds. */
const LEAST_MS = 20;
/** Answers of fewer tokens tell no pace. */
const LEAST_TOKENS = 16;
const NOTHING: Baseline = { count: 0, mean: 0, variance: 0 };

/** Creates levels that know nothing. */
export function createServiceLevels(): ServiceLevels {
  const levels = new Map<string, Baseline>();
  const isSlow = (key: string, ms: number, atLimit: boolean): boolean => {
    const level = levels.get(key) ?? NOTHING;
    const value = Math.log(ms);
    const bound = level.mean + Math.max(SLOW, SPREADS * Math.sqrt(level.variance));
    const slow = level.count >= KNOWN && value > bound;
    if (!slow || !atLimit) levels.set(key, learned(level, value));
    return slow;
  };
  return {
    judge(queryClass, end, atLimit) {
      if (end.kind === 'released') return undefined;
      if (end.kind === 'failed') {
        const { reason } = end.error;
        return reason === 'MODULE_OVERLOADED' || (reason === 'MODULE_TIMEOUT' && end.modulesFault)
          ? 'badly'
          : undefined;
      }
      const slow = pacesOf(end).filter(([name, ms]) => isSlow(`${name} ${queryClass}`, ms, atLimit));
      return slow.length === 0 ? 'well' : 'badly';
    },
  };
}

/** Answers differ in length, and their whole time with it: that is looked at only where nothing else is known. */
function pacesOf(end: Extract<CallEnd, { kind: 'answered' }>): readonly (readonly [string, number])[] {
  const { latencyMs, serviceMs = latencyMs, firstTokenMs, tokens = 0 } = end;
  const writingMs = serviceMs - (firstTokenMs ?? 0);
  const paces = [
    ...(firstTokenMs === undefined ? [] : [['first_token', Math.max(LEAST_MS, firstTokenMs)] as const]),
    ...(tokens < LEAST_TOKENS ? [] : [['token', Math.max(LEAST_MS, writingMs) / tokens] as const]),
  ];
  return paces.length > 0 ? paces : [['whole', Math.max(LEAST_MS, serviceMs)]];
}
