import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import type { Logger } from '../../core/logging.ts';
import type { Snapshot } from '../cache/type-snapshot.ts';
import { typeLabel } from '../protobuf/type-urls.ts';
import type { ControlPlaneMetrics } from './ads-metrics.ts';
import type { DiscoveryNode, WireRequest } from './discovery-requests.ts';
import { writeResponse } from './discovery-responses.ts';
import { nextHeartbeat } from './heartbeats.ts';
import { assertRequestFits, assertStreamFits } from './limits.ts';
import type { StreamLimits } from './limits.ts';
import type { OrderOptions } from './make-before-break.ts';
import { nextResponse } from './next-response.ts';
import type { DiscoveryResponse } from './next-response.ts';
import type { NodeRegistry } from './node-registry.ts';
import { onRequest } from './on-request.ts';
import type { DiscoveryRequest } from './on-request.ts';
import type { Turns, WorkKind } from './turns.ts';
import { newStream, typeStateOf } from './stream-state.ts';
import type { Form } from './stream-state.ts';

/** What one client is served, as it changes. */
export interface ServedView {
  /** Undefined while nothing has been set for the client: it then waits. */
  current(): Snapshot | undefined;
  /** Told the names that a client asks for, before it is answered; for views that depend on them. */
  asked?(typeUrl: string, names: readonly string[]): void;
  onChange(listener: () => void): () => void;
  close(): void;
}

/** A client that has been let in. */
export interface AdmittedClient {
  readonly view: ServedView;
  /** Kind of client, for metrics: few. */
  readonly kind: string;
  /** Empty where the client has proved no name. */
  readonly spiffeId: string;
  /** Whether an empty first request of a type asks for all of it. */
  readonly legacyWildcard: boolean;
}

/** One stream, as its events tell of it. */
export interface StreamInfo {
  /** Counts up; unique within the process. */
  readonly id: number;
  readonly node: DiscoveryNode;
  readonly form: Form;
}

/** An answer to a response. */
export interface Answer {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
}

/** What may be listened to. Listeners must not throw; what they throw is logged. */
export interface StreamEvents {
  onStreamOpen?(stream: StreamInfo): void;
  onStreamClose?(stream: StreamInfo): void;
  onRequest?(stream: StreamInfo, request: WireRequest): void;
  onResponse?(stream: StreamInfo, response: DiscoveryResponse): void;
  onAck?(stream: StreamInfo, answer: Answer): void;
  onNack?(stream: StreamInfo, answer: Answer & { readonly message: string }): void;
}

export interface AdsDependencies {
  /** Name of this control plane, told to clients. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ControlPlaneMetrics;
  readonly nodes: NodeRegistry;
  /** Says who a client is and what it is served. Throws when it may not be served, or not yet. */
  readonly admit: (call: CallContext, node: DiscoveryNode) => AdmittedClient | Promise<AdmittedClient>;
  /** Shared by all streams. */
  readonly turns: Turns;
  readonly order: OrderOptions;
  readonly limits: StreamLimits;
  readonly events?: StreamEvents | undefined;
  /** Aborts when the control plane stops; clients then look for another. */
  readonly stopping: AbortSignal;
}

/** A stream whose client is known. */
export interface Session {
  /** Takes a request in and sends what is due then. Throws OVERLOADED for more than may be asked for. */
  receive(request: WireRequest): void;
  close(): void;
}

/** Writes a message; `taken` is called once it has left for the client. */
export type Write = (bytes: Buffer, taken: () => void) => void;

interface SentAt {
  readonly sentAtMs: number;
  /** When what it tells of changed; undefined for an answer to a subscription. */
  readonly changedAtMs: number | undefined;
}

/** Time between a change and its being sent, in milliseconds. */
const SETTLE_MS = 5;

let streams = 0;

