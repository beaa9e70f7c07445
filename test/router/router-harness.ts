import { ChannelCredentials } from '@grpc/grpc-js';
import { Registry } from 'prom-client';
import { systemClock } from '../../core/clock.ts';
import {
  moduleSpecSchema,
  orchestrationFileSchema,
  type FrontierConfig,
  type ModuleSpec,
  type ModuleSpecInput,
} from '../../core/config/schema.ts';
import { clientOptions } from '../../core/grpc/channel.ts';
import { silentLogger, type Logger } from '../../core/logging.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { createSeededRng } from '../../core/rng.ts';
import { openSharedStore } from '../../core/store/open-store.ts';
import { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { startRouter } from '../../router/service.ts';
import { eventually } from '../support/eventually.ts';
import { onCleanup } from '../support/cleanup.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { startFakeLoader, type FakeLoader } from './fake-loader.ts';
import { startFakeSidecar, type Behaviour, type FakeSidecar } from './fake-sidecar.ts';

/** One module of a test: its specification and what it does. */
export interface TestModule {
  readonly spec: ModuleSpecInput;
  readonly behaviour: Behaviour;
  /** Whether a replica is ready at the start; true when left out. */
  readonly ready?: boolean;
}

/** What routers that share a store differ in, or are watched by. */
export interface SharedParts {
  readonly routerId?: string;
  readonly log?: Logger;
  /** Where the router keeps what it learns; a folder of its own when left out. */
  readonly dataDir?: string;
}

export interface TestRouter {
  readonly url: string;
  readonly client: RouterServiceClient;
  /** Port of the gRPC API. */
  readonly grpcPort: number;
  readonly loader: FakeLoader;
  sidecar(moduleId: string): FakeSidecar;
  /** View of a module with or without a ready replica. */
  view(moduleId: string, ready: boolean): ModuleView;
  /** Ends the router before the tests have ended; what it has learned is kept. */
  stop(): Promise<void>;
}

/** A whole router over real sockets: real clients, real servers, scripted loader and modules. Ended with the file's tests. */
export async function startTestRouter(
  modules: readonly TestModule[],
  settings: object = {},
  shared: SharedParts = {},
): Promise<TestRouter> {
  const specs = new Map(modules.map(({ spec }) => [spec.module_id, moduleSpecSchema.parse(spec)]));
  const sidecars = new Map<string, FakeSidecar>();
  for (const { spec, behaviour } of modules)
    sidecars.set(spec.module_id, await owned(startFakeSidecar(spec.module_id, behaviour)));
  const view = (moduleId: string, ready: boolean): ModuleView =>
    viewOf(specs.get(moduleId)!, sidecars.get(moduleId)!.port, ready);
  const loader = await owned(startFakeLoader(modules.map(({ spec, ready = true }) => view(spec.module_id, ready))));

  const { routerId = 'test', log = silentLogger, dataDir = tempFolder('router') } = shared;
  const config = configOf([...specs.values()], settings, dataDir);
  const store = await owned(openSharedStore({ config, clock: systemClock, rng: createSeededRng(1), log, env: {} }));
  const service = await startRouter({
    config,
    clock: systemClock,
    rng: createSeededRng(1),
    log,
    registry: new Registry(),
    store,
    routerId,
    dial: (moduleId) => ({
      address: `127.0.0.1:${sidecars.get(moduleId)?.port ?? 1}`,
      credentials: ChannelCredentials.createInsecure(),
      options: {},
    }),
    loaderAddress: `127.0.0.1:${loader.port}`,
    loaderCredentials: ChannelCredentials.createInsecure(),
    version: '0.0.0-test',
  });
  const grpcPort = service.ports['grpc']!;
  const client = new RouterServiceClient(`127.0.0.1:${grpcPort}`, ChannelCredentials.createInsecure(), clientOptions());
  const stopRouter = onCleanup(async () => {
    client.close();
    await service.drain();
    await service.close();
  });
  const stop = async (): Promise<void> => {
    await stopRouter();
    await store.close();
  };
  const url = `http://127.0.0.1:${service.ports['http']!}`;
  await eventually(() => service.isReady(), { what: 'the router to know its modules' });
  return { url, client, grpcPort, loader, sidecar: (moduleId) => sidecars.get(moduleId)!, view, stop };
}

/** Has a part closed with the file's tests, after those that were started later, also when one of these does not start. */
async function owned<T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const part = await starting;
  onCleanup(() => part.close());
  return part;
}

function configOf(modules: readonly ModuleSpec[], settings: object, dataDir: string): FrontierConfig {
  const { orchestration } = orchestrationFileSchema.parse({
    orchestration: { network: { ports: { router_grpc: 0, router_http: 0 } }, ...settings },
  });
  // Which stage decides depends on time.
  orchestration.router.classification.second_stage.enabled = false;
  return { orchestration, modules, warnings: [], rootDir: '/', dataDir, sources: [] };
}

function viewOf(spec: ModuleSpec, port: number, ready: boolean): ModuleView {
  const endpoint = { address: '127.0.0.1', port, zone: '', weight: 1 };
  const replica = {
    replicaId: 'r1',
    state: 'READY',
    reason: '',
    endpoint,
    restarts: 0,
    inFlight: 0,
    createdAtMs: undefined,
    readyAtMs: undefined,
  } as const;
  return {
    moduleId: spec.module_id,
    spec,
    specVersion: '1',
    state: ready ? 'READY' : 'UNLOADED',
    reason: '',
    replicas: ready ? [replica] : [],
    desiredReplicas: ready ? 1 : 0,
    inFlight: 0,
    waiting: 0,
    requestsPerSecond: 0,
    expectedActivationMs: undefined,
    lastUseAtMs: undefined,
    stateChangedAtMs: undefined,
  };
}
