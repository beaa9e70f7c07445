import type { UntypedServiceImplementation } from '@grpc/grpc-js';

import type {
  ActivateRequest,
  ActivateResponse,
  GetModuleRequest,
  ListModulesRequest,
  LoaderServiceServer,
  LoadRequest,
  ReleaseModuleRequest,
  ReportUsageRequest,
  RestartModuleRequest,
  UnloadRequest,
  WatchModulesRequest,
  WatchModulesResponse,
} from '../gen/frontier/loader/v1/loader.ts';
import type { Clock } from '../core/clock.ts';
import { FrontierError } from '../core/errors.ts';
import { serverStream, unary, type CallContext } from '../core/grpc/handlers.ts';
import { requirePeer } from '../core/identity/credentials.ts';
import { durationToMs, moduleViewToProto } from '../core/modules/module-view.ts';
import { activate, type ActivationUpdate } from './activate.ts';
import type { LoaderMetrics } from './loader-metrics.ts';
import type { BoardChange } from './module-board.ts';
import { pageModules } from './page-modules.ts';
import type { Reconciler } from './reconciler.ts';

export interface LoaderServerOptions {
  readonly reconciler: Reconciler;
  readonly clock: Clock;
  readonly metrics: LoaderMetrics;
  /** SPIFFE ids that may call. */
  readonly callers: readonly string[];
  /** Longest wait of an activation, in milliseconds. */
  readonly activationTimeoutMs: number;
}

/** Gives the implementation of LoaderService; every call is checked for its caller's identity first. */
export function createLoaderService(options: LoaderServerOptions): LoaderServiceServer & UntypedServiceImplementation {
  const { reconciler, callers } = options;
  const checked = <Request, Result>(handle: (request: Request, call: CallContext) => Result) => {
    return (request: Request, call: CallContext): Result => {
      requirePeer(call, callers);
      return handle(request, call);
    };
  };
  const simple = <Request, Response>(handle: (request: Request) => Response) =>
    // The check must fail the call, not the server: async turns a throw into a rejection.
    unary<Request, Response>(async (request, call) => Promise.resolve(checked(handle)(request, call)));
  return {
    watchModules: serverStream(lazily(checked((request: WatchModulesRequest, call) => watch(options, request, call)))),
    activate: serverStream(lazily(checked((request: ActivateRequest, call) => start(options, request, call)))),
    load: simple((request: LoadRequest) => ({
      module: moduleViewToProto(reconciler.load(request.moduleId, request.replicas)),
    })),
    unload: simple((request: UnloadRequest) => ({
      module: moduleViewToProto(reconciler.unload(request.moduleId, request.force)),
    })),
    restartModule: simple(({ moduleId, ...order }: RestartModuleRequest) => ({
      module: moduleViewToProto(reconciler.restart(moduleId, order)),
    })),
    releaseModule: simple((request: ReleaseModuleRequest) => ({
      module: moduleViewToProto(reconciler.release(request.moduleId)),
    })),
    getModule: simple((request: GetModuleRequest) => ({
      module: moduleViewToProto(reconciler.view(request.moduleId)),
    })),
    listModules: simple((request: ListModulesRequest) => {
      const { views, nextToken } = pageModules(
        reconciler.board.current().values(),
        request.pageSize,
        request.pageToken,
      );
      return { modules: views.map(moduleViewToProto), nextPageToken: nextToken };
    }),
    reportUsage: simple((request: ReportUsageRequest) => report(options, request)),
  };
}

/** Calls `make` when the sequence is first read, so that what it throws ends the stream with its status. */
function lazily<Request, Item>(
  make: (request: Request, call: CallContext) => AsyncIterable<Item>,
): (request: Request, call: CallContext) => AsyncIterable<Item> {
  return async function* (request, call) {
    yield* make(request, call);
  };
}

async function* watch(
  { reconciler }: LoaderServerOptions,
  { moduleIds }: WatchModulesRequest,
  call: CallContext,
): AsyncGenerator<WatchModulesResponse, void, undefined> {
  for await (const change of reconciler.board.watch(moduleIds, call.signal)) yield changeToProto(change);
}

function changeToProto({ snapshot, views, removed, revision }: BoardChange): WatchModulesResponse {
  return { snapshot, modules: views.map(moduleViewToProto), removedModuleIds: [...removed], revision };
}

async function* start(
  { reconciler, clock, metrics, activationTimeoutMs }: LoaderServerOptions,
  { moduleId, timeout }: ActivateRequest,
  call: CallContext,
): AsyncGenerator<ActivateResponse, void, undefined> {
  const readinessMs = reconciler.view(moduleId).spec.timeouts.readiness * 1000;
  const wantedMs = timeout === undefined ? readinessMs : durationToMs(timeout);
  if (!(wantedMs > 0))
    throw new FrontierError('INVALID_FIELD', 'timeout: it must be above 0', { metadata: { field: 'timeout' } });
  const timeoutMs = Math.min(wantedMs, activationTimeoutMs);
  for await (const update of activate({ reconciler, clock, metrics, moduleId, timeoutMs, signal: call.signal })) {
    yield updateToProto(update);
  }
}

function updateToProto({ view, progress, expectedReadyAtMs, stage }: ActivationUpdate): ActivateResponse {
  const expectedReadyTime = expectedReadyAtMs === undefined ? undefined : new Date(expectedReadyAtMs);
  return { module: moduleViewToProto(view), progress, expectedReadyTime, stage };
}

function report({ reconciler }: LoaderServerOptions, { reporter, usage }: ReportUsageRequest): Record<string, never> {
  for (const { moduleId, requests, inFlight } of usage)
    reconciler.reportUsage(reporter, moduleId, { requests, inFlight });
  return {};
}
