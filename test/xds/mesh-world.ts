import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, Server } from '@grpc/grpc-js';
import { loadConfig } from '../../core/config/load.ts';
import { moduleSpecSchema } from '../../core/config/schema.ts';
import type { FrontierConfig, ModuleSpecInput } from '../../core/config/schema.ts';
import { systemClock } from '../../core/clock.ts';
import { bindServer, closeServer } from '../../core/grpc/server.ts';
import { unary } from '../../core/grpc/handlers.ts';
import { requirePeer, serverCredentials } from '../../core/identity/credentials.ts';
import { loadOrCreateJoinKey, mintJoinToken } from '../../core/identity/join-token.ts';
import type { SpiffeName } from '../../core/identity/spiffe.ts';
import type { WorkloadIdentity } from '../../core/identity/workload-identity.ts';
import { obtainIdentity } from '../../core/identity/workload-identity.ts';
import { createLogger, silentLogger } from '../../core/logging.ts';
import { envoyBootstrap, envoyIdentityFiles } from '../../core/mesh/envoy-bootstrap.ts';
import type { ModuleView, ReplicaState } from '../../core/modules/module-view.ts';
import { identityDir, meshId, rootPemPath } from '../../core/service/service-identity.ts';
import { createMetricsRegistry } from '../../core/telemetry/metrics.ts';
import { startControlPlane } from '../../xds-control-plane/server.ts';
import type { ControlPlane } from '../../xds-control-plane/server.ts';
import { onCleanup } from '../support/cleanup.ts';
import { startEnvoy } from '../support/envoy.ts';
import type { RunningEnvoy } from '../support/envoy.ts';
import { freePort } from '../support/free-port.ts';
import { writeConfig } from '../support/frontier-config.ts';
import type { OrchestrationInput } from '../support/frontier-config.ts';
import { Echo, EchoClient } from './echo.ts';

/** A control plane in this process, with what is needed to put a real Envoy and mTLS sidecars around it. */
export interface MeshWorld {
  readonly config: FrontierConfig;
  readonly controlPlane: ControlPlane;
  /** Says what the loader would say. */
  show(...views: readonly ModuleView[]): void;
  /** Gets an identity by a join token, as a process of the mesh does. */
  join(kind: SpiffeName['kind'], name: string, replica?: string): Promise<WorkloadIdentity>;
  startEnvoy(nodeId?: string): Promise<RunningEnvoy>;
  /** Starts a sidecar of a module (or one that shows another name) that answers with its own text. */
  startSidecar(moduleId: string, text: string, shownAs?: string): Promise<Sidecar>;
  /** Dials a module through Envoy's mesh listener. */
  dial(moduleId: string): EchoClient;
  /** Ends the control plane and starts another on the same port and data. */
  restartControlPlane(): Promise<void>;
  /** What the control plane has logged. */
  logged(): readonly Record<string, unknown>[];
  /** Its metrics page. */
  metrics(): Promise<string>;
}

export interface Sidecar {
  readonly port: number;
  /** SPIFFE ids that have called. */
  readonly callers: ReadonlySet<string>;
  /** Takes no new connections, finishes what it works on, and ends. */
  drain(): Promise<void>;
  close(): void;
}

const DRAIN_MS = 5_000;

