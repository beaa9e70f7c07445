import { join, resolve } from 'node:path';
import { loadConfig } from '../../core/config/load.ts';
import type { FrontierConfig, MeshMode } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import type { RouterPorts } from '../../core/service/router-replica.ts';
import type { Ports } from './ports.ts';

/** Flags of `frontier up`, as given. */
export interface UpFlags {
  readonly config?: string;
  readonly edgePort?: string;
  readonly dataDir?: string;
  readonly mesh?: string;
  readonly otlp?: string;
  readonly logLevel?: string;
  readonly envoyConcurrency?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Gives the environment with the flags put in as FRONTIER_* variables, which every service reads; flags win. */
export function environmentOf(flags: UpFlags, env: Env): Record<string, string> {
  const fromFlags = {
    FRONTIER_NETWORK__PORTS__EDGE: flags.edgePort,
    FRONTIER_STORAGE__DATA_DIR: flags.dataDir === undefined ? undefined : resolve(flags.dataDir),
    FRONTIER_MESH__MODE: flags.mesh,
    FRONTIER_TELEMETRY__OTLP_ENDPOINT: flags.otlp,
    FRONTIER_TELEMETRY__LOG_LEVEL: flags.logLevel,
  };
  const all = Object.entries({ ...env, ...definedOf(fromFlags) });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Gives where the configuration file is: the flag, FRONTIER_CONFIG, else undefined for the default place. */
export function configPathOf(flag: string | undefined, env: Env): string | undefined {
  const named = flag ?? env['FRONTIER_CONFIG'];
  return named === undefined || named === '' ? undefined : resolve(named);
}

/** Loads the configuration as the services will see it. Throws ConfigError. */
export function loadWith(flag: string | undefined, env: Env): FrontierConfig {
  return loadConfig({ path: configPathOf(flag, env), env });
}

/**
 * Gives the environment that every service of this system gets: what was settled here, under the names they read. Node keeps the
 * services' compiled code in the folder of caches, so that a restart does not compile again.
 */
export function serviceEnvironment(
  env: Env,
  settled: {
    readonly config: FrontierConfig;
    readonly mesh: MeshMode;
    readonly ports: Ports;
    readonly routers: readonly RouterPorts[];
    readonly cacheDir: string;
  },
): Record<string, string | undefined> {
  const { config, mesh, ports, routers } = settled;
  const { model_path: modelPath } = config.orchestration.runtime;
  const ownPorts = mesh === 'proxyless' ? { ...ports, router_http: ports.edge } : ports;
  return {
    ...env,
    FRONTIER_STORAGE__DATA_DIR: config.dataDir,
    FRONTIER_MESH__MODE: mesh,
    FRONTIER_NETWORK__ROUTER_REPLICAS: JSON.stringify(routers),
    FRONTIER_CACHE_DIR: settled.cacheDir,
    NODE_COMPILE_CACHE: env['NODE_COMPILE_CACHE'] ?? join(settled.cacheDir, 'compiled'),
    ...(modelPath === undefined ? {} : { FRONTIER_MODEL_PATH: resolve(config.rootDir, modelPath) }),
    ...Object.fromEntries(
      Object.entries(ownPorts).map(([name, port]) => [`FRONTIER_NETWORK__PORTS__${name.toUpperCase()}`, String(port)]),
    ),
  };
}

/**
 * Decides the mesh mode: an `envoy` that was only defaulted to becomes `proxyless` where there is no Envoy.
 * Throws DEPENDENCY_MISSING when Envoy was asked for by flag or is needed before several routers, and for `istio`, which needs a cluster.
 */
export function chooseMesh(
  configured: MeshMode,
  askedFor: string | undefined,
  envoyPath: string | undefined,
  routers = 1,
): MeshMode {
  if (configured === 'istio') {
    throw new FrontierError(
      'CONFIG_INVALID',
      'mesh.mode "istio" is for Kubernetes; `frontier up` runs "envoy" or "proxyless"',
    );
  }
  if (configured !== 'envoy' || envoyPath !== undefined) return configured;
  if (askedFor === undefined && routers === 1) return 'proxyless';
  throw new FrontierError(
    'DEPENDENCY_MISSING',
    `${routers === 1 ? '--mesh envoy' : `router.replicas is ${routers}`}, but there is no Envoy: put \`envoy\` on PATH, or name it in runtime.envoy_path`,
  );
}

function definedOf(record: Env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
