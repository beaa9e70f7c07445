import { PRIORITIES } from '../../core/config/overload-schema.ts';
import type { Principal } from './principal.ts';

/**
 * Importance of a request, as in Google's four criticalities (CRITICAL_PLUS, CRITICAL, SHEDDABLE_PLUS, SHEDDABLE; Site
 * Reliability Engineering, ch. 21): critical, high, normal, low.
 */
export type Priority = (typeof PRIORITIES)[number];

/** Place of a priority in the order, from 0 for the least. */
export function rankOf(priority: Priority): number {
  return PRIORITIES.indexOf(priority);
}

/** Gives the lower one of two priorities. */
export function lowerOf(a: Priority, b: Priority): Priority {
  return rankOf(a) <= rankOf(b) ? a : b;
}

/** Gives the highest of some priorities; the least one of none. */
export function highestOf(priorities: readonly Priority[]): Priority {
  return priorities.reduce((highest, each) => (rankOf(each) > rankOf(highest) ? each : highest), 'low');
}

/** Gives the priority that a request has: the one that it asks for, as far as its caller may go, or the tenant's own. */
export function effectivePriority(
  asked: Priority | undefined,
  { priority = 'normal', maxPriority = 'critical' }: Pick<Principal, 'priority' | 'maxPriority'>,
): Priority {
  return lowerOf(asked ?? priority, maxPriority);
}

/** Share of the places that low priority leaves to the others, and that high ones get above a limit that has been lowered. */
const LOW_LEAVES = 0.25;
const HIGH_EXCEEDS = 0.1;

/**
 * Gives how many of the places may be taken when a request of this priority wants one: low priority leaves a quarter to the
 * others, high and critical go a tenth above a limit that is under the configured maximum. At least one.
 */
export function placesFor(priority: Priority, limit: number, max: number): number {
  if (priority === 'normal') return limit;
  if (priority === 'low') return Math.max(1, Math.ceil(limit * (1 - LOW_LEAVES)));
  return Math.max(limit, Math.min(max, limit + Math.ceil(limit * HIGH_EXCEEDS)));
}

/** Gives a text as a priority; undefined when it is none. */
export function parsePriority(text: string): Priority | undefined {
  const lower = text.toLowerCase();
  return PRIORITIES.find((priority) => priority === lower);
}
