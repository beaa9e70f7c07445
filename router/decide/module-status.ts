import type { ModuleSpec, QueryClass } from '../../core/config/schema.ts';
import type { ModuleState } from '../../core/modules/module-view.ts';

/** What is known of a module's answers to one class of queries. */
export interface ClassHistory {
  /** Outcomes seen. */
  readonly count: number;
  /** Share of accepted answers, rolling, from 0 to 1. */
  readonly successRate: number;
  /** Rolling mean of scores, from 0 to 1. */
  readonly confidence: number;
  /** Rolling mean of latencies, in milliseconds. */
  readonly latencyMs: number;
}

/** Part of its queries that a module is given for a while. */
export interface Share {
  /** From 0 to 1. */
  readonly fraction: number;
  /** `slow_start`: it is back after a failure; `drifting`: it is getting worse. */
  readonly reason: 'slow_start' | 'drifting';
}

/** What planning knows of one module. */
export interface ModuleStatus {
  readonly spec: ModuleSpec;
  readonly state: ModuleState;
  /** Why the state is as it is; may be empty. */
  readonly reason: string;
  readonly readyReplicas: number;
  /** How long activation is expected to take, in milliseconds; undefined while none is known. */
  readonly expectedActivationMs: number | undefined;
  /** Whether the breaker lets a call through now. */
  readonly breakerAdmits: boolean;
  /** Time until the breaker may let a call through, in milliseconds; undefined when there is no telling. */
  readonly breakerRetryMs?: number | undefined;
  /** Time for which the module has asked to be left alone (retry-after), in milliseconds. */
  readonly cooldownMs?: number;
  /** Confidence thresholds that were learned, in the place of the configured one. */
  readonly thresholds?: ReadonlyMap<QueryClass, number>;
  /** Whether it failed and is on its way back. */
  readonly recovering?: boolean;
  /** Part of its queries that the module is given for now; undefined for all of them. */
  readonly share?: Share | undefined;
  /** This router's queries in flight at the module. */
  readonly inFlight: number;
  readonly history: ReadonlyMap<QueryClass, ClassHistory>;
}

/** Modules by id, as they are now. */
export type ModuleStatuses = ReadonlyMap<string, ModuleStatus>;

/** Gives how long a module is expected to take until a replica is ready, in milliseconds; 0 when one is. */
export function expectedWaitMs(status: ModuleStatus): number {
  if (status.readyReplicas > 0) return 0;
  return status.expectedActivationMs ?? status.spec.timeouts.readiness * 1000;
}

/** Queries that a module's ready replicas take together, running and queued; unlimited while none is ready. */
export function capacityOf(status: ModuleStatus): number {
  const { max_in_flight, max_queued } = status.spec.concurrency;
  return status.readyReplicas === 0 ? Infinity : status.readyReplicas * (max_in_flight + max_queued);
}

/** Gives the confidence under which a module's answer to a class counts as a failure. */
export function thresholdOf(
  { spec, thresholds }: Pick<ModuleStatus, 'spec' | 'thresholds'>,
  queryClass: QueryClass,
): number {
  return thresholds?.get(queryClass) ?? spec.confidence_threshold;
}
