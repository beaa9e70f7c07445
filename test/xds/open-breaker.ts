import { meshClientOptions, unaryCall } from '../../core/grpc/channel.ts';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { meshId } from '../../core/service/service-identity.ts';
import { ControlPlaneServiceClient } from '../../gen/frontier/mesh/v1/status.ts';
import type { MeshWorld } from './mesh-world.ts';

/** Tells a control plane, as a router does, that a module's breaker is open for some seconds; 0 takes that back. */
export async function openBreaker(
  plane: MeshWorld,
  moduleId: string,
  seconds: number,
  reporter = 'router-1',
): Promise<void> {
  const client = new ControlPlaneServiceClient(
    `127.0.0.1:${plane.controlPlane.port}`,
    channelCredentials(await plane.join('service', 'router', reporter), {
      expect: [meshId(plane.config, 'service', 'control-plane')],
    }),
    meshClientOptions(),
  );
  const modules = seconds === 0 ? [] : [{ moduleId, breakerOpenFor: { seconds, nanos: 0 }, breakerCopied: false }];
  try {
    await unaryCall(client.reportModules.bind(client), { reporter, modules });
  } finally {
    client.close();
  }
}