/** Begins to serve a client that has been let in: state and view decide what is sent (next-response.ts). */
export function startSession(
  form: Form,
  node: DiscoveryNode,
  client: AdmittedClient,
  write: Write,
  deps: AdsDependencies,
): Session {
  const { clock, metrics, nodes, events, turns } = deps;
  const { view, kind, spiffeId } = client;
  const log = deps.log.child({ node: node.id });
  const state = newStream(form, client.legacyWildcard);
  const info: StreamInfo = { id: ++streams, node, form };
  const sentAt = new Map<string, SentAt>();
  const renewedAtMs = new Map<string, number>();
  const withTtl = takesTtl(node, form);
  let blocked = false;
  let closed = false;
  let changedAtMs: number | undefined;
  let cancelWake: (() => void) | undefined;
  let cancelPush: (() => void) | undefined;

  const tell = (notify: () => void): void => {
    try {
      notify();
    } catch (error) {
      log.error({ event: 'listener_failed', error: messageOf(error) });
    }
  };
  const due = new Set<WorkKind>();
  const soon = (kind: WorkKind): void => {
    if (due.has(kind)) return;
    due.add(kind);
    turns.run(kind, () => {
      due.delete(kind);
      pump();
    });
  };
  const taken = (): void => {
    if (closed) return;
    blocked = false;
    metrics.waiting(-1);
    soon(changedAtMs === undefined ? 'answer' : 'push');
  };
  const send = (response: DiscoveryResponse, heartbeat?: ReadonlySet<string>): void => {
    const { typeUrl, version, resources } = response;
    metrics.response(typeUrl, resources.length);
    sentAt.set(typeUrl, { sentAtMs: clock.monotonicMs(), changedAtMs });
    log.debug({ event: 'response_sent', type: typeLabel(typeUrl), version, count: resources.length });
    if (events?.onResponse !== undefined) tell(() => events.onResponse?.(info, response));
    const controlPlane = state.responses === 1 ? deps.instance : undefined;
    blocked = true;
    metrics.waiting(1);
    write(writeResponse(response, { form, controlPlane, withTtl, heartbeat }), taken);
  };
  const pump = (): void => {
    // A client that does not read stops here: newer states replace what would have been queued (checklist 8).
    if (blocked || closed) return;
    const snapshot = view.current();
    if (snapshot === undefined) return;
    const nowMs = clock.monotonicMs();
    const { response, wakeAtMs } = nextResponse(state, snapshot, nowMs, deps.order);
    const beat = withTtl && response === undefined ? nextHeartbeat(state, renewedAtMs, nowMs) : undefined;
    const wake = Math.min(wakeAtMs ?? Infinity, beat?.wakeAtMs ?? Infinity);
    cancelWake?.();
    cancelWake =
      wake === Infinity
        ? undefined
        : clock.after(Math.max(1, wake - nowMs), () => {
            soon('push');
          });
    if (response !== undefined) send(response);
    else changedAtMs = undefined;
    if (beat?.heartbeat !== undefined) send(beat.heartbeat.response, beat.heartbeat.names);
  };
  const answered = (request: WireRequest): void => {
    const { typeUrl, nonce, refusal } = request;
    const nowMs = clock.monotonicMs();
    const sent = sentAt.get(typeUrl);
    const since = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : (nowMs - ms) / 1000);
    metrics.acknowledged(
      typeUrl,
      since(sent?.sentAtMs) ?? 0,
      refusal === undefined ? since(sent?.changedAtMs) : undefined,
    );
    const version = typeStateOf(state, typeUrl)?.sentVersion ?? '';
    if (refusal === undefined) {
      if (events?.onAck !== undefined) tell(() => events.onAck?.(info, { typeUrl, version, nonce }));
      return;
    }
    // Silence about refusals would leave a node on old configuration unnoticed (checklist 13).
    log.warn({ event: 'configuration_refused', type: typeLabel(typeUrl), typeUrl, version, refusal });
    tell(() => events?.onNack?.(info, { typeUrl, version, nonce, message: refusal }));
  };
  const endWatch = view.onChange(() => {
    changedAtMs ??= clock.monotonicMs();
    // What the client has said meanwhile, e.g. that it wants a name no more, lies in the socket and is read first (checklist 31).
    cancelPush ??= clock.after(SETTLE_MS, () => {
      cancelPush = undefined;
      soon('push');
    });
  });
  const forget = nodes.add({ node, kind, spiffeId, connectedAtMs: clock.nowMs(), state, wanted: () => view.current() });
  metrics.streams(1, kind);
  log.info({ event: 'node_connected', kind, form, spiffeId });
  tell(() => events?.onStreamOpen?.(info));
  return {
    receive: (request) => {
      assertRequestFits(request, deps.limits);
      if (events?.onRequest !== undefined) tell(() => events.onRequest?.(info, request));
      view.asked?.(request.typeUrl, request.names);
      const outcome = onRequest(state, toRequest(form, request));
      assertStreamFits(state, deps.limits);
      metrics.request(request.typeUrl, outcome);
      if (outcome === 'ack' || outcome === 'nack') answered(request);
      soon('answer');
    },
    close: () => {
      if (closed) return;
      closed = true;
      if (blocked) metrics.waiting(-1);
      cancelWake?.();
      cancelPush?.();
      endWatch();
      view.close();
      forget();
      metrics.streams(-1, kind);
      log.info({ event: 'node_disconnected' });
      tell(() => events?.onStreamClose?.(info));
    },
  };
}

/** Times to live are sent only to clients that say they take them (checklist 62). */
function takesTtl({ clientFeatures }: DiscoveryNode, form: Form): boolean {
  const takes = clientFeatures.includes('xds.config.supports-resource-ttl');
  return takes && (form === 'delta' || clientFeatures.some((feature) => UNWRAPS.has(feature)));
}

/** Envoy's pages have both names for it: the protocol's, and the list of client features. */
const UNWRAPS: ReadonlySet<string> = new Set(['xds.config.supports-resource-in-sotw', 'xds.config.resource-in-sotw']);

function toRequest(form: Form, request: WireRequest): DiscoveryRequest {
  const { typeUrl, nonce, refusal, names, unsubscribe, initialVersions } = request;
  return form === 'sotw'
    ? { form, typeUrl, nonce, refusal, names }
    : { form, typeUrl, nonce, refusal, subscribe: names, unsubscribe, initialVersions };
}
