import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Server } from '@grpc/grpc-js';
import type { FrontierConfig } from '../core/config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { bindServer, closeServer, createGrpcServer } from '../core/grpc/server.ts';
import { requirePeer, serverCredentials } from '../core/identity/credentials.ts';
import { writeIdentity } from '../core/identity/identity-files.ts';
import { loadOrCreateJoinKey } from '../core/identity/join-token.ts';
import type { Logger } from '../core/logging.ts';
import { identityDir, meshId } from '../core/service/service-identity.ts';
import type { Store } from '../core/store/store.ts';
import type { Registry } from '../core/telemetry/metrics.ts';
import { IdentityServiceService } from '../gen/frontier/mesh/v1/identity.ts';
import { ControlPlaneServiceService } from '../gen/frontier/mesh/v1/status.ts';
import { identifyByCertificate, identifyLocal } from './ads/ads-access.ts';
import type { IdentifyPeer } from './ads/ads-access.ts';
import { createControlPlaneMetrics } from './ads/ads-metrics.ts';
import { createStatusService } from './status-server.ts';
import { addAds, addTypeServices } from './ads/ads-service.ts';
import type { AdsDependencies } from './ads/ads-session.ts';
import { addCsds } from './ads/csds-service.ts';
import { DEFAULT_LIMITS } from './ads/limits.ts';
import { createTurns } from './ads/turns.ts';
import { createNodeRegistry } from './ads/node-registry.ts';
import { openServedView } from './ads/served-view.ts';
import { createIdentityService } from './authority/identity-server.ts';
import { createIssuedIdentity } from './authority/issued-identity.ts';
import type { IssuedIdentity } from './authority/issued-identity.ts';
import { createNodeIdentities } from './authority/node-identities.ts';
import { authorityOf, openRoots } from './authority/open-authority.ts';
import { createSnapshotCache } from './cache/snapshot-cache.ts';
import type { SnapshotCache } from './cache/snapshot-cache.ts';
import { loadCodec } from './protobuf/codec.ts';
import { joinPeers } from './peers/join-peers.ts';
import type { JoinedPeers } from './peers/join-peers.ts';
import { createLoadReportsService, loadReportsDefinition } from './rollout/load-reports-service.ts';
import { createRollout } from './rollout/rollout.ts';
import { createStateJoiner } from './reports/mesh-states.ts';
import { resourcesFor } from './resources/resources-for.ts';

/** Streams never end by themselves; they are told to at once, and this is for calls that are being answered. */
const CLOSE_GRACE_MS = 1_000;

/** A route waits for its clusters for as long as a client may reasonably take; requests that chose one have a moment left. */
const ORDER = { holdMs: 15_000, graceMs: 1_000 };

export interface ControlPlaneOptions {
  readonly config: FrontierConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  /** Store in which the mesh's other control planes are met; undefined when there are none. */
  readonly store?: Store | undefined;
}

/** A control plane that serves. Module states are put in through `cache.update`. */
export interface ControlPlane {
  /** Port of the TLS server. */
  readonly port: number;
  readonly socketPath: string;
  readonly cache: SnapshotCache;
  /** The control plane's own identity, for calls that it makes. */
  readonly identity: IssuedIdentity;
  close(): Promise<void>;
}

/** Gives where the Unix socket of a data directory is. */
export function controlPlaneSocket(config: FrontierConfig): string {
  return path.join(config.dataDir, 'run', 'xds.sock');
}

