import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { meshClientOptions, unaryCall } from '../../core/grpc/channel.ts';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { meshId, rootPemPath } from '../../core/service/service-identity.ts';
import { ControlPlaneServiceClient, RootRotationStep } from '../../gen/frontier/mesh/v1/status.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';

async function operator(world: MeshWorld): Promise<ControlPlaneServiceClient> {
  const credentials = channelCredentials(await world.join('service', 'operator'), {
    expect: [meshId(world.config, 'service', 'control-plane')],
  });
  const client = new ControlPlaneServiceClient(
    `127.0.0.1:${world.config.orchestration.network.ports.control_plane}`,
    credentials,
    meshClientOptions(),
  );
  onCleanup(() => {
    client.close();
    return Promise.resolve();
  });
  return client;
}

test.each([
  ['root', {}],
  ['root with an intermediate', { authority: { intermediate: {} } }],
])(
  'the %s is replaced under load, with a handshake every few calls: none fails',
  async (_, authority) => {
    const world = await startMeshWorld({ mesh: { certificate_lifetime: 8, ...authority } });
    const sidecar = await world.startSidecar('alpha', 'a1');
    // New connections all the time, each with a handshake of its own.
    world.show(moduleAt('alpha', [sidecar.port], { spec: { timeouts: { max_connection_duration: 0.1 } } }));
    const envoy = await world.startEnvoy();
    const client = world.dial('alpha');
    await eventually(() => client.say('x'), { what: 'alpha', timeoutMs: 30_000 });
    const handshakes = await envoy.stat('cluster.module/alpha.ssl.handshake');
    const oldRoot = readFileSync(rootPemPath(world.config), 'utf8');

    const mesh = await operator(world);
    const { rotation } = await unaryCall(mesh.rotateRoot.bind(mesh), {});
    expect(rotation?.step).toBe(RootRotationStep.DISTRIBUTE);
    await expect(unaryCall(mesh.rotateRoot.bind(mesh), {})).rejects.toMatchObject({ reason: 'ROTATION_UNDER_WAY' });

    let calls = 0;
    const steps = new Set<RootRotationStep | undefined>();
    await eventually(
      async () => {
        await Promise.all(Array.from({ length: 4 }, () => client.say('x')));
        calls += 4;
        if (calls % 100 !== 0) return false;
        const status = await unaryCall(mesh.getStatus.bind(mesh), {});
        steps.add(status.rootRotation?.step);
        return status.rootRotation === undefined;
      },
      { what: 'the rotation to be over', timeoutMs: 90_000, everyMs: 1 },
    ).catch((error: unknown) => {
      throw new Error(`after ${calls} calls`, { cause: error });
    });
    expect([...steps]).toEqual([RootRotationStep.DISTRIBUTE, RootRotationStep.REPLACE, undefined]);
    expect(calls).toBeGreaterThan(500);
    expect((await envoy.stat('cluster.module/alpha.ssl.handshake')) - handshakes).toBeGreaterThan(20);
    const failures = await envoy.stats(
      'module/alpha.(ssl.connection_error|ssl.fail_verify.*|upstream_cx_connect_fail)$',
    );
    expect(Object.keys(failures).length).toBeGreaterThan(3);
    expect(Object.entries(failures).filter(([, count]) => count > 0)).toEqual([]);
    expect(await envoy.stat('control_plane.connected_state')).toBe(1);
    expect(readFileSync(rootPemPath(world.config), 'utf8')).not.toContain(oldRoot.trim());
    // Whoever comes now is let in by the new root, and what was there goes on.
    await world.join('module', 'newcomer');
    expect(await client.say('x')).toBe('a1: x');
  },
  180_000,
);

test('only the operator may replace the root', async () => {
  const world = await startMeshWorld();
  const credentials = channelCredentials(await world.join('service', 'router'), {
    expect: [meshId(world.config, 'service', 'control-plane')],
  });
  const client = new ControlPlaneServiceClient(
    `127.0.0.1:${world.controlPlane.port}`,
    credentials,
    meshClientOptions(),
  );
  await expect(unaryCall(client.rotateRoot.bind(client), {})).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  client.close();
});
