import { expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';

test.each(['sotw', 'delta'] as const)(
  '%s: certificates rotate under load: no call fails, and only secrets are pushed',
  async (xds_form) => {
    const world = await startMeshWorld({ mesh: { certificate_lifetime: 4, xds_form } });
    const sidecar = await world.startSidecar('alpha', 'a1');
    world.show(moduleAt('alpha', [sidecar.port]));
    const envoy = await world.startEnvoy();
    const client = world.dial('alpha');
    await eventually(() => client.say('x'), { what: 'alpha' });
    const others = '(cds|lds|rds).*update_(attempt|success)$';
    const before = await envoy.stats(others);
    const rotations = 'cluster.module/alpha.client_ssl_socket_factory.ssl_context_update_by_sds';
    const start = await envoy.stat(rotations);

    let calls = 0;
    await eventually(
      async () => {
        // A fresh connection each time, so that each call shakes hands with what is current.
        const fresh = world.dial('alpha');
        await Promise.all([client.say('x'), fresh.say('x')]);
        fresh.close();
        calls += 2;
        return (await envoy.stat(rotations)) >= start + 3;
      },
      { what: 'three rotations', timeoutMs: 20_000, everyMs: 5 },
    ).catch((error: unknown) => {
      throw new Error(`after ${calls} calls`, { cause: error });
    });
    expect(calls).toBeGreaterThan(20);
    expect(await envoy.stats(others)).toEqual(before);
    expect(await envoy.stat('cluster.module/alpha.upstream_cx_connect_fail')).toBe(0);
    expect(await envoy.stat('control_plane.connected_state')).toBe(1);
  },
  60_000,
);
