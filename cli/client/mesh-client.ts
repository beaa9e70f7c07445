import { existsSync } from 'node:fs';
import { systemClock } from '../../core/clock.ts';
import type { FrontierConfig } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import { meshClientOptions, streamCall, unaryCall } from '../../core/grpc/channel.ts';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { loadOrCreateJoinKey, mintJoinToken } from '../../core/identity/join-token.ts';
import { obtainIdentity } from '../../core/identity/workload-identity.ts';
import { silentLogger } from '../../core/logging.ts';
import { identityDir, meshId, rootPemPath } from '../../core/service/service-identity.ts';
import { ControlPlaneServiceClient } from '../../gen/frontier/mesh/v1/status.ts';
import type {
  DiffNodesResponse,
  DumpResourcesRequest,
  DumpResourcesResponse,
  GetStatusResponse,
  RotateRootResponse,
} from '../../gen/frontier/mesh/v1/status.ts';

const CALL_TIMEOUT_MS = 10_000;
/** A control plane that runs signs a certificate in milliseconds. */
const IDENTITY_TIMEOUT_MS = 5_000;

/** The control plane, as the operator sees it. Everything throws a FrontierError. */
export interface MeshClient {
  status(): Promise<GetStatusResponse>;
  diff(nodeId: string): Promise<DiffNodesResponse>;
  dump(request: DumpResourcesRequest): AsyncIterable<DumpResourcesResponse>;
  rotateRoot(): Promise<RotateRootResponse>;
  close(): void;
}

/**
 * Dials the control plane as the operator, whose certificate is bought with the join key of the data directory: so whoever may
 * read that may operate the mesh. Throws SERVICE_UNAVAILABLE where no system has run on it.
 */
export async function dialMesh(config: FrontierConfig, address: string): Promise<MeshClient> {
  if (!existsSync(rootPemPath(config))) {
    throw new FrontierError('SERVICE_UNAVAILABLE', `no system has run yet on the data directory ${config.dataDir}`);
  }
  const spiffeId = meshId(config, 'service', 'operator');
  const controlPlaneId = meshId(config, 'service', 'control-plane');
  const identity = await obtainIdentity({
    spiffeId,
    dir: identityDir(config, 'service', 'operator'),
    controlPlaneAddress: address,
    controlPlaneId,
    rootPemPath: rootPemPath(config),
    joinToken: await mintJoinToken(loadOrCreateJoinKey(config.dataDir), spiffeId, systemClock.nowMs()),
    clock: systemClock,
    log: silentLogger,
    signal: AbortSignal.timeout(IDENTITY_TIMEOUT_MS),
  });
  const client = new ControlPlaneServiceClient(
    address,
    channelCredentials(identity, { expect: [controlPlaneId] }),
    meshClientOptions(),
  );
  const settings = (): { deadlineMs: number } => ({ deadlineMs: systemClock.nowMs() + CALL_TIMEOUT_MS });
  return {
    status: () => unaryCall(client.getStatus.bind(client), {}, settings()),
    diff: (nodeId) => unaryCall(client.diffNodes.bind(client), { nodeId }, settings()),
    dump: (request) => streamCall(client.dumpResources.bind(client), request, settings()),
    rotateRoot: () => unaryCall(client.rotateRoot.bind(client), {}, settings()),
    close: () => {
      client.close();
      identity.close();
    },
  };
}
