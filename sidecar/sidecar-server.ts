import { Metadata } from '@grpc/grpc-js';
import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { duplex, serverStream, unary } from '../core/grpc/handlers.ts';
import type { CallContext } from '../core/grpc/handlers.ts';
import { createGrpcServer } from '../core/grpc/server.ts';
import type { TraceHeaders } from '../core/telemetry/tracing.ts';
import type { ModuleMessage } from '../gen/frontier/common/v1/message.ts';
import { ReplicaPhase, SidecarServiceService } from '../gen/frontier/sidecar/v1/sidecar.ts';
import type {
  ExecuteManyRequest,
  SidecarServiceServer,
  WatchStatusResponse,
} from '../gen/frontier/sidecar/v1/sidecar.ts';
import type { Drain } from './drain.ts';
import { millisecondsOf } from './durations.ts';
import type { ExecuteMany } from './execute-many.ts';
import type { ExecuteOne } from './execute-one.ts';
import type { CallOrigin } from './executor.ts';
import type { LoadMeter } from './load-meter.ts';
import { loadReporting } from './load-report-server.ts';
import { PATIENCE_HEADER } from './stage-limits.ts';
import type { Phase, ReplicaStatus, StatusView } from './replica-status.ts';

/** What a caller of ExecuteStream wants besides the answer: `tokens` and signs of life, or these alone (`beats`). */
const PIECES_HEADER = 'x-frontier-pieces';
const SERVICE_NAME = 'frontier.sidecar.v1.SidecarService';

export interface SidecarServerOptions {
  readonly moduleId: string;
  readonly replicaId: string;
  readonly one: ExecuteOne;
  readonly many: ExecuteMany;
  readonly drain: Drain;
  readonly status: ReplicaStatus;
  /** Throws UNAUTHENTICATED or PERMISSION_DENIED when the caller may not call. */
  readonly authorize: (call: CallContext) => void;
  /** Longest drain when the request names none, in milliseconds. */
  readonly drainMs: number;
  readonly load: LoadMeter;
}

export interface SidecarServer {
  readonly server: Server;
  /** Tells health checks whether queries are taken. */
  setServing(serving: boolean): void;
}

/** Gives the gRPC server of a sidecar, not bound yet. */
export function createSidecarServer(options: SidecarServerOptions): SidecarServer {
  const server = createGrpcServer(loadReporting(options.load));
  server.addService(SidecarServiceService, serviceOf(options));
  const health = new HealthImplementation({ '': 'NOT_SERVING', [SERVICE_NAME]: 'NOT_SERVING' });
  health.addToServer(server);
  return {
    server,
    setServing: (serving) => {
      for (const name of ['', SERVICE_NAME]) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
    },
  };
}

function serviceOf(options: SidecarServerOptions): SidecarServiceServer {
  const { one, many, drain, status, authorize, drainMs } = options;
  return {
    execute: unary(async ({ message }, call) => {
      authorize(call);
      const answer = await one.execute(message, originOf(call, message));
      // Headers, so that Envoy can go on to the next module before it lets anything through (retriable_headers).
      call.sendMetadata(verdictOf(answer));
      return { message: answer };
    }),
    executeStream: serverStream(async function* executeStream({ message }, call) {
      authorize(call);
      for await (const piece of one.stream(message, originOf(call, message))) yield { message: piece };
    }),
    executeMany: duplex(async function* executeMany(requests: AsyncIterable<ExecuteManyRequest>, call) {
      authorize(call);
      for await (const messages of many(messagesOf(requests), originOf(call, undefined))) yield { messages };
    }),
    drain: unary(async ({ timeout }, call) => {
      authorize(call);
      return drain.run(timeout === undefined ? drainMs : millisecondsOf(timeout));
    }),
    watchStatus: serverStream(async function* watchStatus(_request, call) {
      authorize(call);
      for await (const view of status.watch(call.signal)) yield statusMessage(options, view);
    }),
  };
}

async function* messagesOf(requests: AsyncIterable<ExecuteManyRequest>): AsyncGenerator<readonly ModuleMessage[]> {
  for await (const { messages } of requests) yield messages;
}

function originOf({ signal, deadlineMs, metadata }: CallContext, message: ModuleMessage | undefined): CallOrigin {
  const traceparent = text(metadata, 'traceparent');
  const tracestate = text(metadata, 'tracestate');
  const trace =
    traceparent === undefined
      ? traceOfMessage(message)
      : { traceparent, ...(tracestate === undefined ? {} : { tracestate }) };
  const patience = text(metadata, PATIENCE_HEADER);
  const pieces = text(metadata, PIECES_HEADER);
  return {
    signal,
    deadlineMs,
    trace,
    ...(patience === undefined ? {} : { patience }),
    ...(pieces === undefined ? {} : { beats: true, beatsOnly: pieces === 'beats' }),
  };
}

/** proto3 knows no absent text: an empty one means none. */
function traceOfMessage(message: ModuleMessage | undefined): TraceHeaders {
  const { traceparent = '', tracestate = '' } = message?.header?.trace ?? {};
  return { ...(traceparent === '' ? {} : { traceparent }), ...(tracestate === '' ? {} : { tracestate }) };
}

function text(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}

function verdictOf({ payload }: ModuleMessage): Metadata {
  const metadata = new Metadata();
  const report = payload?.$case === 'answer' ? payload.value.confidence : undefined;
  metadata.set('x-frontier-verdict', report?.accepted === true ? 'accept' : 'reject');
  metadata.set('x-frontier-confidence', (report?.score ?? 0).toFixed(4));
  return metadata;
}

const PHASES: Readonly<Record<Phase, ReplicaPhase>> = {
  STARTING: ReplicaPhase.STARTING,
  READY: ReplicaPhase.READY,
  UNHEALTHY: ReplicaPhase.UNHEALTHY,
  DRAINING: ReplicaPhase.DRAINING,
};

/** Memory and CPU of the workload are its starter's to know: the sidecar does not know its process. */
function statusMessage(
  { moduleId, replicaId }: Pick<SidecarServerOptions, 'moduleId' | 'replicaId'>,
  view: StatusView,
): WatchStatusResponse {
  return {
    moduleId,
    replicaId,
    phase: PHASES[view.phase],
    inFlight: view.inFlight,
    queued: view.queued,
    reason: view.phase === 'READY' ? '' : view.reason,
    memoryBytes: 0,
    observeTime: new Date(view.observedAtMs),
    completedTotal: view.completedTotal,
  };
}
