import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { FrontierConfig, MeshMode } from '../../core/config/schema.ts';
import { loadOrCreateJoinKey } from '../../core/identity/join-token.ts';
import type { WorkloadIdentity } from '../../core/identity/workload-identity.ts';
import type { Logger } from '../../core/logging.ts';
import { routerPorts, type RouterPorts } from '../../core/service/router-replica.ts';
import { cacheDirOf } from '../../core/service/cache-dir.ts';
import { findEnvoy } from './envoy-binary.ts';
import type { Fleet } from './fleet.ts';
import { envoyMember, obtainGatewayIdentity, routerMember, serviceMember, type SystemContext } from './members.ts';
import { portHolder } from './port-holder.ts';
import { resolvePorts, type Ports } from './ports.ts';
import type { RunFile } from './run-file.ts';
import { untilServing } from './serving.ts';
import { chooseMesh, configPathOf, serviceEnvironment, type UpFlags } from './settings.ts';

const EDGE_TIMEOUT_MS = 30_000;
/** Envoy's worker threads; one serves thousands of requests a second. */
const ENVOY_CONCURRENCY = 1;
const ANY_PORTS: RouterPorts = { grpc: 0, http: 0 };

/** All that is settled before the first process starts. */
export interface SystemPlan {
  readonly context: SystemContext;
  readonly mesh: MeshMode;
  readonly envoyPath: string | undefined;
  readonly envoyConcurrency: number;
  readonly run: RunFile;
}

/** Settles ports, mesh mode and what the services are told. Throws PORT_IN_USE, DEPENDENCY_MISSING, CONFIG_INVALID. */
export async function planSystem(
  config: FrontierConfig,
  flags: UpFlags,
  env: Readonly<Record<string, string>>,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<SystemPlan> {
  const { mesh: meshConfig, network } = config.orchestration;
  const cacheDir = cacheDirOf(env, homedir());
  const envoyPath = findEnvoy(config, env['PATH'] ?? '', cacheDir);
  const { replicas } = config.orchestration.router;
  const mesh = chooseMesh(meshConfig.mode, flags.mesh, envoyPath, replicas);
  const wanted = Array.from({ length: replicas - 1 }, (_, at) => network.router_replicas[at] ?? ANY_PORTS);
  const { ports, routers } = await resolvePorts(network.ports, wanted, network.address, portHolder);
  const configPath =
    configPathOf(flags.config, env) ?? config.sources.find((path) => path.endsWith('orchestration-config.yaml'));
  const context: SystemContext = {
    config: withPorts(config, ports, routers),
    configPath,
    env: serviceEnvironment(env, { config, mesh, ports, routers, cacheDir }),
    joinKey: loadOrCreateJoinKey(config.dataDir),
    ports,
    clock,
    log,
    projectRoot: join(import.meta.dirname, '..', '..'),
  };
  return {
    context,
    mesh,
    envoyPath,
    envoyConcurrency: Number(flags.envoyConcurrency ?? ENVOY_CONCURRENCY),
    run: runFileFor(mesh, ports, network.address),
  };
}

/** The configuration with the ports that were found for it. */
function withPorts(config: FrontierConfig, ports: Ports, routers: readonly RouterPorts[]): FrontierConfig {
  const { orchestration } = config;
  const network = { ...orchestration.network, ports, router_replicas: [...routers] };
  return { ...config, orchestration: { ...orchestration, network } };
}

function runFileFor(mesh: MeshMode, ports: Ports, address: string): RunFile {
  const host =
    address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '[::1]' : address.includes(':') ? `[${address}]` : address;
  const grpcPort = mesh === 'proxyless' ? ports.router_grpc : ports.edge;
  const endpoints = {
    http: `http://${host}:${ports.edge}`,
    grpc: `${host}:${grpcPort}`,
    control_plane: `127.0.0.1:${ports.control_plane}`,
  };
  return { pid: process.pid, mesh, endpoints };
}

/** A started system. */
export interface RunningSystem {
  /** Stops all in order: no new queries, modules, Envoy, control plane. */
  stop(): Promise<void>;
}

/**
 * Starts everything and resolves when the edge serves. The services find one another in whatever order they come up; Envoy
 * alone waits, since a control plane that does not know the modules yet refuses it and it would then hold back for seconds.
 * Rejects when something does not start; what has been started by then is in the fleet, for the caller to end.
 */
export async function startSystem(plan: SystemPlan, fleet: Fleet, signal: AbortSignal): Promise<RunningSystem> {
  const { context } = plan;
  const controlPlane = fleet.start(serviceMember('control-plane', context));
  const gateway = plan.mesh === 'envoy' ? startGateway(plan, fleet, controlPlane, signal) : Promise.resolve(undefined);
  const loader = fleet.start(serviceMember('loader', context));
  const routers = routerPorts(context.config.orchestration).map((_, at) => routerMember(at + 1, context));
  const started = routers.map((router) => fleet.start(router));
  const [identity] = await Promise.all([gateway, controlPlane, loader, ...started]);
  await untilServing(`${plan.run.endpoints.http}/health`, waitOf(context, signal));
  return {
    async stop() {
      await Promise.all(routers.map(({ name }) => fleet.stop(name)));
      await fleet.stop('loader');
      await fleet.stop('envoy');
      identity?.close();
      await fleet.stop('control-plane');
    },
  };
}

async function startGateway(
  plan: SystemPlan,
  fleet: Fleet,
  controlPlane: Promise<Readonly<Record<string, number>>>,
  signal: AbortSignal,
): Promise<WorkloadIdentity> {
  const { context } = plan;
  const [ports, identity] = await Promise.all([controlPlane, obtainGatewayIdentity(context)]);
  await untilServing(`http://127.0.0.1:${ports['admin'] ?? 0}/readyz`, waitOf(context, signal));
  await fleet.start(envoyMember(plan.envoyPath ?? 'envoy', plan.envoyConcurrency, context));
  return identity;
}

function waitOf({ clock }: SystemContext, signal: AbortSignal): Parameters<typeof untilServing>[1] {
  return { clock, timeoutMs: EDGE_TIMEOUT_MS, signal };
}
