import type { ModuleSpec, QueryClass } from '../../core/config/schema.ts';
import type { ModuleState } from '../../core/modules/module-view.ts';
import { placesFor, type Priority } from '../domain/priority.ts';

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
  /** `slow_start`: it is back after a failure; `drifting`: it is getting worse; `exhausted`: its resources are used up. */
  readonly reason: 'slow_start' | 'drifting' | 'exhausted';
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
  /** Calls in flight that the module can take, as has been learned; what its configuration allows when undefined. */
  readonly inFlightLimit?: number | undefined;
  /** Its queries in bulk that have been sent. */
  readonly bulkSent?: number;
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
  return Math.min(configuredCapacity(status), learnedLimit(status));
}

function configuredCapacity({ spec, readyReplicas }: ModuleStatus): number {
  const { max_in_flight, max_queued } = spec.concurrency;
  return readyReplicas === 0 ? Infinity : readyReplicas * (max_in_flight + max_queued);
}

function learnedLimit({ inFlightLimit = Infinity, readyReplicas }: ModuleStatus): number {
  return readyReplicas === 0 ? Infinity : inFlightLimit;
}

/** Why a module has no place for another query. */
export interface Fullness {
  readonly inFlight: number;
  readonly limit: number;
  /** Whether the limit is one that has been learned, and is under the configured one. */
  readonly isLearned: boolean;
}

/** Gives why a module has no place for a query of this priority; undefined when it has one. */
export function fullness(status: ModuleStatus, priority: Priority): Fullness | undefined {
  const capacity = configuredCapacity(status);
  if (status.inFlight >= capacity) return { inFlight: status.inFlight, limit: capacity, isLearned: false };
  const learned = learnedLimit(status);
  if (learned === Infinity) return undefined;
  const limit = placesFor(priority, learned, capacity);
  const inFlight = status.inFlight + (status.bulkSent ?? 0);
  return inFlight < limit ? undefined : { inFlight, limit, isLearned: true };
}

/** Gives the confidence under which a module's answer to a class counts as a failure. */
export function thresholdOf(
  { spec, thresholds }: Pick<ModuleStatus, 'spec' | 'thresholds'>,
  queryClass: QueryClass,
): number {
  return thresholds?.get(queryClass) ?? spec.confidence_threshold;
}
