import type { Breaker } from './breaker.ts';
import type { ModuleRecord } from './module-record.ts';

/** What this router tells the mesh of one module. */
export interface ModuleReport {
  readonly moduleId: string;
  /** For how long its breaker refuses calls from now on, in milliseconds; undefined while it lets them through. */
  readonly breakerOpenForMs: number | undefined;
  /** Whether it was opened by another router's word alone, which is then no further witness. */
  readonly isCopied: boolean;
  /** Share of good answers that it has learned, from 0 to 1; undefined before it has seen enough. */
  readonly weight: number | undefined;
}

/** Longest time that is told at once, in milliseconds: one that was opened by hand has no end, and is told again. */
const LONGEST_MS = 3_600_000;
/** Outcomes from which on a learned share says something. */
const MIN_OUTCOMES = 20;

/** Gives what there is to say of modules: those whose breaker is open, and what has been learned of those that split their calls. */
export function moduleReports(
  records: Iterable<ModuleRecord>,
  nowMs: number,
  isOwnBreaker: (moduleId: string) => boolean = () => true,
): readonly ModuleReport[] {
  const all = [...records];
  const inSplits = new Set(
    all.flatMap(({ spec }) => {
      const { split } = spec.traffic;
      return split.length === 0 ? [] : [spec.module_id, ...split.map(({ module }) => module)];
    }),
  );
  return all.flatMap((record) => {
    const moduleId = record.spec.module_id;
    const breakerOpenForMs = openFor(record.breaker, nowMs);
    const weight = inSplits.has(moduleId) ? learnedWeight(record) : undefined;
    if (breakerOpenForMs === undefined && weight === undefined) return [];
    return [{ moduleId, breakerOpenForMs, weight, isCopied: !isWitness(record.breaker, isOwnBreaker(moduleId)) }];
  });
}

/** A breaker that may be tried again is told as closed: somebody's probe must get through. */
function openFor(breaker: Breaker, nowMs: number): number | undefined {
  if (breaker.phase !== 'OPEN') return undefined;
  const leftMs = Math.min(breaker.untilMs - nowMs, LONGEST_MS);
  return leftMs > 0 ? leftMs : undefined;
}

/** What a person opens by hand at one router is meant for all. */
function isWitness(breaker: Breaker, isOwn: boolean): boolean {
  return isOwn || breaker.phase !== 'OPEN' || breaker.byHand;
}

function learnedWeight({ history }: ModuleRecord): number | undefined {
  const seen = [...history.values()];
  const count = seen.reduce((sum, each) => sum + each.count, 0);
  if (count < MIN_OUTCOMES) return undefined;
  return seen.reduce((sum, each) => sum + each.successRate * each.count, 0) / count;
}