/** Starts a world; all of it ends with the file's tests. */
export async function startMeshWorld(
  orchestration: OrchestrationInput = {},
  routerPorts: Readonly<Record<string, number>> = {},
): Promise<MeshWorld> {
  const ports = { ...routerPorts, control_plane: await freePort(), edge: await freePort(), mesh: await freePort() };
  const folder = writeConfig({ ...orchestration, network: { ports }, storage: { data_dir: 'data' } }, []);
  const config = loadConfig({ path: join(folder, 'orchestration-config.yaml'), env: {} });
  const lines: string[] = [];
  const destination = { write: (line: string): unknown => lines.push(line) };
  let registry = createMetricsRegistry();
  const start = (): Promise<ControlPlane> => {
    registry = createMetricsRegistry();
    const log = createLogger({ service: 'control-plane', level: 'info', destination });
    return startControlPlane({ config, clock: systemClock, log, registry });
  };
  let controlPlane = await start();
  let shown: ReadonlyMap<string, ModuleView> | undefined;
  onCleanup(() => controlPlane.close());

  const joinMesh = async (kind: SpiffeName['kind'], name: string, replica?: string): Promise<WorkloadIdentity> => {
    const spiffeId = meshId(config, kind, name);
    const key = loadOrCreateJoinKey(config.dataDir);
    const identity = await obtainIdentity({
      spiffeId,
      dir: identityDir(config, kind, name, replica),
      controlPlaneAddress: `127.0.0.1:${ports.control_plane}`,
      controlPlaneId: meshId(config, 'service', 'control-plane'),
      rootPemPath: rootPemPath(config),
      joinToken: await mintJoinToken(key, spiffeId, systemClock.nowMs()),
      clock: systemClock,
      log: silentLogger,
    });
    onCleanup(() => {
      identity.close();
      return Promise.resolve();
    });
    return identity;
  };
  return {
    config,
    get controlPlane() {
      return controlPlane;
    },
    show: (...views) => {
      shown = new Map(views.map((view) => [view.moduleId, view]));
      controlPlane.cache.update(shown);
    },
    join: joinMesh,
    startEnvoy: async (nodeId = 'edge-1') => {
      await joinMesh('gateway', nodeId);
      return startEnvoy({ bootstrap: bootstrapOf(config, nodeId), timeoutMs: 30_000 });
    },
    startSidecar: async (moduleId, text, shownAs = moduleId) =>
      startSidecar(await joinMesh('module', shownAs, text), config, text),
    dial: (moduleId) => dial(`127.0.0.1:${ports.mesh}`, moduleId),
    restartControlPlane: async () => {
      await controlPlane.close();
      controlPlane = await start();
      if (shown !== undefined) controlPlane.cache.update(shown);
    },
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    metrics: () => registry.metrics(),
  };
}

/** Gives the bootstrap of an Envoy of a world, and writes the files that it names. */
export function bootstrapOf(config: FrontierConfig, nodeId: string): Record<string, unknown> {
  const dir = identityDir(config, 'gateway', nodeId);
  for (const { path, content } of envoyIdentityFiles(dir)) writeFileSync(path, content);
  return envoyBootstrap({
    nodeId,
    cluster: 'edge',
    controlPlaneAddress: '127.0.0.1',
    controlPlanePort: config.orchestration.network.ports.control_plane,
    controlPlaneId: meshId(config, 'service', 'control-plane'),
    identityDir: dir,
    adminAddress: '127.0.0.1',
    adminPort: 0,
    xdsForm: config.orchestration.mesh.xds_form,
  });
}

async function startSidecar(identity: WorkloadIdentity, config: FrontierConfig, text: string): Promise<Sidecar> {
  const callers = new Set<string>();
  const server = new Server();
  server.addService(Echo, {
    say: unary<Buffer, Buffer>((request, call) => {
      callers.add(call.peerSpiffeId ?? '');
      requirePeer(call, [meshId(config, 'gateway', '*'), meshId(config, 'service', 'router')]);
      return Promise.resolve(Buffer.from(`${text}: ${request.toString()}`));
    }),
  });
  const port = await bindServer(server, { host: '127.0.0.1', port: 0 }, serverCredentials(identity));
  const close = (): void => {
    server.forceShutdown();
  };
  onCleanup(() => {
    close();
    return Promise.resolve();
  });
  return { port, callers, drain: () => closeServer(server, DRAIN_MS), close };
}

function dial(address: string, moduleId: string): EchoClient {
  const client = new EchoClient(address, credentials.createInsecure(), { 'grpc.default_authority': moduleId });
  onCleanup(() => {
    client.close();
    return Promise.resolve();
  });
  return client;
}

/** Gives a module as the loader would show it, with replicas at these ports. */
export function moduleAt(
  moduleId: string,
  ports: readonly number[],
  { spec = {}, state = 'READY' }: { spec?: Partial<ModuleSpecInput>; state?: ReplicaState } = {},
): ModuleView {
  return {
    moduleId,
    spec: moduleSpecSchema.parse({ module_id: moduleId, ...spec }),
    specVersion: '1',
    state: ports.length > 0 ? 'READY' : 'UNLOADED',
    reason: '',
    replicas: ports.map((port) => ({
      replicaId: `${moduleId}-${port}`,
      state,
      reason: '',
      endpoint: { address: '127.0.0.1', port, zone: '', weight: 1 },
      restarts: 0,
      inFlight: 0,
      createdAtMs: undefined,
      readyAtMs: undefined,
    })),
    desiredReplicas: ports.length,
    inFlight: 0,
    waiting: 0,
    requestsPerSecond: 0,
    expectedActivationMs: undefined,
    lastUseAtMs: undefined,
    stateChangedAtMs: undefined,
  };
}
