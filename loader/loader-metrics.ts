import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { ModuleView, ReplicaState } from '../core/modules/module-view.ts';
import { createUsageMetrics } from './usage-metrics.ts';

/** The loader's metrics. The label `module` is bounded by the configuration. */
export interface LoaderMetrics {
  readonly activations: Counter<'module' | 'outcome'>;
  readonly activationSeconds: Histogram<'module'>;
  readonly restarts: Counter<'module'>;
  readonly orderedRestarts: Counter<'module' | 'outcome'>;
  readonly quarantines: Counter<'module'>;
  /** Sets the gauges to what the views show. */
  observe(views: ReadonlyMap<string, ModuleView>): void;
}

const REPLICA_STATES: readonly ReplicaState[] = ['STARTING', 'READY', 'UNHEALTHY', 'DRAINING', 'BACKOFF'];
/** From an instant module to a large model read from a slow disk. */
const START_BUCKETS_SECONDS = [0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300];

/** Registers the loader's metrics. */
export function createLoaderMetrics(registry: Registry): LoaderMetrics {
  const registers = [registry];
  const replicas = new Gauge({
    name: 'frontier_loader_replicas',
    help: 'Replicas of a module by state.',
    labelNames: ['module', 'state'],
    registers,
  });
  const desired = new Gauge({
    name: 'frontier_loader_desired_replicas',
    help: 'Replicas that a module should have.',
    labelNames: ['module'],
    registers,
  });
  const waiting = new Gauge({
    name: 'frontier_loader_waiting',
    help: 'Callers that wait for the first replica of a module.',
    labelNames: ['module'],
    registers,
  });
  const observeUsage = createUsageMetrics(registry);
  return {
    activations: new Counter({
      name: 'frontier_loader_activations_total',
      help: 'Activations asked for, by outcome: the reason of the failure, or OK.',
      labelNames: ['module', 'outcome'],
      registers,
    }),
    activationSeconds: new Histogram({
      name: 'frontier_loader_activation_seconds',
      help: 'Time from the start of a replica to its readiness.',
      labelNames: ['module'],
      buckets: START_BUCKETS_SECONDS,
      registers,
    }),
    restarts: new Counter({
      name: 'frontier_loader_restarts_total',
      help: 'Replicas started again after they ended unasked.',
      labelNames: ['module'],
      registers,
    }),
    orderedRestarts: new Counter({
      name: 'frontier_loader_ordered_restarts_total',
      help: 'Restarts asked for because a module failed although it ran, by outcome.',
      labelNames: ['module', 'outcome'],
      registers,
    }),
    quarantines: new Counter({
      name: 'frontier_loader_quarantines_total',
      help: 'Times that a module was left alone because it crashed in a loop.',
      labelNames: ['module'],
      registers,
    }),
    observe(views) {
      observeUsage(views);
      for (const gauge of [replicas, desired, waiting]) gauge.reset();
      for (const [module, view] of views) {
        desired.set({ module }, view.desiredReplicas);
        waiting.set({ module }, view.waiting);
        for (const state of REPLICA_STATES) {
          replicas.set({ module, state }, view.replicas.filter((replica) => replica.state === state).length);
        }
      }
    },
  };
}
