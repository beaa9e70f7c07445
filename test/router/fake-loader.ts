import { duplexQueue } from './duplex-queue.ts';
import { FrontierError } from '../../core/errors.ts';
import { serverStream, unary } from '../../core/grpc/handlers.ts';
import { bindServer, closeServer, createGrpcServer } from '../../core/grpc/server.ts';
import { moduleViewToProto, type ModuleView } from '../../core/modules/module-view.ts';
import {
  LoaderServiceService,
  type ActivateResponse,
  type LoaderServiceServer,
  type ModuleUsage,
  type WatchModulesResponse,
} from '../../gen/frontier/loader/v1/loader.ts';

export interface FakeLoader {
  readonly port: number;
  /** Modules that Activate was called for, in order. */
  readonly activations: string[];
  readonly orders: string[];
  readonly usage: ModuleUsage[];
  /** Changes what every watcher sees. */
  publish(view: ModuleView): void;
  /** What an activation does before the module counts as ready. */
  activate: (moduleId: string, signal: AbortSignal) => AsyncIterable<Partial<ActivateResponse>>;
  /** Ends the service; watchers lose their stream. */
  close(): Promise<void>;
}

/** A LoaderService on loopback that the test scripts. */
export async function startFakeLoader(views: readonly ModuleView[], port = 0): Promise<FakeLoader> {
  const current = new Map(views.map((view) => [view.moduleId, view]));
  const watchers = new Set<(change: WatchModulesResponse) => void>();
  const activations: string[] = [];
  const orders: string[] = [];
  const usage: ModuleUsage[] = [];
  const moduleOf = (moduleId: string): ReturnType<typeof moduleViewToProto> => {
    const view = current.get(moduleId);
    if (view === undefined) throw new FrontierError('MODULE_UNKNOWN', `there is no module "${moduleId}"`);
    return moduleViewToProto(view);
  };
  const publish = (view: ModuleView): void => {
    current.set(view.moduleId, view);
    for (const tell of watchers)
      tell({ snapshot: false, modules: [moduleViewToProto(view)], removedModuleIds: [], revision: 2 });
  };
  const fake = {
    activations,
    orders,
    usage,
    publish,
    activate: async function* (): AsyncGenerator<Partial<ActivateResponse>, void, undefined> {
      await Promise.resolve();
      yield { progress: 1, stage: 'ready' };
    } as FakeLoader['activate'],
  };
  const service: LoaderServiceServer = {
    watchModules: serverStream(async function* (_request, { signal }) {
      yield {
        snapshot: true,
        modules: [...current.values()].map(moduleViewToProto),
        removedModuleIds: [],
        revision: 1,
      };
      yield* duplexQueue<WatchModulesResponse>(watchers, signal);
    }),
    activate: serverStream(async function* ({ moduleId }, { signal }) {
      activations.push(moduleId);
      for await (const progress of fake.activate(moduleId, signal)) {
        yield { module: moduleOf(moduleId), progress: 0, expectedReadyTime: undefined, stage: '', ...progress };
      }
    }),
    load: unary(({ moduleId }) => {
      orders.push(`load ${moduleId}`);
      return Promise.resolve({ module: moduleOf(moduleId) });
    }),
    unload: unary(({ moduleId }) => {
      orders.push(`unload ${moduleId}`);
      return Promise.resolve({ module: moduleOf(moduleId) });
    }),
    restartModule: unary(({ moduleId, reason }) => {
      orders.push(`restart ${moduleId}: ${reason}`);
      return Promise.resolve({ module: moduleOf(moduleId) });
    }),
    releaseModule: unary(({ moduleId }) => {
      orders.push(`release ${moduleId}`);
      return Promise.resolve({ module: moduleOf(moduleId) });
    }),
    getModule: unary(({ moduleId }) => Promise.resolve({ module: moduleOf(moduleId) })),
    listModules: unary(() =>
      Promise.resolve({ modules: [...current.values()].map(moduleViewToProto), nextPageToken: '' }),
    ),
    reportUsage: unary((report) => {
      usage.push(...report.usage);
      return Promise.resolve({});
    }),
  };
  const server = createGrpcServer();
  server.addService(LoaderServiceService, service);
  const bound = await bindServer(server, { host: '127.0.0.1', port });
  return Object.assign(fake, { port: bound, close: () => closeServer(server, 0) });
}