/** Starts the control plane. Throws CONFIG_INVALID for a damaged root, PORT_IN_USE for a taken port. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { config, clock, log, registry } = options;
  const { mesh, network } = config.orchestration;
  const instance = `control-plane-${process.pid}`;
  const codec = loadCodec();
  const metrics = createControlPlaneMetrics(registry);
  const roots = await openRoots(config, clock, log);
  const authority = authorityOf(config, roots);
  const issue = (spiffeId: string, hosts: readonly string[] = []): Promise<IssuedIdentity> =>
    createIssuedIdentity({
      authority,
      spiffeId,
      hosts,
      clock,
      log,
      onRootsChange: (listener) => roots.onChange(listener),
    });
  const identity = await ownIdentity(config, issue);
  const identities = createNodeIdentities((spiffeId) => issue(spiffeId));
  const cache = createSnapshotCache({
    orchestration: config.orchestration,
    codec,
    clock,
    log,
    resourcesFor,
    onRebuild: (outcome) => {
      metrics.rebuild(outcome);
    },
  });
  const joiner = createStateJoiner({
    settings: mesh.shared_breakers,
    clock,
    onChange: (states) => {
      cache.update(states);
    },
    onReport: () => peers?.changed(),
  });
  const rollout = createRollout({
    clock,
    log,
    file: path.join(config.dataDir, 'state', 'ramps.json'),
    alone: options.store === undefined,
    onShares: (percents) => {
      joiner.setRamps(percents);
    },
  });
  const peers = peersIn(options, {
    joiner,
    rollout,
    isReady: () => cache.current('gateway') !== undefined,
  });
  const nodes = createNodeRegistry();
  const turns = createTurns(clock);
  const stopping = new AbortController();
  const adsFor = (identify: IdentifyPeer): AdsDependencies => ({
    instance,
    clock,
    log,
    metrics,
    nodes,
    admit: async (call, node) => {
      const peer = identify(call, node.id);
      const view = await openServedView(peer, {
        cache,
        identities,
        codec,
        orchestration: config.orchestration,
        zone: node.zone,
      });
      // gRPC clients have no use for the legacy wildcard: with them an empty list is just that (checklist 23).
      return { ...peer, view, legacyWildcard: peer.kind === 'gateway' };
    },
    turns,
    order: ORDER,
    limits: DEFAULT_LIMITS,
    stopping: stopping.signal,
  });

  const remote = createGrpcServer();
  const remoteAds = adsFor(identifyByCertificate(mesh.trust_domain, mesh.namespace));
  addAds(remote, remoteAds);
  addTypeServices(remote, remoteAds);
  remote.addService(
    IdentityServiceService,
    createIdentityService({
      authority,
      joinKey: loadOrCreateJoinKey(config.dataDir),
      clock,
      log,
      onIssued: () => {
        metrics.certificateIssued();
      },
    }),
  );
  const readers = [meshId(config, 'service', 'operator'), meshId(config, 'service', 'router')];
  remote.addService(
    ControlPlaneServiceService,
    createStatusService({
      instance,
      cache,
      nodes,
      codec,
      clock,
      joiner,
      leaseMs: mesh.shared_breakers.lease * 1000,
      roots,
      certificateLifetimeMs: mesh.certificate_lifetime * 1000,
      readers,
      operators: [meshId(config, 'service', 'operator')],
      reporters: [meshId(config, 'service', 'router')],
    }),
  );
  addCsds(remote, {
    codec,
    nodes,
    authorize: (call) => {
      requirePeer(call, readers);
    },
  });
  remote.addService(
    loadReportsDefinition(codec),
    createLoadReportsService({
      rollout:
        peers === undefined
          ? rollout
          : {
              ...rollout,
              add: (cluster, outcomes) => {
                peers.addOutcomes(cluster, outcomes);
              },
            },
      authorize: (call) => {
        requirePeer(call, [meshId(config, 'gateway', '*')]);
      },
      stopping: stopping.signal,
    }),
  );
  const local = createGrpcServer();
  addAds(local, adsFor(identifyLocal));

  // A client without certificate is let in to buy one with a join token; every other handler asks for a verified one.
  const credentials = serverCredentials(identity, { clientCertificate: 'optional' });
  const address = { host: mesh.control_plane_address, port: network.ports.control_plane };
  const port = await bindServer(remote, address, credentials);
  const socketPath = await bindSocket(local, controlPlaneSocket(config));
  return {
    port,
    socketPath,
    // What the loader says is joined with what routers report before it is served.
    cache: {
      ...cache,
      update: (views) => {
        rollout.update(views);
        joiner.setViews(views);
      },
    },
    identity,
    close: async () => {
      stopping.abort();
      await Promise.all([closeServer(remote, CLOSE_GRACE_MS), closeServer(local, CLOSE_GRACE_MS)]);
      await peers?.close();
      rollout.close();
      joiner.close();
      cache.close();
      identities.close();
      identity.close();
      roots.close();
      rmSync(socketPath, { force: true });
    },
  };
}

/** Without a store that others reach too there are no others. */
function peersIn(
  { store, clock, log }: ControlPlaneOptions,
  parts: Pick<Parameters<typeof joinPeers>[0], 'joiner' | 'rollout' | 'isReady'>,
): JoinedPeers | undefined {
  return store === undefined ? undefined : joinPeers({ store, clock, log, ...parts });
}

/** The control plane cannot ask itself over the network before it serves: it signs its own certificate. */
async function ownIdentity(
  config: FrontierConfig,
  issue: (spiffeId: string, hosts: readonly string[]) => Promise<IssuedIdentity>,
): Promise<IssuedIdentity> {
  // gRPC clients of other makes know TLS by host alone.
  const identity = await issue(meshId(config, 'service', 'control-plane'), ['127.0.0.1', 'localhost']);
  const dir = identityDir(config, 'service', 'control-plane');
  writeIdentity(dir, identity.current());
  identity.onChange((material) => {
    writeIdentity(dir, material);
  });
  return identity;
}

/** Only the user who runs Frontier may open the socket: nobody else gets into its folder. */
async function bindSocket(server: Server, socketPath: string): Promise<string> {
  mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o700 });
  // Left by a control plane that was killed; binding would fail.
  rmSync(socketPath, { force: true });
  await bindServer(server, { path: socketPath }, ServerCredentials.createInsecure());
  chmodSync(socketPath, 0o600);
  return socketPath;
}
