import type { Endpoint, GpuUsage as GpuMessage, Module, Replica } from '../../gen/frontier/loader/v1/loader.ts';
import {
  ModuleState as ProtoModuleState,
  ReplicaState as ProtoReplicaState,
} from '../../gen/frontier/loader/v1/loader.ts';
import { moduleSpecSchema } from '../config/schema.ts';
import type { ModuleSpec } from '../config/schema.ts';

/** What everybody but the loader knows of a module: its specification and what was observed of it. */
export interface ModuleView {
  readonly moduleId: string;
  readonly spec: ModuleSpec;
  readonly specVersion: string;
  readonly state: ModuleState;
  /** Why the state is as it is; may be empty. */
  readonly reason: string;
  readonly replicas: readonly ReplicaView[];
  readonly desiredReplicas: number;
  readonly inFlight: number;
  readonly waiting: number;
  readonly requestsPerSecond: number;
  /** How long activation is expected to take, in milliseconds; undefined while none is known. */
  readonly expectedActivationMs: number | undefined;
  readonly lastUseAtMs: number | undefined;
  readonly stateChangedAtMs: number | undefined;
}

export const MODULE_STATES = [
  'UNLOADED',
  'LOADING',
  'READY',
  'DEGRADED',
  'UNLOADING',
  'FAILED',
  'QUARANTINED',
] as const;
export type ModuleState = (typeof MODULE_STATES)[number];
export type ReplicaState = 'STARTING' | 'READY' | 'UNHEALTHY' | 'DRAINING' | 'BACKOFF';

export interface ReplicaView {
  readonly replicaId: string;
  readonly state: ReplicaState;
  readonly reason: string;
  /** Sidecar's address; undefined until it is known. */
  readonly endpoint: EndpointView | undefined;
  readonly restarts: number;
  readonly inFlight: number;
  readonly createdAtMs: number | undefined;
  readonly readyAtMs: number | undefined;
  /** What the workload uses; left out while unknown. */
  readonly usage?: ReplicaUsage;
}

/** What a workload uses of its machine; undefined is what is not known. */
export interface ReplicaUsage {
  /** Resident memory, in bytes. */
  readonly memoryBytes?: number | undefined;
  /** CPU cores over the last seconds. */
  readonly cpuCores?: number | undefined;
  /** Undefined for one that uses no GPU. */
  readonly gpu?: GpuUsage | undefined;
}

export interface GpuUsage {
  /** What the workload itself takes of its GPUs' memory, in bytes. */
  readonly memoryBytes: number | undefined;
  /** The whole memory of the GPUs that it runs on, in bytes. */
  readonly deviceMemoryBytes: number;
  /** Used part of the memory of the fullest of its GPUs, whoever uses it, from 0 to 1. */
  readonly usedFraction: number;
  /** Part of the last moments in which the busiest of its GPUs worked, from 0 to 1. */
  readonly utilization: number | undefined;
}

export interface EndpointView {
  readonly address: string;
  readonly port: number;
  readonly zone: string;
  /** At least 1. */
  readonly weight: number;
}

/** Gives the replicas that take queries. */
export function readyReplicas(view: ModuleView): readonly ReplicaView[] {
  return view.replicas.filter((replica) => replica.state === 'READY' && replica.endpoint !== undefined);
}

const PROTO_STATES: Record<ModuleState, ProtoModuleState> = {
  UNLOADED: ProtoModuleState.UNLOADED,
  LOADING: ProtoModuleState.LOADING,
  READY: ProtoModuleState.READY,
  DEGRADED: ProtoModuleState.DEGRADED,
  UNLOADING: ProtoModuleState.UNLOADING,
  FAILED: ProtoModuleState.FAILED,
  QUARANTINED: ProtoModuleState.QUARANTINED,
};
const REPLICA_STATES: Record<ReplicaState, ProtoReplicaState> = {
  STARTING: ProtoReplicaState.STARTING,
  READY: ProtoReplicaState.READY,
  UNHEALTHY: ProtoReplicaState.UNHEALTHY,
  DRAINING: ProtoReplicaState.DRAINING,
  BACKOFF: ProtoReplicaState.BACKOFF,
};

