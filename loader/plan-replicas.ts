import type { ReplicaState } from '../core/modules/module-view.ts';

/** What a plan needs to know of a replica. */
export interface PlannedReplica {
  readonly replicaId: string;
  readonly state: ReplicaState;
  /** Version of the specification that the replica was started with. */
  readonly version: string;
  readonly inFlight: number;
  readonly createdAtMs: number;
}

export interface PlanInput {
  readonly desired: number;
  readonly version: string;
  readonly maxReplicas: number;
  readonly replicas: readonly PlannedReplica[];
  /** Whether replicas may be started now: dependencies are ready and no backoff is running. */
  readonly mayStart: boolean;
}

/** What to do with a module's replicas. */
export interface ReplicaPlan {
  /** New replicas to start. */
  readonly start: number;
  /** Replicas in BACKOFF to start again. */
  readonly restart: readonly string[];
  /** Replicas to drain and stop. */
  readonly stop: readonly string[];
}

/**
 * Compares desired and observed replicas. Level-based: the same observation gives the same plan, and carrying it out
 * gives an observation with an empty plan. A changed specification rolls: new replicas start beside the old ones, never
 * more than max_replicas + 1 in all (draining ones included), and an old one stops once a new one is ready in its place.
 */
export function planReplicas({ desired, version, maxReplicas, replicas, mayStart }: PlanInput): ReplicaPlan {
  const live = replicas.filter(({ state }) => state !== 'DRAINING');
  const current = live.filter((replica) => replica.version === version);
  const outdated = live.filter((replica) => replica.version !== version);
  const surplus = leastMissedFirst(current).slice(0, Math.max(0, current.length - desired));
  const kept = current.filter((replica) => !surplus.includes(replica));
  const readyKept = kept.filter(({ state }) => state === 'READY').length;
  const stop = [...surplus, ...retired(outdated, desired - readyKept)].map(({ replicaId }) => replicaId);

  const room = maxReplicas + 1 - replicas.length;
  const missing = Math.max(0, Math.min(desired - kept.length, room));
  const ended = kept.filter(({ state }) => state === 'BACKOFF').map(({ replicaId }) => replicaId);
  return { start: mayStart ? missing : 0, restart: mayStart ? ended : [], stop };
}

/** Of the outdated replicas, keeps only ready ones, and of these only as many as new ones are not ready yet. */
function retired(outdated: readonly PlannedReplica[], stillNeeded: number): readonly PlannedReplica[] {
  const ready = leastMissedFirst(outdated.filter(({ state }) => state === 'READY'));
  const useless = outdated.filter(({ state }) => state !== 'READY');
  return [...useless, ...ready.slice(0, Math.max(0, ready.length - Math.max(0, stillNeeded)))];
}

const MISSED: Record<ReplicaState, number> = { BACKOFF: 0, UNHEALTHY: 1, STARTING: 2, DRAINING: 3, READY: 4 };

/** Orders by how little a replica would be missed: not running before running, empty before busy, new before old. */
function leastMissedFirst(replicas: readonly PlannedReplica[]): readonly PlannedReplica[] {
  return replicas.toSorted(
    (a, b) => MISSED[a.state] - MISSED[b.state] || a.inFlight - b.inFlight || b.createdAtMs - a.createdAtMs,
  );
}
