import type { ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.ts';
import type { ModuleSpec } from '../core/config/schema.ts';
import type { CallContext } from '../core/grpc/handlers.ts';
import { bindServer, closeServer } from '../core/grpc/server.ts';
import type { Logger } from '../core/logging.ts';
import type { Registry } from '../core/telemetry/metrics.ts';
import type { Adapter } from './adapters/adapter.ts';
import { createConcurrencyLimit } from './concurrency-limit.ts';
import { createDrain } from './drain.ts';
import { createExecuteMany } from './execute-many.ts';
import { createExecuteOne } from './execute-one.ts';
import { createExecutor } from './executor.ts';
import { defaultPriors } from './judge.ts';
import { createLoadMeter } from './load-meter.ts';
import { createMessageMaker } from './messages.ts';
import { createSidecarMetrics } from './metrics.ts';
import { createReplicaStatus } from './replica-status.ts';
import { createSidecarServer } from './sidecar-server.ts';
import { limitsOf } from './stage-limits.ts';
import { startWorkloadHealth } from './workload-health.ts';

export interface SidecarOptions {
  readonly spec: ModuleSpec;
  readonly replicaId: string;
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  /** Time between two health checks of the workload, in milliseconds. */
  readonly healthIntervalMs: number;
  /** Address to serve on; the port is a free one. */
  readonly host: string;
  readonly credentials: ServerCredentials;
  /** Throws when the caller may not call. */
  readonly authorize: (call: CallContext) => void;
}

/** A sidecar that serves. */
export interface Sidecar {
  readonly port: number;
  /** Resolves when the workload is ready for the first time; rejects with NOT_READY when it takes too long. */
  readonly ready: Promise<void>;
  isReady(): boolean;
  /** Refuses new queries and waits for those in flight, at most timeouts.drain. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

const SHORTEST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 30_000;
/** Time for last responses to leave once the queries have ended, in milliseconds. */
const CLOSE_GRACE_MS = 500;

/** Starts a sidecar over one workload; it serves at once, and says by its health when the workload is ready. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { spec, replicaId, adapter, clock, log, registry } = options;
  const { timeouts, concurrency } = spec;
  const moduleId = spec.module_id;
  let completedTotal = 0;

  const limit = createConcurrencyLimit({
    maxInFlight: concurrency.max_in_flight,
    maxQueued: concurrency.max_queued,
    retryAfterMs: (queued) => retryAfterMs(executor.meanMs, queued, concurrency.max_in_flight),
    onChange: () => {
      status.countsChanged();
    },
  });
  const status = createReplicaStatus({
    clock,
    counts: () => ({ inFlight: limit.inFlight, queued: limit.queued, completedTotal }),
  });
  const drain = createDrain({
    clock,
    limit,
    completedTotal: () => completedTotal,
    onStart: () => {
      log.info({ event: 'draining', inFlight: limit.inFlight, queued: limit.queued });
      status.setDraining();
      served.setServing(false);
    },
  });
  const executor = createExecutor({
    adapter,
    clock,
    log,
    metrics: createSidecarMetrics(registry, () => limit),
    messages: createMessageMaker(moduleId, replicaId),
    ownPriors: defaultPriors(spec.confidence_threshold),
    limits: limitsOf(spec),
    abandon: drain.abandon,
  });
  const onDone = (count: number): void => {
    completedTotal += count;
  };
  const attributes = { 'frontier.module': moduleId, 'frontier.replica': replicaId };
  const served = createSidecarServer({
    moduleId,
    replicaId,
    one: createExecuteOne({ executor, limit, drain, onDone, attributes, clock }),
    many: createExecuteMany({ executor, limit, drain, onDone }),
    drain,
    status,
    authorize: options.authorize,
    drainMs: timeouts.drain * 1000,
    load: createLoadMeter({
      nowMs: () => clock.monotonicMs(),
      maxInFlight: concurrency.max_in_flight,
      counts: () => limit,
    }),
  });
  const port = await bindServer(served.server, { host: options.host, port: 0 }, options.credentials);
  const health = startWorkloadHealth({
    adapter,
    status,
    clock,
    log,
    intervalMs: options.healthIntervalMs,
    readinessMs: timeouts.readiness * 1000,
    onChange: (phase) => {
      served.setServing(phase === 'READY' && !drain.started.aborted);
    },
  });

  return {
    port,
    ready: health.ready,
    isReady: () => status.phase === 'READY',
    drain: async () => {
      const { finished, abandoned } = await drain.run(timeouts.drain * 1000);
      log.info({ event: 'drained', finished, abandoned });
    },
    close: async () => {
      health.close();
      status.close();
      await closeServer(served.server, CLOSE_GRACE_MS);
      await adapter.close();
    },
  };
}

/** Gives when a place is likely to be free: the time that the queue before it takes. */
function retryAfterMs(meanMs: number, queued: number, maxInFlight: number): number {
  const waitMs = (meanMs * (queued + 1)) / maxInFlight;
  return Math.min(Math.max(Math.ceil(waitMs), SHORTEST_RETRY_MS), LONGEST_RETRY_MS);
}