function nameOf<Name extends string>(table: Record<Name, number>, value: number, fallback: Name): Name {
  const entry = (Object.entries(table) as [Name, number][]).find(([, number]) => number === value);
  return entry?.[0] ?? fallback;
}

/** Gives a loader's message as a view. Throws zod's error when the specification in it is not a valid one. */
export function moduleViewFromProto(module: Module): ModuleView {
  return {
    moduleId: module.moduleId,
    spec: moduleSpecSchema.parse(module.spec),
    specVersion: module.specVersion,
    state: nameOf(PROTO_STATES, module.state, 'UNLOADED'),
    reason: module.reason,
    replicas: module.replicas.map(replicaFromProto),
    desiredReplicas: module.desiredReplicas,
    inFlight: module.load?.inFlight ?? 0,
    waiting: module.load?.waiting ?? 0,
    requestsPerSecond: module.load?.requestsPerSecond ?? 0,
    expectedActivationMs: module.expectedActivation === undefined ? undefined : durationToMs(module.expectedActivation),
    lastUseAtMs: module.load?.lastUseTime?.getTime(),
    stateChangedAtMs: module.stateChangeTime?.getTime(),
  };
}

function replicaFromProto(replica: Replica): ReplicaView {
  return {
    replicaId: replica.replicaId,
    state: nameOf(REPLICA_STATES, replica.state, 'STARTING'),
    reason: replica.reason,
    endpoint: replica.endpoint === undefined ? undefined : endpointFromProto(replica.endpoint),
    restarts: replica.restarts,
    inFlight: replica.inFlight,
    createdAtMs: replica.createTime?.getTime(),
    readyAtMs: replica.readyTime?.getTime(),
    usage: {
      memoryBytes: replica.memoryBytes === 0 ? undefined : replica.memoryBytes,
      cpuCores: replica.cpuCores,
      gpu: replica.gpu === undefined ? undefined : gpuFromProto(replica.gpu),
    },
  };
}

function gpuFromProto({ memoryBytes, deviceMemoryBytes, usedFraction, utilization }: GpuMessage): GpuUsage {
  return { memoryBytes, deviceMemoryBytes, usedFraction, utilization };
}

function endpointFromProto({ address, port, zone, weight }: Endpoint): EndpointView {
  return { address, port, zone, weight: Math.max(1, weight) };
}

/** Gives a view as the loader's message. */
export function moduleViewToProto(view: ModuleView): Module {
  return {
    moduleId: view.moduleId,
    // Struct holds JSON only: a round trip drops the `undefined` values of optional keys.
    spec: JSON.parse(JSON.stringify(view.spec)) as Record<string, unknown>,
    specVersion: view.specVersion,
    state: PROTO_STATES[view.state],
    reason: view.reason,
    replicas: view.replicas.map(replicaToProto),
    desiredReplicas: view.desiredReplicas,
    load: {
      inFlight: view.inFlight,
      waiting: view.waiting,
      requestsPerSecond: view.requestsPerSecond,
      lastUseTime: dateOf(view.lastUseAtMs),
    },
    expectedActivation: view.expectedActivationMs === undefined ? undefined : durationFromMs(view.expectedActivationMs),
    stateChangeTime: dateOf(view.stateChangedAtMs),
  };
}

function replicaToProto(replica: ReplicaView): Replica {
  return {
    replicaId: replica.replicaId,
    state: REPLICA_STATES[replica.state],
    reason: replica.reason,
    endpoint: replica.endpoint,
    restarts: replica.restarts,
    inFlight: replica.inFlight,
    createTime: dateOf(replica.createdAtMs),
    readyTime: dateOf(replica.readyAtMs),
    memoryBytes: replica.usage?.memoryBytes ?? 0,
    cpuCores: replica.usage?.cpuCores,
    gpu: replica.usage?.gpu,
  };
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

/** google.protobuf.Duration as milliseconds. */
export function durationToMs({ seconds, nanos }: { seconds: number; nanos: number }): number {
  return seconds * 1000 + nanos / 1e6;
}

/** Milliseconds as google.protobuf.Duration. */
export function durationFromMs(ms: number): { seconds: number; nanos: number } {
  const seconds = Math.trunc(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
