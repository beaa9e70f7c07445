import { randomUUID } from 'node:crypto';

import type { Clock } from '../core/clock.ts';
import type { ModuleSpec } from '../core/config/schema.ts';
import { FrontierError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logging.ts';
import type { ModuleView } from '../core/modules/module-view.ts';
import { DEFAULT_BACKOFF, type BackoffPolicy } from '../core/process/restart-backoff.ts';
import type { Rng } from '../core/rng.ts';
import { afterCrash, type QuarantinePolicy } from './crash-loop.ts';
import { dependantsOf, dependencyLevels } from './dependency-order.ts';
import { desiredOfAll, desiredReplicas } from './desired-replicas.ts';
import type { FoundReplica, ReplicaDriver, ReplicaEvent } from './drivers/driver.ts';
import type { LearnedActivations } from './learned-activations.ts';
import type { LoaderMetrics } from './loader-metrics.ts';
import { ModuleBoard } from './module-board.ts';
import {
  createModuleRecord,
  demandOf,
  forgiveFailures,
  hasOwnWorkload,
  newReplica,
  scalingOf,
  viewOf,
  type ModuleRecord,
  type ReplicaRecord,
} from './module-record.ts';
import { moduleState } from './module-state.ts';
import { planReplicas } from './plan-replicas.ts';
import { restartVerdict, type RestartPolicy } from './restart-budget.ts';
import { replicaVersion, specVersion } from './spec-version.ts';
import type { UsageReport } from './usage-tracker.ts';

export interface ReconcilerSettings {
  readonly idleTimeoutMs: number;
  readonly autoLoadThreshold: number;
  /** Callers that may wait for one module. */
  readonly maxWaiting: number;
  /** Time that a replica goes on serving after its endpoint was taken from the mesh. */
  readonly quietMs: number;
  readonly quarantine: QuarantinePolicy;
  readonly restart: RestartPolicy;
}

export interface ReconcilerOptions {
  readonly driver: ReplicaDriver;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly learned: LearnedActivations;
  readonly metrics: LoaderMetrics;
  readonly backoff?: BackoffPolicy;
}

/** Order to replace replicas that fail although they run. */
export interface RestartOrder {
  /** Empty for all of them. */
  readonly replicaId: string;
  readonly reason: string;
  /** Whether it is an order by hand, which no limit holds back. */
  readonly force: boolean;
}

/** Time between two looks at everything, for what no event tells of: idle times, windows. */
const PERIOD_MS = 500;

/**
 * Keeps observed replicas at what is desired. Level-based: each round looks at everything there is and does what is
 * missing; an event only says that it is worth looking. A round is synchronous, so that nothing changes under it and
 * each module's orders are serial; starting and stopping go on in the driver and come back as events.
 */
export class Reconciler {
  readonly board = new ModuleBoard();
  readonly #options: ReconcilerOptions;
  readonly #backoff: BackoffPolicy;
  readonly #records = new Map<string, ModuleRecord>();
  readonly #stops = new Set<Promise<void>>();
  readonly #endTicks: () => void;
  /** Until the first configuration; there are no modules that it could apply to. */
  #settings: ReconcilerSettings = {
    idleTimeoutMs: 0,
    autoLoadThreshold: 1,
    maxWaiting: 0,
    quietMs: 0,
    quarantine: { crashes: Infinity, firstMs: 0, maxMs: 0 },
    restart: { maxRestarts: 0, windowMs: 0, spacingMs: 0 },
  };
  #isScheduled = false;
  #isClosing = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.#endTicks = options.clock.every(PERIOD_MS, () => {
      this.reconcile();
    });
  }

  /** Takes over a configuration: new modules are added, changed ones roll, missing ones drain and go; replicas that were found go on. */
  configure(specs: readonly ModuleSpec[], settings: ReconcilerSettings, found: readonly FoundReplica[] = []): void {
    this.#settings = settings;
    const nowMs = this.#options.clock.nowMs();
    const configured = new Set(specs.map(({ module_id }) => module_id));
    for (const [id, record] of this.#records) record.removed = !configured.has(id);
    for (const spec of specs) {
      const record = this.#records.get(spec.module_id);
      if (record === undefined) this.#records.set(spec.module_id, createModuleRecord(spec, nowMs));
      else replaceSpec(record, spec);
    }
    for (const replica of found) this.#adopt(replica);
    this.reconcile();
  }

  /** Gives a module as last seen. Throws MODULE_UNKNOWN. */
  view(moduleId: string): ModuleView {
    const view = this.board.current().get(moduleId);
    if (view === undefined) throw unknownModule(moduleId);
    return view;
  }

  /** Step on the way to readiness that was last begun. */
  stage(moduleId: string): string {
    return this.#record(moduleId).stage;
  }

  /** Time until a module that failed is tried again, in milliseconds; 0 when that may be now. */
  retryInMs(moduleId: string): number {
    return Math.max(0, this.#record(moduleId).retryAtMs - this.#options.clock.nowMs());
  }

  /** Registers a caller that waits for the module, which is started at once. Call the returned function when it waits no more. */
  addWaiter(moduleId: string): () => void {
    const record = this.#record(moduleId);
    if (this.#isClosing) throw new FrontierError('DRAINING', 'the loader is stopping');
    if (record.waiting >= this.#settings.maxWaiting) {
      const text = `${record.waiting} callers wait for ${moduleId} already`;
      throw new FrontierError('MODULE_OVERLOADED', text, { metadata: { module: moduleId }, retryAfterMs: 1000 });
    }
    this.#want(moduleId);
    record.waiting += 1;
    record.usage.touch(this.#options.clock.nowMs());
    this.reconcile();
    return () => {
      record.waiting -= 1;
      this.#schedule();
    };
  }

  /** Orders replicas by hand. Throws MODULE_UNKNOWN, INVALID_FIELD beyond max_replicas. */
  load(moduleId: string, replicas: number): ModuleView {
    const record = this.#record(moduleId);
    const { min_replicas: min, max_replicas: max } = record.spec.scaling;
    if (replicas > max) {
      const text = `replicas: ${moduleId} may have at most ${max} (scaling.max_replicas)`;
      throw new FrontierError('INVALID_FIELD', text, { metadata: { field: 'replicas' } });
    }
    this.#want(moduleId);
    record.pinned = { replicas: replicas === 0 ? Math.max(1, min) : replicas, atMs: this.#options.clock.nowMs() };
    forgiveFailures(record);
    this.reconcile();
    return this.view(moduleId);
  }

  /**
   * Has replicas of a module replaced: a new one is ready before an old one drains. Throws MODULE_UNKNOWN, INVALID_FIELD for an
   * unknown replica, RATE_LIMITED when it was restarted too often or too lately, unless `force`.
   */
  restart(moduleId: string, { replicaId, reason, force }: RestartOrder): ModuleView {
    const record = this.#record(moduleId);
    const { metrics, clock, log } = this.#options;
    if (replicaId !== '' && !record.replicas.has(replicaId)) {
      const text = `replica_id: ${moduleId} has no replica "${replicaId}"`;
      throw new FrontierError('INVALID_FIELD', text, { metadata: { field: 'replica_id' } });
    }
    const verdict = restartVerdict(record.restartedAtMs, clock.nowMs(), this.#settings.restart);
    if (verdict.kind === 'refused' && !force) {
      metrics.orderedRestarts.inc({ module: moduleId, outcome: 'refused' });
      throw new FrontierError('RATE_LIMITED', `${moduleId} is not restarted: ${verdict.why}`, {
        metadata: { module: moduleId },
        retryAfterMs: verdict.retryAfterMs,
      });
    }
    if (verdict.kind === 'granted') record.restartedAtMs = verdict.pastMs;
    metrics.orderedRestarts.inc({ module: moduleId, outcome: 'granted' });
    log.warn({ event: 'module_restarts', module: moduleId, replica: replicaId, reason });
    for (const replica of record.replicas.values())
      if (replicaId === '' || replica.replicaId === replicaId) condemn(replica, reason);
    this.reconcile();
    return this.view(moduleId);
  }

  /** Lets a module out of quarantine. Throws MODULE_UNKNOWN. */
  release(moduleId: string): ModuleView {
    const record = this.#record(moduleId);
    if (record.quarantined) this.#options.log.info({ event: 'module_released', module: moduleId });
    forgiveFailures(record);
    this.reconcile();
    return this.view(moduleId);
  }

  /** Unloads by hand. Throws MODULE_UNKNOWN, DEPENDENCY_IN_USE while a loaded module depends on it, unless `force`. */
  unload(moduleId: string, force: boolean): ModuleView {
    const record = this.#record(moduleId);
    const specs = [...this.#records.values()].map(({ spec }) => spec);
    const users = dependantsOf(moduleId, specs)
      .map(({ module_id }) => module_id)
      .filter((id) => (this.#records.get(id)?.desired.n ?? 0) > 0);
    if (users.length > 0 && !force) {
      const names = users.join(', ');
      throw new FrontierError(
        'DEPENDENCY_IN_USE',
        `${moduleId} is needed by ${names}: unload them first, or force it`,
        {
          metadata: { module: moduleId, users: names },
        },
      );
    }
    record.suspended = true;
    record.pinned = undefined;
    record.usage.reset();
    this.reconcile();
    return this.view(moduleId);
  }

  /** Takes a usage report; unknown modules are passed over. */
  reportUsage(reporter: string, moduleId: string, report: UsageReport): void {
    this.#records.get(moduleId)?.usage.report(reporter, report, this.#options.clock.nowMs());
  }

  /** Drains and stops every replica, users before what they depend on; starts nothing any more. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#endTicks();
    const specs = [...this.#records.values()].map(({ spec }) => spec);
    this.reconcile();
    for (const level of dependencyLevels(specs).toReversed()) {
      for (const { module_id } of level) this.#stopAll(module_id);
      this.reconcile();
      await Promise.all(this.#stops);
    }
  }

  /** Does one round: decides, gives orders, posts what is seen. */
  reconcile(): void {
    const nowMs = this.#options.clock.nowMs();
    const desired = this.#desired(nowMs);
    const records = dependencyLevels([...this.#records.values()].map(({ spec }) => spec))
      .flat()
      .map(({ module_id }) => this.#record(module_id));
    for (const record of records) {
      const id = record.spec.module_id;
      record.desired = desired.get(id) ?? {
        n: 0,
        reason: this.#isClosing ? 'the loader stops' : 'no longer configured',
      };
      const missing = this.#missingDependencies(record);
      if (!this.#isClosing) this.#carryOut(record, missing.length === 0 && nowMs >= record.retryAtMs);
      const failure = nowMs < record.retryAtMs ? record.lastFailure : undefined;
      const replicas = [...record.replicas.values()];
      const next = moduleState({
        desired: record.desired.n,
        desiredReason: record.desired.reason,
        replicas,
        failure,
        quarantined: record.quarantined,
        missing,
      });
      this.#setState(record, next.state, next.reason, nowMs);
      if (record.removed && replicas.length === 0) this.#records.delete(id);
    }
    this.#post(nowMs);
  }

  #desired(nowMs: number): ReturnType<typeof desiredOfAll> {
    const wishes = [...this.#records.values()]
      .filter(({ removed }) => !removed && !this.#isClosing)
      .map((record) => ({
        module_id: record.spec.module_id,
        dependencies: record.spec.dependencies,
        suspended: record.suspended,
        own: desiredReplicas(demandOf(record, nowMs), scalingOf(record.spec, this.#settings), nowMs),
      }));
    return desiredOfAll(wishes);
  }

  #missingDependencies(record: ModuleRecord): { moduleId: string; state: ModuleView['state']; reason: string }[] {
    return record.spec.dependencies
      .map((id) => this.#records.get(id))
      .filter((dependency): dependency is ModuleRecord => dependency !== undefined)
      .filter(({ state }) => state !== 'READY' && state !== 'DEGRADED')
      .map(({ spec, state, reason }) => ({ moduleId: spec.module_id, state, reason }));
  }

  #carryOut(record: ModuleRecord, mayStart: boolean): void {
    const plan = planReplicas({
      desired: record.desired.n,
      version: record.replicaVersion,
      maxReplicas: record.spec.scaling.max_replicas,
      replicas: [...record.replicas.values()],
      mayStart,
    });
    for (const id of plan.stop) this.#stop(record, id);
    for (const id of plan.restart) this.#restart(record, id);
    for (let made = 0; made < plan.start; made += 1) this.#start(record);
  }

  /** Takes over a replica as ready, as it was when its loader died; its sidecar's status will tell. */
  #adopt(found: FoundReplica): void {
    const { clock, log } = this.#options;
    const record = this.#records.get(found.moduleId);
    log.info({
      event: 'replica_found',
      module: found.moduleId,
      replica: found.replicaId,
      wanted: record !== undefined,
    });
    if (record === undefined) {
      void found.end();
      return;
    }
    const nowMs = clock.nowMs();
    const { replicaId, version, createdAtMs, endpoint } = found;
    const replica: ReplicaRecord = {
      ...newReplica(replicaId, version, createdAtMs),
      state: 'READY',
      reason: '',
      endpoint: { ...endpoint, zone: '', weight: 1 },
      readyAtMs: nowMs,
    };
    record.replicas.set(replicaId, replica);
    record.usage.touch(nowMs);
    const handle = found.adopt(record.spec, (event) => {
      if (replica.handle === handle) this.#onEvent(record, replica, event);
    });
    replica.handle = handle;
  }

  #start(record: ModuleRecord): void {
    const nowMs = this.#options.clock.nowMs();
    const replicaId = `${record.spec.module_id}-${randomUUID().slice(0, 8)}`;
    const replica = newReplica(replicaId, record.replicaVersion, nowMs);
    record.replicas.set(replica.replicaId, replica);
    this.#run(record, replica);
  }

  #restart(record: ModuleRecord, replicaId: string): void {
    const replica = record.replicas.get(replicaId);
    if (replica === undefined) return;
    replica.restarts += 1;
    replica.state = 'STARTING';
    replica.startedAtMs = this.#options.clock.nowMs();
    this.#options.metrics.restarts.inc({ module: record.spec.module_id });
    this.#run(record, replica);
  }

  #run(record: ModuleRecord, replica: ReplicaRecord): void {
    const { driver, log } = this.#options;
    const { replicaId } = replica;
    log.info({
      event: 'replica_starting',
      module: record.spec.module_id,
      replica: replicaId,
      restarts: replica.restarts,
    });
    const handle = driver.start(
      { spec: record.spec, replicaId, version: replica.version, createdAtMs: replica.createdAtMs },
      (event) => {
        // A late event of an earlier run says nothing of this one.
        if (replica.handle === handle) this.#onEvent(record, replica, event);
      },
    );
    replica.handle = handle;
  }

  #stop(record: ModuleRecord, replicaId: string): void {
    const replica = record.replicas.get(replicaId);
    if (replica === undefined || replica.state === 'DRAINING') return;
    const { handle } = replica;
    if (handle === undefined) {
      record.replicas.delete(replicaId);
      return;
    }
    // What never took a query has nothing to wait for.
    const quietMs = this.#isClosing || replica.state !== 'READY' ? 0 : this.#settings.quietMs;
    replica.state = 'DRAINING';
    replica.reason = replica.condemned ?? record.desired.reason;
    this.#options.log.info({
      event: 'replica_draining',
      module: record.spec.module_id,
      replica: replicaId,
      reason: replica.reason,
    });
    const stopped = handle.stop({ quietMs, drainMs: record.spec.timeouts.drain * 1000 }).finally(() => {
      record.replicas.delete(replicaId);
      this.#stops.delete(stopped);
      this.#schedule();
    });
    this.#stops.add(stopped);
  }

  #stopAll(moduleId: string): void {
    const record = this.#records.get(moduleId);
    for (const id of [...(record?.replicas.keys() ?? [])]) this.#stop(this.#record(moduleId), id);
  }

  #onEvent(record: ModuleRecord, replica: ReplicaRecord, event: ReplicaEvent): void {
    if (event.type === 'stage') record.stage = event.stage;
    else if (event.type === 'usage') replica.usage = event.usage;
    else if (event.type === 'ended') this.#onEnded(record, replica, event.reason);
    else if (!this.#onStatus(record, replica, event)) return; // counts alone are seen in the next round
    this.#schedule();
  }

  /** Takes over an observation; tells whether more than counts has changed. */
  #onStatus(record: ModuleRecord, replica: ReplicaRecord, status: Extract<ReplicaEvent, { type: 'status' }>): boolean {
    const nowMs = this.#options.clock.nowMs();
    if (status.inFlight > 0 || status.completed > replica.completed) record.usage.touch(nowMs);
    replica.inFlight = status.inFlight;
    replica.completed = status.completed;
    const { endpoint } = status;
    if (endpoint !== undefined) replica.endpoint = { ...endpoint, zone: '', weight: 1 };
    const before = replica.state;
    if (before === 'DRAINING') return false; // our order stands, whatever the sidecar has heard of it
    replica.state = status.phase;
    replica.reason = status.reason;
    if (status.phase === 'READY' && replica.readyAtMs === undefined) this.#onReady(record, replica, nowMs);
    return before !== replica.state;
  }

  #onReady(record: ModuleRecord, replica: ReplicaRecord, nowMs: number): void {
    const tookMs = nowMs - replica.startedAtMs;
    replica.readyAtMs = nowMs;
    record.usage.touch(nowMs); // the idle time begins with readiness, however long the start took
    this.#options.learned.add(record.spec.module_id, tookMs);
    this.#options.metrics.activationSeconds.observe({ module: record.spec.module_id }, tookMs / 1000);
    this.#options.log.info({
      event: 'replica_ready',
      module: record.spec.module_id,
      replica: replica.replicaId,
      tookMs: Math.round(tookMs),
    });
  }

  #onEnded(record: ModuleRecord, replica: ReplicaRecord, reason: string): void {
    if (replica.state === 'DRAINING') return; // stop() ends the record
    const { clock, rng, log } = this.#options;
    const nowMs = clock.nowMs();
    const { startedAtMs, readyAtMs } = replica;
    const policy = { backoff: this.#backoff, quarantine: this.#quarantineOf(record) };
    const next = afterCrash(record.crashes, { startedAtMs, readyAtMs, endedAtMs: nowMs }, policy, rng);
    record.crashes = next.crashes;
    record.retryAtMs = nowMs + next.delayMs;
    record.lastFailure = next.quarantined
      ? `it crashed ${next.crashes.count} times in a row and is left alone for ${Math.round(next.delayMs / 1000)} s: ${reason}`
      : reason;
    if (next.quarantined) this.#onQuarantine(record);
    record.quarantined = next.quarantined;
    Object.assign(replica, {
      state: 'BACKOFF',
      reason,
      endpoint: undefined,
      handle: undefined,
      inFlight: 0,
      completed: 0,
      usage: {},
    });
    replica.readyAtMs = undefined;
    clock.after(next.delayMs, () => {
      this.reconcile();
    });
    log.warn({
      event: 'replica_failed',
      module: record.spec.module_id,
      replica: replica.replicaId,
      reason,
      failures: next.crashes.count,
      retryInMs: Math.round(next.delayMs),
    });
  }

  /** What runs elsewhere costs nothing to try again, and is back when it is back. */
  #quarantineOf(record: ModuleRecord): QuarantinePolicy {
    const { quarantine } = this.#settings;
    return hasOwnWorkload(record) ? quarantine : { ...quarantine, crashes: Infinity };
  }

  #onQuarantine({ spec, lastFailure }: ModuleRecord): void {
    this.#options.metrics.quarantines.inc({ module: spec.module_id });
    this.#options.log.warn({ event: 'module_quarantined', module: spec.module_id, reason: lastFailure });
  }

  #setState(record: ModuleRecord, state: ModuleView['state'], reason: string, nowMs: number): void {
    record.reason = reason;
    if (record.state === state) return;
    this.#options.log.info({
      event: 'module_state',
      module: record.spec.module_id,
      from: record.state,
      to: state,
      reason,
    });
    record.state = state;
    record.stateChangedAtMs = nowMs;
    if (state === 'LOADING') record.stage = reason;
  }

  #post(nowMs: number): void {
    const views = new Map<string, ModuleView>();
    for (const [id, record] of this.#records) views.set(id, viewOf(record, this.#options.learned.get(id), nowMs));
    this.board.post(views);
    this.#options.metrics.observe(views);
  }

  /** Somebody wants the module: what was unloaded by hand may be loaded again, with all that it needs. */
  #want(moduleId: string): void {
    const record = this.#records.get(moduleId);
    if (record === undefined) return;
    record.suspended = false;
    for (const id of record.spec.dependencies) this.#want(id);
  }

  #record(moduleId: string): ModuleRecord {
    const record = this.#records.get(moduleId);
    if (record === undefined) throw unknownModule(moduleId);
    return record;
  }

  /** Has a round follow soon; many events in a row share one. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      try {
        this.reconcile();
      } catch (error) {
        this.#options.log.error({ event: 'reconcile_failed', error: messageOf(error) });
      }
    });
  }
}

function replaceSpec(record: ModuleRecord, spec: ModuleSpec): void {
  const version = specVersion(spec);
  if (version === record.specVersion) return;
  record.spec = spec;
  record.specVersion = version;
  record.replicaVersion = replicaVersion(spec);
  // The change may be the cure.
  forgiveFailures(record);
}

/** Makes a replica one that is to be replaced: it has no version that anybody wants. */
function condemn(replica: ReplicaRecord, reason: string): void {
  replica.version = '';
  replica.condemned = reason;
}

function unknownModule(moduleId: string): FrontierError {
  return new FrontierError('MODULE_UNKNOWN', `there is no module "${moduleId}"`, { metadata: { module: moduleId } });
}
