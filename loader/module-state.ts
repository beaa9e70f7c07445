import type { ModuleState, ReplicaState } from '../core/modules/module-view.ts';

export interface StateInput {
  readonly desired: number;
  /** Why that many are desired. */
  readonly desiredReason: string;
  readonly replicas: readonly { readonly state: ReplicaState; readonly reason: string }[];
  /** Why the last start failed, while the backoff after it runs; undefined otherwise. */
  readonly failure: string | undefined;
  /** Whether that wait is one of quarantine, because it has crashed in a loop. */
  readonly quarantined?: boolean;
  /** Dependencies that are not ready, with their states. */
  readonly missing: readonly { readonly moduleId: string; readonly state: ModuleState; readonly reason: string }[];
}

export interface StateAndReason {
  readonly state: ModuleState;
  readonly reason: string;
}

/**
 * Gives a module's state from what is desired and observed, by the first row that holds:
 *
 * | desired | ready        | else                          | state     |
 * | ------- | ------------ | ----------------------------- | --------- |
 * | 0       |              | no replica left               | UNLOADED  |
 * | 0       |              | some left                     | UNLOADING |
 * | n       | ≥ n          |                               | READY     |
 * | n       | 1..n-1       |                               | DEGRADED  |
 * | n       | 0            | a dependency has failed       | FAILED    |
 * | n       | 0            | crashed in a loop, left alone | QUARANTINED |
 * | n       | 0            | a start failed, backoff runs  | FAILED    |
 * | n       | 0            | a replica became unhealthy    | FAILED    |
 * | n       | 0            | otherwise                     | LOADING   |
 */
export function moduleState({
  desired,
  desiredReason,
  replicas,
  failure,
  quarantined = false,
  missing,
}: StateInput): StateAndReason {
  const ready = replicas.filter(({ state }) => state === 'READY').length;
  const unhealthy = replicas.find(({ state }) => state === 'UNHEALTHY');
  if (desired === 0 && replicas.length === 0) return { state: 'UNLOADED', reason: desiredReason };
  if (desired === 0) return { state: 'UNLOADING', reason: desiredReason };
  if (ready >= desired) return { state: 'READY', reason: '' };
  const why = failure ?? unhealthy?.reason;
  if (ready > 0) return { state: 'DEGRADED', reason: why ?? `${ready} of ${desired} replicas are ready` };
  const broken = missing.find(({ state }) => state === 'FAILED' || state === 'QUARANTINED');
  if (broken !== undefined) return { state: 'FAILED', reason: `it needs ${broken.moduleId}: ${broken.reason}` };
  if (why !== undefined) return { state: quarantined ? 'QUARANTINED' : 'FAILED', reason: why };
  if (missing.length === 0) return { state: 'LOADING', reason: desiredReason };
  return { state: 'LOADING', reason: `waits for ${missing.map(({ moduleId }) => moduleId).join(', ')}` };
}
