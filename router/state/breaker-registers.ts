import { z } from 'zod';
import { storedBreaker, type StoredBreaker } from '../resilience/breaker-memory.ts';
import { isLater, nextStamp, type Stamp } from './stamp.ts';

/**
 * The breaker of each module as routers tell it one another: the last change wins, one by hand over those that did not know of
 * it. Merging is commutative, associative and idempotent, so that routers agree whatever the order, and however often they hear
 * the same thing. A half-open breaker is not told: every router tries for itself, and tells how it went.
 */
export interface BreakerRegister extends Stamp {
  /** Times that it was opened by hand, and closed again. */
  readonly hands: number;
  /** Null when it is closed and has not been open for long. */
  readonly breaker: StoredBreaker | null;
}

/** By module id. */
export type BreakerRegisters = ReadonlyMap<string, BreakerRegister>;

/** As they are told: pairs of module id and register. */
export const breakerRegistersSchema = z.array(
  z.tuple([
    z.string(),
    z.object({
      atMs: z.number().min(0),
      by: z.string(),
      hands: z.int().min(0),
      breaker: storedBreaker.nullable(),
    }),
  ]),
);

/** Gives the winning register of each module. */
export function mergeBreakers(a: BreakerRegisters, b: BreakerRegisters): BreakerRegisters {
  const merged = new Map(a);
  for (const [moduleId, register] of b) if (wins(register, merged.get(moduleId))) merged.set(moduleId, register);
  return merged;
}

/** Gives the modules whose register is another one in `after`. */
export function changedModules(before: BreakerRegisters, after: BreakerRegisters): string[] {
  return [...after].flatMap(([moduleId, register]) => (wins(register, before.get(moduleId)) ? [moduleId] : []));
}

/** Gives the register of a breaker that has changed at this router. */
export function nextRegister(
  before: BreakerRegister | undefined,
  breaker: StoredBreaker | null,
  nowMs: number,
  by: string,
): BreakerRegister {
  const isHand = isByHand(breaker) !== isByHand(before?.breaker ?? null);
  return { ...nextStamp(before, nowMs, by), hands: (before?.hands ?? 0) + (isHand ? 1 : 0), breaker };
}

function wins(a: BreakerRegister, b: BreakerRegister | undefined): boolean {
  if (b === undefined) return true;
  return a.hands === b.hands ? isLater(a, b) : a.hands > b.hands;
}

function isByHand(breaker: StoredBreaker | null): boolean {
  return breaker?.open === true && breaker.byHand;
}
