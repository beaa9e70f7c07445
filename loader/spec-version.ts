import { createHash } from 'node:crypto';

import type { ModuleSpec } from '../core/config/schema.ts';

/** Gives the hash of a specification's whole content; what watchers compare. */
export function specVersion(spec: ModuleSpec): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(spec)))
    .digest('hex')
    .slice(0, 16);
}

/** Keys that the running replica does not know of: changing them restarts nothing. */
const NOT_IN_REPLICA = [
  'description',
  'query_classes',
  'fallbacks',
  'dependencies',
  'scaling',
  'in_flight_limits',
  'outlier_detection',
  'circuit_breaker',
  'price',
  'idle_timeout',
  'schedule',
] as const satisfies readonly (keyof ModuleSpec)[];

/** Gives the hash of what a replica is started with; when it changes, replicas roll. */
export function replicaVersion(spec: ModuleSpec): string {
  const kept = Object.entries(spec).filter(([key]) => !(NOT_IN_REPLICA as readonly string[]).includes(key));
  return createHash('sha256')
    .update(JSON.stringify(sorted(Object.fromEntries(kept))))
    .digest('hex')
    .slice(0, 16);
}

/** The order of keys in a file means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
