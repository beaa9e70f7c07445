import type { ServerDuplexStream } from '@grpc/grpc-js';
import { FrontierError } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import { contextOf } from '../../core/grpc/handlers.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import { toStatus } from '../../core/grpc/status.ts';
import type { Logger } from '../../core/logging.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import type { EncodedAny } from '../protobuf/codec.ts';
import { resourceTypeOf, TYPE_URLS } from '../protobuf/type-urls.ts';
import type { ResourceType } from '../protobuf/type-urls.ts';
import type { IdentifyPeer, StreamPeer } from './ads-access.ts';
import type { ControlPlaneMetrics } from './ads-metrics.ts';
import { nextResponse } from './next-response.ts';
import type { DiscoveryResponse } from './next-response.ts';
import type { NodeRegistry } from './node-registry.ts';
import { onRequest } from './on-request.ts';
import { newStream } from './stream-state.ts';

/** envoy.service.discovery.v3.DiscoveryRequest, as far as it is read. */
export interface WireRequest {
  readonly node?: { readonly id?: string } | null;
  readonly type_url?: string;
  readonly resource_names?: readonly string[];
  readonly response_nonce?: string;
  readonly error_detail?: { readonly message?: string } | null;
}

/** envoy.service.discovery.v3.DiscoveryResponse. */
export interface WireResponse {
  readonly version_info: string;
  readonly type_url: string;
  readonly nonce: string;
  readonly resources: readonly EncodedAny[];
  readonly control_plane: { readonly identifier: string };
}

/** What one client is served, as it changes. */
export interface ServedView {
  current(): Snapshot;
  onChange(listener: () => void): () => void;
  close(): void;
}

export interface AdsDependencies {
  /** Name of this control plane, told to clients. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ControlPlaneMetrics;
  readonly nodes: NodeRegistry;
  readonly identify: IdentifyPeer;
  /** Gives a client's view. Throws NOT_READY before the first module states have come. */
  readonly openView: (peer: StreamPeer) => Promise<ServedView>;
  /** Aborts when the control plane stops; clients then look for another. */
  readonly stopping: AbortSignal;
}

type AdsCall = ServerDuplexStream<WireRequest, WireResponse>;

/** Serves one aggregated stream: requests change its state, state and view decide what is sent (next-response.ts). */
export function serveAdsStream(call: AdsCall, deps: AdsDependencies): void {
  const context = contextOf(call);
  let session: Session | undefined;
  let ended = false;
  const end = (): void => {
    // A cancelled call tells of its end in several ways.
    if (ended) return;
    ended = true;
    session?.close();
    deps.stopping.removeEventListener('abort', stop);
  };
  const fail = (error: unknown): void => {
    if (ended) return;
    end();
    call.emit('error', toStatus(error));
  };
  const stop = (): void => {
    fail(new FrontierError('DRAINING', 'the control plane is stopping'));
  };
  const open = async (first: WireRequest): Promise<void> => {
    call.pause();
    const opened = await openSession(call, context, first, deps);
    if (context.signal.aborted || ended) {
      opened.close();
      return;
    }
    session = opened;
    session.receive(first);
    call.resume();
  };
  deps.stopping.addEventListener('abort', stop, { once: true });
  if (deps.stopping.aborted) stop();
  context.signal.addEventListener('abort', end, { once: true });
  call.on('error', end);
  call.on('end', () => {
    if (ended) return;
    end();
    call.end();
  });
  call.on('data', (request: WireRequest) => {
    if (ended) return;
    try {
      assertTyped(request);
      if (session === undefined) open(request).catch(fail);
      else session.receive(request);
    } catch (error) {
      fail(error);
    }
  });
}

function assertTyped({ type_url }: WireRequest): void {
  if (type_url === undefined || type_url === '')
    throw new FrontierError('INVALID_FIELD', 'type_url must be given on ADS');
}

interface Session {
  receive(request: WireRequest): void;
  close(): void;
}

/** The node is told in the first request only (checklist 1, 2). */
async function openSession(
  call: AdsCall,
  context: CallContext,
  first: WireRequest,
  deps: AdsDependencies,
): Promise<Session> {
  const nodeId = first.node?.id ?? '';
  if (nodeId === '') throw new FrontierError('INVALID_FIELD', "the first request's node.id must be given");
  const peer = deps.identify(context, nodeId);
  const view = await deps.openView(peer);
  return startSession(call, nodeId, peer, view, deps);
}

function startSession(
  call: AdsCall,
  nodeId: string,
  peer: StreamPeer,
  view: ServedView,
  deps: AdsDependencies,
): Session {
  const { clock, metrics, nodes } = deps;
  const log = deps.log.child({ node: nodeId });
  const sentAtMs = new Map<ResourceType, number>();
  let state = newStream(peer.kind);
  let blocked = false;
  let cancelWake: () => void = () => undefined;

  const write = (response: DiscoveryResponse): boolean => {
    metrics.response(response.type, response.resources.length);
    sentAtMs.set(response.type, clock.monotonicMs());
    log.debug({
      event: 'response_sent',
      type: response.type,
      version: response.version,
      count: response.resources.length,
    });
    return call.write(toWire(response, deps.instance));
  };
  const pump = (): void => {
    while (!blocked) {
      const nowMs = clock.monotonicMs();
      const decision = nextResponse(state, view.current(), nowMs);
      state = decision.state;
      cancelWake();
      if (decision.wakeAtMs !== undefined) cancelWake = clock.after(Math.max(1, decision.wakeAtMs - nowMs), pump);
      if (decision.response === undefined) return;
      // A client that does not read stops here: newer states replace what would have been queued (checklist 8).
      blocked = !write(decision.response);
    }
  };
  const onDrain = (): void => {
    blocked = false;
    pump();
  };
  const answered = (type: ResourceType, refusal: string | undefined): void => {
    metrics.acknowledged(type, (clock.monotonicMs() - (sentAtMs.get(type) ?? 0)) / 1000);
    // Silence about refusals would leave a node on old configuration unnoticed (checklist 13).
    if (refusal !== undefined) {
      log.warn({ event: 'configuration_refused', type, version: state.types[type].sentVersion, refusal });
    }
  };
  call.on('drain', onDrain);
  const stopWatching = view.onChange(pump);
  const forget = nodes.add({ nodeId, spiffeId: peer.spiffeId, connectedAtMs: clock.nowMs(), state: () => state });
  metrics.streams(1, peer.kind);
  log.info({ event: 'node_connected', kind: peer.kind, spiffeId: peer.spiffeId });
  return {
    receive: (request) => {
      const type = resourceTypeOf(request.type_url ?? '');
      // A type that is not served must not disturb the others (checklist 4).
      if (type === undefined) return;
      const refusal = request.error_detail == null ? undefined : (request.error_detail.message ?? 'no reason given');
      const names = request.resource_names ?? [];
      const step = onRequest(state, type, { names, nonce: request.response_nonce ?? '', refusal });
      state = step.state;
      metrics.request(type, step.outcome);
      if (step.outcome === 'ack' || step.outcome === 'nack') answered(type, refusal);
      pump();
    },
    close: () => {
      blocked = true;
      call.off('drain', onDrain);
      cancelWake();
      stopWatching();
      view.close();
      forget();
      metrics.streams(-1, peer.kind);
      log.info({ event: 'node_disconnected' });
    },
  };
}

function toWire({ type, version, nonce, resources }: DiscoveryResponse, instance: string): WireResponse {
  return {
    version_info: version,
    type_url: TYPE_URLS[type],
    nonce,
    resources: resources.map(({ any }) => any),
    control_plane: { identifier: instance },
  };
}
