import { Registry } from 'prom-client';

import { createManualClock, type ManualClock } from '../../core/clock.ts';
import { moduleSpecSchema, type ModuleSpec, type ModuleSpecInput } from '../../core/config/schema.ts';
import { silentLogger } from '../../core/logging.ts';
import { DEFAULT_BACKOFF } from '../../core/process/restart-backoff.ts';
import { createSeededRng } from '../../core/rng.ts';
import { createLearnedActivations } from '../learned-activations.ts';
import { createLoaderMetrics, type LoaderMetrics } from '../loader-metrics.ts';
import { Reconciler, type ReconcilerSettings } from '../reconciler.ts';
import { createFakeDriver, type FakeDriver } from './fake-driver.ts';

export const SETTINGS: ReconcilerSettings = {
  idleTimeoutMs: 300_000,
  autoLoadThreshold: 10,
  maxWaiting: 3,
  quietMs: 1000,
  quarantine: { crashes: 5, firstMs: 20_000, maxMs: 900_000 },
  restart: { maxRestarts: 3, windowMs: 600_000, spacingMs: 20_000 },
};

/** Gives a whole specification from what a test cares about. */
export function specOf(module_id: string, input: Partial<ModuleSpecInput> = {}): ModuleSpec {
  return moduleSpecSchema.parse({ module_id, workload: { command: ['node', 'x'] }, ...input });
}

export interface Rig {
  readonly clock: ManualClock;
  readonly driver: FakeDriver;
  readonly metrics: LoaderMetrics;
  readonly reconciler: Reconciler;
}

/** Gives a reconciler over a fake driver and a manual clock, without jitter. */
export function reconcilerWith(specs: readonly ModuleSpec[], { stopAtOnce = false } = {}): Rig {
  const clock = createManualClock();
  const driver = createFakeDriver({ stopAtOnce });
  const metrics = createLoaderMetrics(new Registry());
  const reconciler = new Reconciler({
    driver,
    clock,
    rng: createSeededRng(1),
    log: silentLogger,
    learned: createLearnedActivations(new Map(), () => undefined),
    metrics,
    backoff: { ...DEFAULT_BACKOFF, jitterFraction: 0 },
  });
  reconciler.configure(specs, SETTINGS);
  return { clock, driver, metrics, reconciler };
}
