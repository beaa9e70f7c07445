import type { ModuleSpec } from '../core/config/schema.ts';
import type {
  EndpointView,
  ModuleState,
  ModuleView,
  ReplicaState,
  ReplicaUsage,
  ReplicaView,
} from '../core/modules/module-view.ts';
import { NO_CRASHES, type Crashes } from './crash-loop.ts';
import type { Demand, Desired, Scaling } from './desired-replicas.ts';
import type { ReplicaHandle } from './drivers/driver.ts';
import { replicaVersion, specVersion } from './spec-version.ts';
import { UsageTracker } from './usage-tracker.ts';

/** What the reconciler knows of one replica. */
export interface ReplicaRecord {
  readonly replicaId: string;
  /** Version of the specification that it was started with; one that is to be replaced has none any more. */
  version: string;
  readonly createdAtMs: number;
  state: ReplicaState;
  reason: string;
  endpoint: EndpointView | undefined;
  inFlight: number;
  completed: number;
  restarts: number;
  /** Start of the present run. */
  startedAtMs: number;
  /** First readiness of the present run. */
  readyAtMs: number | undefined;
  /** What the workload uses. */
  usage: ReplicaUsage;
  /** Why it is to be replaced; undefined when it is not. */
  condemned: string | undefined;
  /** Present run; undefined in BACKOFF. */
  handle: ReplicaHandle | undefined;
}

/** What the reconciler knows of one module. */
export interface ModuleRecord {
  spec: ModuleSpec;
  specVersion: string;
  replicaVersion: string;
  /** Whether configuration no longer names it: it ends once its replicas have. */
  removed: boolean;
  readonly replicas: Map<string, ReplicaRecord>;
  readonly usage: UsageTracker;
  waiting: number;
  pinned: Demand['pinned'];
  suspended: boolean;
  desired: Desired;
  state: ModuleState;
  reason: string;
  stateChangedAtMs: number;
  /** Step on the way to readiness that was last begun, e.g. "starting the workload". */
  stage: string;
  /** Failed starts and crashes in a row. */
  crashes: Crashes;
  /** Whether it is left alone because it has crashed in a loop; while retryAtMs lies ahead. */
  quarantined: boolean;
  /** When its replicas were restarted because their answers failed, in ms since the epoch, oldest first. */
  restartedAtMs: readonly number[];
  lastFailure: string | undefined;
  /** No start before this time, in ms since the epoch. */
  retryAtMs: number;
}

/** Gives the record of a replica that is about to start. */
export function newReplica(replicaId: string, version: string, createdAtMs: number): ReplicaRecord {
  return {
    replicaId,
    version,
    createdAtMs,
    state: 'STARTING',
    reason: 'it is starting',
    endpoint: undefined,
    inFlight: 0,
    completed: 0,
    restarts: 0,
    startedAtMs: createdAtMs,
    readyAtMs: undefined,
    usage: {},
    condemned: undefined,
    handle: undefined,
  };
}

/** Gives the record of a module that nothing is known of yet. */
export function createModuleRecord(spec: ModuleSpec, nowMs: number): ModuleRecord {
  return {
    spec,
    specVersion: specVersion(spec),
    replicaVersion: replicaVersion(spec),
    removed: false,
    replicas: new Map(),
    usage: new UsageTracker(),
    waiting: 0,
    pinned: undefined,
    suspended: false,
    desired: { n: 0, reason: 'idle' },
    state: 'UNLOADED',
    reason: '',
    stateChangedAtMs: nowMs,
    stage: '',
    crashes: NO_CRASHES,
    quarantined: false,
    restartedAtMs: [],
    lastFailure: undefined,
    retryAtMs: 0,
  };
}

/** Gives a module's demand as observed now: sidecars and routers both tell of queries in flight, the greater counts. */
export function demandOf(record: ModuleRecord, nowMs: number): Demand {
  const usage = record.usage.summary(nowMs);
  const replicas = [...record.replicas.values()];
  const observedInFlight = replicas.reduce((sum, { inFlight }) => sum + inFlight, 0);
  const anyReady = replicas.some(({ readyAtMs }) => readyAtMs !== undefined);
  return {
    inFlight: Math.max(usage.inFlight, observedInFlight),
    waiting: record.waiting,
    lastUseMs: usage.lastUseMs,
    requestsPerMinute: usage.requestsPerMinute,
    starting: !anyReady && replicas.some(({ state }) => state === 'STARTING'),
    pinned: record.pinned,
    suspended: record.suspended,
  };
}

/** Gives a module's limits from its specification and the system's defaults. */
export function scalingOf(spec: ModuleSpec, defaults: { idleTimeoutMs: number; autoLoadThreshold: number }): Scaling {
  return {
    minReplicas: Math.min(spec.scaling.min_replicas, spec.scaling.max_replicas),
    maxReplicas: spec.scaling.max_replicas,
    idleTimeoutMs: spec.idle_timeout === undefined ? defaults.idleTimeoutMs : spec.idle_timeout * 1000,
    autoLoadThreshold: defaults.autoLoadThreshold,
  };
}

/** Gives what others may know of a module. */
export function viewOf(record: ModuleRecord, expectedActivationMs: number | undefined, nowMs: number): ModuleView {
  const demand = demandOf(record, nowMs);
  return {
    moduleId: record.spec.module_id,
    spec: record.spec,
    specVersion: record.specVersion,
    state: record.state,
    reason: record.reason,
    replicas: [...record.replicas.values()].map(replicaViewOf),
    desiredReplicas: record.desired.n,
    inFlight: demand.inFlight,
    waiting: demand.waiting,
    requestsPerSecond: demand.requestsPerMinute / 60,
    expectedActivationMs,
    lastUseAtMs: demand.lastUseMs,
    stateChangedAtMs: record.stateChangedAtMs,
  };
}

function replicaViewOf(replica: ReplicaRecord): ReplicaView {
  const { replicaId, state, reason, endpoint, restarts, inFlight, createdAtMs, readyAtMs, usage } = replica;
  return { replicaId, state, reason, endpoint, restarts, inFlight, createdAtMs, readyAtMs, usage };
}

/** Forgets that a module has failed: it may be started at once. */
export function forgiveFailures(record: ModuleRecord): void {
  record.crashes = NO_CRASHES;
  record.quarantined = false;
  record.retryAtMs = 0;
}

/** Whether the loader starts the module's workload itself, rather than its sidecar alone. */
export function hasOwnWorkload({ spec }: Pick<ModuleRecord, 'spec'>): boolean {
  return spec.workload !== undefined && spec.adapter.url === undefined;
}
