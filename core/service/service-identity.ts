import path from 'node:path';
import type { FrontierConfig } from '../config/schema.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logging.ts';
import { spiffeId } from '../identity/spiffe.ts';
import type { SpiffeName } from '../identity/spiffe.ts';
import { obtainIdentity } from '../identity/workload-identity.ts';
import type { WorkloadIdentity } from '../identity/workload-identity.ts';

/** Gives the SPIFFE id of a part of this mesh. */
export function meshId(config: FrontierConfig, kind: SpiffeName['kind'], name: string): string {
  const { trust_domain: trustDomain, namespace } = config.orchestration.mesh;
  return spiffeId({ trustDomain, namespace, kind, name });
}

/** Gives where an identity's files are kept; `replica` tells apart processes that share one SPIFFE id. */
export function identityDir(config: FrontierConfig, kind: SpiffeName['kind'], name: string, replica?: string): string {
  return path.join(config.dataDir, 'identity', [kind, name, ...(replica === undefined ? [] : [replica])].join('-'));
}

/** Gives where the mesh's root certificate is. */
export function rootPemPath(config: FrontierConfig): string {
  return path.join(config.dataDir, 'identity', 'root.pem');
}

/** Gives the addresses of all control planes, best first, as host and port. */
export function controlPlanes({ orchestration: { mesh, network } }: FrontierConfig): readonly string[] {
  return mesh.control_planes.length > 0 ? mesh.control_planes : [`127.0.0.1:${network.ports.control_plane}`];
}

/** Gives the control planes' address as their callers dial it: gRPC takes the first that it reaches. */
export function controlPlaneAddress(config: FrontierConfig): string {
  const [first = '', ...others] = controlPlanes(config);
  return others.length === 0 ? first : `ipv4:${[first, ...others].join(',')}`;
}

export interface ServiceIdentityOptions {
  readonly config: FrontierConfig;
  readonly kind: SpiffeName['kind'];
  readonly name: string;
  readonly replica?: string;
  readonly joinToken: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal?: AbortSignal;
}

/** Gives a part's identity under the layout of docs/architecture.md. Throws as obtainIdentity does. */
export function obtainServiceIdentity(options: ServiceIdentityOptions): Promise<WorkloadIdentity> {
  const { config, kind, name, replica, joinToken, clock, log, signal } = options;
  return obtainIdentity({
    spiffeId: meshId(config, kind, name),
    dir: identityDir(config, kind, name, replica),
    controlPlaneAddress: controlPlaneAddress(config),
    controlPlaneId: meshId(config, 'service', 'control-plane'),
    rootPemPath: rootPemPath(config),
    joinToken,
    clock,
    log,
    ...(signal === undefined ? {} : { signal }),
  });
}
