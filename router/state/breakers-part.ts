import type { Clock } from '../../core/clock.ts';
import type { Json } from '../../core/store/store.ts';
import { fromStored, toStored } from '../resilience/breaker-memory.ts';
import type { Breaker } from '../resilience/breaker.ts';
import {
  breakerRegistersSchema,
  changedModules,
  mergeBreakers,
  nextRegister,
  type BreakerRegisters,
} from './breaker-registers.ts';
import type { SharedPart } from './shared-part.ts';

/** What was opened by hand stays so over a week without a router. */
const TTL_MS = 7 * 86_400_000;

export interface BreakersPartOptions {
  readonly routerId: string;
  readonly clock: Clock;
  /** Puts a breaker in the place of the module's own. */
  readonly adopt: (moduleId: string, breaker: Breaker) => void;
}

export interface BreakersPart extends SharedPart {
  /** To be called whenever a breaker has changed here. */
  readonly changed: (moduleId: string, breaker: Breaker) => void;
  /** Whether a module's open breaker was last opened by what this router has seen itself, rather than by another's word. */
  readonly isOwn: (moduleId: string) => boolean;
}

/** Has a breaker that opens or closes at one router do so at all of them, and keeps it over a restart. */
export function createBreakersPart({ routerId, clock, adopt }: BreakersPartOptions): BreakersPart {
  let registers: BreakerRegisters = new Map();
  let version = 0;
  let adopting = false;
  /** Kept apart from the registers, in which another router that saw the same a moment later takes this one's place. */
  const opened = new Set<string>();
  const moment = (): { nowMs: number; monotonicMs: number } => ({
    nowMs: clock.nowMs(),
    monotonicMs: clock.monotonicMs(),
  });
  const take = (told: unknown): void => {
    const parsed = breakerRegistersSchema.safeParse(told);
    if (!parsed.success) return;
    const merged = mergeBreakers(registers, new Map(parsed.data));
    const changed = changedModules(registers, merged);
    if (changed.length === 0) return;
    registers = merged;
    version += 1;
    adopting = true;
    try {
      for (const moduleId of changed) {
        const breaker = fromStored(registers.get(moduleId)?.breaker ?? undefined, moment());
        if (breaker.phase !== 'OPEN') opened.delete(moduleId);
        adopt(moduleId, breaker);
      }
    } finally {
      adopting = false;
    }
  };

  return {
    name: 'breakers',
    ttlMs: TTL_MS,
    get version() {
      return version;
    },
    tell: () => [...registers] as unknown as Json,
    restore: (told) => {
      take(told);
      for (const [moduleId, { by, breaker }] of registers)
        if (by === routerId && breaker?.open === true) opened.add(moduleId);
    },
    hear: (_routerId, told) => {
      take(told);
    },
    settle: () => undefined,
    changed(moduleId, breaker) {
      if (adopting || breaker.phase === 'HALF_OPEN') return;
      if (breaker.phase === 'OPEN') opened.add(moduleId);
      else opened.delete(moduleId);
      const now = moment();
      const register = nextRegister(registers.get(moduleId), toStored(breaker, now) ?? null, now.nowMs, routerId);
      registers = new Map([...registers, [moduleId, register]]);
      version += 1;
    },
    isOwn: (moduleId) => opened.has(moduleId),
  };
}
