import { join, resolve } from 'node:path';

import { LoaderServiceService } from '../gen/frontier/loader/v1/loader.ts';
import { watchConfig } from '../core/config/watch.ts';
import type { FrontierConfig } from '../core/config/schema.ts';
import { FrontierError, messageOf } from '../core/errors.ts';
import { bindServer, closeServer, createGrpcServer } from '../core/grpc/server.ts';
import { channelCredentials, serverCredentials } from '../core/identity/credentials.ts';
import { loadOrCreateJoinKey, mintJoinToken } from '../core/identity/join-token.ts';
import type { WorkloadIdentity } from '../core/identity/workload-identity.ts';
import { runService, type RunningService, type ServiceContext } from '../core/service/run-service.ts';
import { identityDir, meshId, obtainServiceIdentity } from '../core/service/service-identity.ts';
import { createMemoryStore } from '../core/store/memory-store.ts';
import type { Store } from '../core/store/store.ts';
import type { ReplicaDriver } from './drivers/driver.ts';
import { createProcessDriver } from './drivers/process/process-driver.ts';
import { createSidecarClient } from './drivers/process/sidecar-client.ts';
import { createLearnedActivations, type LearnedActivations } from './learned-activations.ts';
import { createLoaderMetrics } from './loader-metrics.ts';
import { Reconciler, type ReconcilerSettings } from './reconciler.ts';
import { createLoaderService } from './server.ts';

/** Beyond the control plane's own delay, for Envoy to take over the endpoints; see docs/loader.md, "Drain". */
const PROPAGATION_MS = 500;
const CLOSE_GRACE_MS = 1000;
/** A new replica must have had time to show what it can do before it is restarted in its turn. */
const RESTART_SPACING_MS = 20_000;
const LEARNED_PREFIX = 'loader/activation/';

await runService({
  name: 'loader',
  description: 'keeps the replicas of every module at what is wanted',
  start: startLoader,
});

async function startLoader(context: ServiceContext): Promise<RunningService> {
  const { config, clock, rng, log, registry } = context;
  const identity = await obtainServiceIdentity({ ...context, kind: 'service', name: 'loader' });
  const { storage, dynamic_loading: loading, network } = config.orchestration;
  const store = await createMemoryStore({
    clock,
    log,
    snapshotPath: join(config.dataDir, 'state', 'loader.json'),
    snapshotIntervalMs: storage.snapshot_interval * 1000,
  });
  const driver = createDriver(context, identity);
  const metrics = createLoaderMetrics(registry);
  const reconciler = new Reconciler({
    driver,
    clock,
    rng,
    log,
    metrics,
    learned: await learnedFrom(store, context),
  });
  const server = createGrpcServer();
  server.addService(
    LoaderServiceService,
    createLoaderService({
      reconciler,
      clock,
      metrics,
      callers: ['router', 'control-plane', 'operator'].map((name) => meshId(config, 'service', name)),
      activationTimeoutMs: loading.activation_timeout * 1000,
    }),
  );
  const target = { host: '127.0.0.1', port: network.ports.loader };
  const port = await bindServer(server, target, serverCredentials(identity));
  // Nothing is started before the port is ours, and nobody is served before the modules are known.
  reconciler.configure(config.modules, settingsOf(config));
  followConfig(context, reconciler);
  return {
    ports: { grpc: port },
    isReady: () => true,
    drain: () => reconciler.close(),
    async close() {
      await closeServer(server, CLOSE_GRACE_MS);
      await driver.close();
      await store.close();
      identity.close();
    },
  };
}

function settingsOf({ orchestration }: FrontierConfig): ReconcilerSettings {
  const { dynamic_loading: loading, mesh, fallback } = orchestration;
  const { restart, quarantine } = fallback.healing;
  return {
    idleTimeoutMs: loading.idle_timeout * 1000,
    autoLoadThreshold: loading.auto_load_threshold,
    maxWaiting: loading.max_waiting,
    quietMs: mesh.debounce_max * 1000 + PROPAGATION_MS,
    quarantine: {
      crashes: quarantine.enabled ? quarantine.crashes : Infinity,
      firstMs: quarantine.first * 1000,
      maxMs: Math.max(quarantine.first, quarantine.max) * 1000,
    },
    restart: { maxRestarts: restart.max_restarts, windowMs: restart.window * 1000, spacingMs: RESTART_SPACING_MS },
  };
}

/** Takes over each changed configuration until the service stops. */
function followConfig({ config, args, log, clock, signal }: ServiceContext, reconciler: Reconciler): void {
  const path = args['config'];
  watchConfig(config, {
    ...(typeof path === 'string' ? { path } : {}),
    env: process.env,
    log,
    clock,
    signal,
    onChange: (next) => {
      reconciler.configure(next.modules, settingsOf(next));
    },
  });
}

function createDriver({ config, args, clock, log }: ServiceContext, identity: WorkloadIdentity): ReplicaDriver {
  const { driver } = config.orchestration.dynamic_loading;
  if (driver !== 'process') {
    throw new FrontierError('CONFIG_INVALID', `dynamic_loading.driver: "${driver}" is not built yet, use "process"`);
  }
  const joinKey = loadOrCreateJoinKey(config.dataDir);
  const configPath = args['config'];
  return createProcessDriver({
    clock,
    log,
    configPath: typeof configPath === 'string' ? resolve(configPath) : undefined,
    rootDir: config.rootDir,
    dataDir: config.dataDir,
    environment: process.env,
    otlpEndpoint: config.orchestration.telemetry.otlp_endpoint,
    mintToken: (moduleId) => mintJoinToken(joinKey, meshId(config, 'module', moduleId), clock.nowMs()),
    connect: (moduleId, address) =>
      createSidecarClient(
        address,
        channelCredentials(identity, { expect: [meshId(config, 'module', moduleId)] }),
        clock,
      ),
    identityDir: (moduleId, replicaId) => identityDir(config, 'module', moduleId, replicaId),
  });
}

/** Gives what was learned of start times in earlier runs, and keeps what is learned in this one. */
async function learnedFrom(store: Store, { log }: ServiceContext): Promise<LearnedActivations> {
  const kept = new Map<string, number>();
  for (const { key, value } of await store.list(LEARNED_PREFIX)) {
    if (typeof value === 'number') kept.set(key.slice(LEARNED_PREFIX.length), value);
  }
  return createLearnedActivations(kept, (moduleId, estimateMs) => {
    store.set(`${LEARNED_PREFIX}${moduleId}`, estimateMs).catch((error: unknown) => {
      log.warn({ event: 'activation_not_kept', module: moduleId, error: messageOf(error) });
    });
  });
}
