/**
 * The router under test, composed as in router/main.ts, with two things in place of the mesh: modules are dialled
 * straight at the instant sidecar, and a loader of one module says that it is ready.
 */
import { ChannelCredentials, credentials } from '@grpc/grpc-js';
import { LoaderServiceService } from '../../../gen/frontier/loader/v1/loader.ts';
import type { WatchModulesResponse } from '../../../gen/frontier/loader/v1/loader.ts';
import { systemClock } from '../../../core/clock.ts';
import { moduleSpecSchema, orchestrationFileSchema } from '../../../core/config/schema.ts';
import type { FrontierConfig } from '../../../core/config/schema.ts';
import { serverStream, unary } from '../../../core/grpc/handlers.ts';
import { bindServer, createGrpcServer } from '../../../core/grpc/server.ts';
import { silentLogger } from '../../../core/logging.ts';
import { moduleViewToProto } from '../../../core/modules/module-view.ts';
import type { ModuleView } from '../../../core/modules/module-view.ts';
import { systemRng } from '../../../core/rng.ts';
import { createMemoryStore } from '../../../core/store/memory-store.ts';
import { openSharedStore } from '../../../core/store/open-store.ts';
import { createMetricsRegistry } from '../../../core/telemetry/metrics.ts';
import { composeRouter } from '../../../router/compose.ts';
import { startServer } from '../../../router/server.ts';
import { INSTANT_MODULE_ID } from '../fixtures.ts';

const sidecarAddress = process.argv[2] ?? '';
/** Where state is shared; in this process's memory when left out. */
const redisUrl = process.argv[3];

const config: FrontierConfig = {
  // A load generator is one user from one address: its own limits must not shed it.
  orchestration: orchestrationFileSchema.parse({
    orchestration: {
      router: { max_concurrent_requests: 100_000, rate_limit: { requests_per_second: 1e9, burst: 1e9 } },
      ...(redisUrl === undefined ? {} : { storage: { type: 'redis', redis: { url: redisUrl } } }),
    },
  }).orchestration,
  modules: [],
  warnings: [],
  rootDir: process.cwd(),
  dataDir: process.cwd(),
  sources: [],
};

const view: ModuleView = {
  moduleId: INSTANT_MODULE_ID,
  spec: moduleSpecSchema.parse({
    module_id: INSTANT_MODULE_ID,
    query_classes: ['GENERAL'],
    adapter: { type: 'grpc', url: 'grpc://127.0.0.1:1' },
    concurrency: { max_in_flight: 100_000 },
  }),
  specVersion: '1',
  state: 'READY',
  reason: '',
  replicas: [
    {
      replicaId: 'instant-1',
      state: 'READY',
      reason: '',
      endpoint: { address: '127.0.0.1', port: 1, zone: '', weight: 1 },
      restarts: 0,
      inFlight: 0,
      createdAtMs: 0,
      readyAtMs: 0,
    },
  ],
  desiredReplicas: 1,
  inFlight: 0,
  waiting: 0,
  requestsPerSecond: 0,
  expectedActivationMs: undefined,
  lastUseAtMs: undefined,
  stateChangedAtMs: undefined,
};

/** Sends the one module and stays open. */
async function* watchOne(signal: AbortSignal): AsyncGenerator<WatchModulesResponse> {
  yield { snapshot: true, modules: [moduleViewToProto(view)], removedModuleIds: [], revision: 1 };
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
}

const loader = createGrpcServer();
loader.addService(
  { watchModules: LoaderServiceService.watchModules, reportUsage: LoaderServiceService.reportUsage },
  {
    watchModules: serverStream((_request, call) => watchOne(call.signal)),
    reportUsage: unary(() => Promise.resolve({})),
  },
);
const loaderPort = await bindServer(loader, { host: '127.0.0.1', port: 0 });

const parts = await composeRouter({
  config,
  clock: systemClock,
  rng: systemRng,
  log: silentLogger,
  registry: createMetricsRegistry(),
  store:
    redisUrl === undefined
      ? await createMemoryStore({ clock: systemClock, log: silentLogger })
      : await openSharedStore({ config, clock: systemClock, rng: systemRng, log: silentLogger, env: {} }),
  routerId: `bench-${process.pid}`,
  dial: () => ({ address: sidecarAddress, credentials: ChannelCredentials.createInsecure(), options: {} }),
  loaderAddress: `127.0.0.1:${loaderPort}`,
  loaderCredentials: credentials.createInsecure(),
});
await parts.watch.synced;
const { max_query_bytes: maxQueryBytes, max_attachment_bytes: maxAttachmentBytes } = config.orchestration.router;
const limits = { maxQueryBytes, maxAttachmentBytes };
const server = await startServer({ ...parts, limits, host: '127.0.0.1', port: 0 });
process.send?.({ type: 'ready', ports: { grpc: server.port } });
process.once('SIGTERM', () => process.exit(0));
process.once('disconnect', () => process.exit(0));
