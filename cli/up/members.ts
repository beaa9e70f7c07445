import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { FrontierConfig } from '../../core/config/schema.ts';
import { mintJoinToken } from '../../core/identity/join-token.ts';
import type { WorkloadIdentity } from '../../core/identity/workload-identity.ts';
import type { Logger } from '../../core/logging.ts';
import { envoyBootstrap, envoyIdentityFiles } from '../../core/mesh/envoy-bootstrap.ts';
import { controlPlanes, identityDir, meshId, obtainServiceIdentity } from '../../core/service/service-identity.ts';
import type { Member } from './fleet.ts';
import type { Ports } from './ports.ts';

/** What all members of one system share. */
export interface SystemContext {
  readonly config: FrontierConfig;
  /** Configuration file, when there is one. */
  readonly configPath: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly joinKey: Uint8Array;
  readonly ports: Ports;
  readonly clock: Clock;
  readonly log: Logger;
  /** Folder of this project's sources. */
  readonly projectRoot: string;
}

type ServiceName = 'control-plane' | 'loader' | 'router';

/** Entry and longest orderly stop of each service: the router finishes answers, the loader lets modules finish theirs. */
const SERVICES: Record<ServiceName, { readonly entry: string; readonly stopGraceMs: number }> = {
  'control-plane': { entry: 'xds-control-plane/main', stopGraceMs: 3_000 },
  loader: { entry: 'loader/main', stopGraceMs: 15_000 },
  router: { entry: 'router/main', stopGraceMs: 12_000 },
};

/** Name of the Envoy that `frontier up` starts. */
const GATEWAY = 'edge';

/** Gives a router as a member of the fleet; they are counted from 1 on. */
export function routerMember(replica: number, context: SystemContext): Member {
  const first = serviceMember('router', context);
  if (replica === 1) return first;
  return { ...first, name: `router-${replica}`, args: [...first.args, '--replica', String(replica)] };
}

/** Gives a service as a member of the fleet. */
export function serviceMember(name: ServiceName, context: SystemContext): Member {
  const { config, configPath, clock, joinKey, projectRoot } = context;
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const { entry, stopGraceMs } = SERVICES[name];
  return {
    name,
    command: process.execPath,
    args: [join(projectRoot, entry + extension), ...(configPath === undefined ? [] : ['--config', configPath])],
    cwd: config.rootDir,
    isService: true,
    stopGraceMs,
    environment: async () => ({
      ...context.env,
      FRONTIER_JOIN_TOKEN: await mintJoinToken(joinKey, meshId(config, 'service', name), clock.nowMs()),
    }),
  };
}

/** Gets the identity under which Envoy speaks; kept renewed until it is closed, in files that Envoy watches. */
export async function obtainGatewayIdentity({ config, joinKey, clock, log }: SystemContext): Promise<WorkloadIdentity> {
  const joinToken = await mintJoinToken(joinKey, meshId(config, 'gateway', GATEWAY), clock.nowMs());
  return obtainServiceIdentity({ config, kind: 'gateway', name: GATEWAY, joinToken, clock, log });
}

/** Writes Envoy's bootstrap, which names the control plane and nothing else, and gives Envoy as a member of the fleet. */
export function envoyMember(binary: string, concurrency: number, context: SystemContext): Member {
  const { config, ports } = context;
  const dir = identityDir(config, 'gateway', GATEWAY);
  const bootstrap = envoyBootstrap({
    nodeId: GATEWAY,
    cluster: 'frontier',
    controlPlanes:
      config.orchestration.mesh.control_planes.length > 0
        ? controlPlanes(config)
        : [`127.0.0.1:${ports.control_plane}`],
    controlPlaneId: meshId(config, 'service', 'control-plane'),
    identityDir: dir,
    adminAddress: '127.0.0.1',
    adminPort: ports.envoy_admin,
    xdsForm: config.orchestration.mesh.xds_form,
  });
  const bootstrapPath = join(config.dataDir, 'run', 'envoy.json');
  writeFileSync(bootstrapPath, JSON.stringify(bootstrap, null, 2), { mode: 0o600 });
  for (const { path, content } of envoyIdentityFiles(dir)) writeFileSync(path, content, { mode: 0o600 });
  return {
    name: 'envoy',
    command: binary,
    args: [
      '-c',
      bootstrapPath,
      '--disable-hot-restart',
      '--concurrency',
      String(concurrency),
      '--log-level',
      'warning',
    ],
    cwd: config.rootDir,
    isService: false,
    stopGraceMs: 3_000,
    environment: () => Promise.resolve({ PATH: context.env['PATH'] }),
  };
}
