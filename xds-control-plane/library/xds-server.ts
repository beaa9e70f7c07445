import { readFileSync } from 'node:fs';
import { ServerCredentials } from '@grpc/grpc-js';
import { systemClock } from '../../core/clock.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import { bindServer, closeServer, createGrpcServer } from '../../core/grpc/server.ts';
import { silentLogger } from '../../core/logging.ts';
import type { Logger } from '../../core/logging.ts';
import { createMetricsRegistry } from '../../core/telemetry/metrics.ts';
import type { Registry } from '../../core/telemetry/metrics.ts';
import { createControlPlaneMetrics } from '../ads/ads-metrics.ts';
import { addAds, addTypeServices } from '../ads/ads-service.ts';
import type { AdmittedClient, AdsDependencies, StreamEvents } from '../ads/ads-session.ts';
import { addCsds } from '../ads/csds-service.ts';
import type { DiscoveryNode } from '../ads/discovery-requests.ts';
import { DEFAULT_LIMITS } from '../ads/limits.ts';
import type { StreamLimits } from '../ads/limits.ts';
import type { OrderOptions } from '../ads/make-before-break.ts';
import { createTurns } from '../ads/turns.ts';
import { createNodeRegistry } from '../ads/node-registry.ts';
import type { ConnectedNode } from '../ads/node-registry.ts';
import { createNodeSnapshots } from '../cache/node-snapshots.ts';
import type { NodeSnapshots } from '../cache/node-snapshots.ts';
import { createResourceEncoder } from '../cache/raw-resource.ts';
import { loadCodec } from '../protobuf/codec.ts';
import { loadMessageTypes } from '../protobuf/message-types.ts';
import { createSnapshotEditor } from './snapshot-editor.ts';
import type { SnapshotEditor } from './snapshot-editor.ts';

export interface XdsServerOptions {
  /** Gives the key under which a node's snapshot is set; by default its id. Nodes of one key are served the same. */
  readonly nodeGroup?: (node: DiscoveryNode) => string;
  /** Whether an empty first request of a type asks for all of it (checklist 23); for all nodes, or by node. On by default. */
  readonly legacyWildcard?: boolean | ((node: DiscoveryNode) => boolean);
  /** Throws (or rejects) for a client that may not be served; a FrontierError says its status. Everybody may by default. */
  readonly authorize?: (call: CallContext, node: DiscoveryNode) => void | Promise<void>;
  /** Callbacks: streams, requests, responses, acknowledgements, refusals. */
  readonly events?: StreamEvents;
  /** Bounds of the make-before-break order; by default at most 1 s of holding back, and 1 s of grace for removed clusters. */
  readonly order?: Partial<OrderOptions>;
  readonly limits?: Partial<StreamLimits>;
  /**
   * Serves the client status discovery service (CSDS) to those for whom this does not throw: it tells who is connected and what
   * each has acknowledged or refused. Not served by default.
   */
  readonly authorizeStatus?: (call: CallContext) => void | Promise<void>;
  /** Name of this server, told to clients. */
  readonly instance?: string;
  readonly log?: Logger;
  /** Where its metrics are registered; a registry of its own by default. */
  readonly registry?: Registry;
}

export interface TlsFiles {
  readonly certPath: string;
  readonly keyPath: string;
  /** Bundle of the authorities whose clients are let in; without it clients show no certificate. */
  readonly clientCaPath?: string;
}

export interface ListenOptions {
  /** By default loopback. */
  readonly host?: string;
  /** 0 for a free one. */
  readonly port?: number;
  /** Plain without it. */
  readonly tls?: TlsFiles;
}

/** An xDS server for anybody's resources. */
export interface XdsServer extends SnapshotEditor {
  /** Serves ADS and the services for one type each; gives the port. Throws PORT_IN_USE. */
  listen(options?: ListenOptions): Promise<number>;
  /** The streams that are open, with what each has asked for, been sent and acknowledged. */
  nodes(): readonly ConnectedNode[];
  /** Keys that have a snapshot of their own. */
  keys(): readonly string[];
  /** Ends all streams and stops. */
  close(): Promise<void>;
}

const ORDER: OrderOptions = { holdMs: 1_000, graceMs: 1_000 };
const CLOSE_GRACE_MS = 500;

/** Gives an xDS server: state-of-the-world and delta, ADS and one service per type. It serves once `listen` is called. */
export function createXdsServer(options: XdsServerOptions = {}): XdsServer {
  const snapshots = createNodeSnapshots();
  const nodes = createNodeRegistry();
  const stopping = new AbortController();
  const deps: AdsDependencies = {
    instance: options.instance ?? `xds-${process.pid}`,
    clock: systemClock,
    log: options.log ?? silentLogger,
    metrics: createControlPlaneMetrics(options.registry ?? createMetricsRegistry()),
    nodes,
    admit: admission(snapshots, options),
    turns: createTurns(systemClock),
    order: { ...ORDER, ...options.order },
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    events: options.events,
    stopping: stopping.signal,
  };
  const server = createGrpcServer();
  addAds(server, deps);
  addTypeServices(server, deps);
  const codec = loadCodec();
  if (options.authorizeStatus !== undefined) addCsds(server, { codec, nodes, authorize: options.authorizeStatus });
  return {
    ...createSnapshotEditor(snapshots, createResourceEncoder(codec, loadMessageTypes())),
    listen: ({ host = '127.0.0.1', port = 0, tls } = {}) => bindServer(server, { host, port }, credentialsOf(tls)),
    nodes: () => nodes.list(),
    keys: () => snapshots.keys(),
    close: async () => {
      stopping.abort();
      await closeServer(server, CLOSE_GRACE_MS);
    },
  };
}

function admission(snapshots: NodeSnapshots, options: XdsServerOptions): AdsDependencies['admit'] {
  const { nodeGroup = idOf, legacyWildcard = true, authorize } = options;
  const admit = (node: DiscoveryNode): AdmittedClient => {
    const key = nodeGroup(node);
    return {
      view: {
        current: () => snapshots.current(key),
        onChange: (listener) => snapshots.onChange(key, listener),
        close: () => undefined,
      },
      kind: 'client',
      spiffeId: '',
      legacyWildcard: typeof legacyWildcard === 'function' ? legacyWildcard(node) : legacyWildcard,
    };
  };
  if (authorize === undefined) return (_call, node) => admit(node);
  return async (call, node) => {
    await authorize(call, node);
    return admit(node);
  };
}

function idOf({ id }: DiscoveryNode): string {
  return id;
}

function credentialsOf(tls: TlsFiles | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { certPath, keyPath, clientCaPath } = tls;
  const pair = { cert_chain: readFileSync(certPath), private_key: readFileSync(keyPath) };
  const clientCa = clientCaPath === undefined ? null : readFileSync(clientCaPath);
  return ServerCredentials.createSsl(clientCa, [pair], clientCa !== null);
}
