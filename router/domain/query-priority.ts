import type { Caller } from './caller.ts';
import { effectivePriority, type Priority } from './priority.ts';
import type { Query } from './query.ts';

/**
 * Gives a query with the priority that holds for it: its own, else that of the request's headers, else its tenant's; never
 * higher than the caller may go.
 */
export function withPriority(query: Query, { principal, priority: ofHeaders }: Caller): Query {
  const priority = effectivePriority(query.priority ?? ofHeaders, principal);
  // Copies are spared in bulk, where nearly all are normal.
  return priority === (query.priority ?? 'normal') ? query : { ...query, priority };
}

/** Gives the priority that holds for a query which has been through `withPriority`. */
export function priorityOf({ priority = 'normal' }: Query): Priority {
  return priority;
}
