import { isLostResource, type LostResource } from '../../../core/lost-resource.ts';
import type { CallEnd } from '../call-end.ts';

/** Calls that failed because something was used up, as their errors said. */
export interface Losses {
  readonly resource: LostResource;
  /** What the last one said; may be empty. */
  readonly said: string;
  /** When they were, oldest first, on the monotonic clock; of the last 30 s. */
  readonly atMs: readonly number[];
  /** How many there were since the last good answer, or since a restart was ordered. */
  readonly inARow: number;
}

const SPAN_MS = 30_000;
/** Failures that are kept; more say no more. */
const MOST = 50;
/** Part of the whole from which on one failure is believed: what is full, and says so. */
const FULL = 0.97;
/** Failures that are believed by themselves: one alone may have asked for too much. */
const ENOUGH = 2;
/** What a new process has again. A full disk stays full, and what others use comes back by itself. */
const BACK_WITH_A_RESTART: readonly LostResource[] = ['gpu_memory', 'memory', 'files'];

/** Gives the losses after the end of one more call. */
export function afterCall(before: Losses | undefined, end: CallEnd, nowMs: number): Losses | undefined {
  if (end.kind === 'answered')
    return before === undefined || before.inARow === 0 || !end.accepted ? before : { ...before, inARow: 0 };
  if (end.kind === 'released' || end.error.reason !== 'MODULE_OUT_OF_RESOURCES') return before;
  const { resource, said = '' } = end.error.metadata;
  const lost = isLostResource(resource) ? resource : (before?.resource ?? 'memory');
  const earlier = before?.resource === lost ? before : undefined;
  return {
    resource: lost,
    said,
    atMs: [...(earlier?.atMs ?? []), nowMs].slice(-MOST).filter((atMs) => nowMs - atMs <= SPAN_MS),
    inARow: (earlier?.inARow ?? 0) + 1,
  };
}

/**
 * Tells whether a module is out of what its errors say. `usedFraction` is how much of it is in use, from 0 to 1; undefined where that
 * is not known.
 */
export function isLost(losses: Losses | undefined, usedFraction: number | undefined, nowMs: number): boolean {
  if (losses === undefined) return false;
  const recent = losses.atMs.filter((atMs) => nowMs - atMs <= SPAN_MS).length;
  return recent >= ((usedFraction ?? 0) >= FULL ? 1 : ENOUGH);
}

/** Tells whether only a new process can help: `after` failures in a row, of a kind that it would have again; never when 0. */
export function needsNewProcess(losses: Losses | undefined, after: number): losses is Losses {
  if (losses === undefined || after === 0) return false;
  return losses.inARow >= after && BACK_WITH_A_RESTART.includes(losses.resource);
}
