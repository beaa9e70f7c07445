import type { ModuleSpec } from '../../core/config/schema.ts';
import type { ReplicaUsage } from '../../core/modules/module-view.ts';

/** Order to start one replica. */
export interface ReplicaOrder {
  readonly spec: ModuleSpec;
  readonly replicaId: string;
  /** Version of the specification, told again when the replica is found. */
  readonly version: string;
  /** When the replica was made, in ms since the epoch. */
  readonly createdAtMs: number;
}

/** A replica that an earlier loader has left running. */
export interface FoundReplica extends Omit<ReplicaOrder, 'spec'> {
  readonly moduleId: string;
  readonly endpoint: { readonly address: string; readonly port: number };
  /** Takes it over, as if it had been started with this specification. */
  adopt(spec: ModuleSpec, onEvent: (event: ReplicaEvent) => void): ReplicaHandle;
  /** Ends it, where nobody wants it any more. */
  end(): Promise<void>;
}

/** What a driver observes of a replica. */
export type ReplicaEvent =
  /** What is being done on the way to readiness, for people. */
  | { readonly type: 'stage'; readonly stage: string }
  | {
      readonly type: 'status';
      readonly phase: 'STARTING' | 'READY' | 'UNHEALTHY' | 'DRAINING';
      /** Sidecar's address; undefined until it is known. */
      readonly endpoint: { readonly address: string; readonly port: number } | undefined;
      /** Queries in flight or queued. */
      readonly inFlight: number;
      /** Queries answered since the start. */
      readonly completed: number;
      /** Why the replica is not ready; empty when it is. */
      readonly reason: string;
    }
  /** What the workload uses, when that has changed by more than a little. */
  | { readonly type: 'usage'; readonly usage: ReplicaUsage }
  /** Nothing of the replica runs any more. The last event, also after stop(). */
  | { readonly type: 'ended'; readonly reason: string };

export interface StopOptions {
  /**
   * Time to go on serving before new queries are refused: the endpoint is taken from the mesh first, and what was on
   * its way meanwhile is still answered (make before break).
   */
  readonly quietMs: number;
  /** Longest wait for queries in flight. */
  readonly drainMs: number;
}

/** A replica that a driver has started. */
export interface ReplicaHandle {
  /** Drains and stops the replica; resolves when nothing of it runs any more. Bounded in time; never rejects. */
  stop(options: StopOptions): Promise<void>;
}

/** Runs replicas somewhere. */
export interface ReplicaDriver {
  /**
   * Starts a replica and tells what it observes. Returns at once and never throws: a failure shows as `ended`. Events
   * are never sent before this returns.
   */
  start(order: ReplicaOrder, onEvent: (event: ReplicaEvent) => void): ReplicaHandle;
  /** Gives the replicas that an earlier loader has left running; called before anything is started. */
  found(): Promise<readonly FoundReplica[]>;
  /** Frees what the driver itself holds, after all replicas were stopped. */
  close(): Promise<void>;
}
