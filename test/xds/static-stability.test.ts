import { expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';

test.each(['sotw', 'delta'] as const)(
  '%s: Envoy goes on serving while the control plane is away, and follows the next one',
  async (xds_form) => {
    const world = await startMeshWorld({ mesh: { xds_form } });
    const [first, second] = [await world.startSidecar('alpha', 'a1'), await world.startSidecar('alpha', 'a2')];
    world.show(moduleAt('alpha', [first.port]));
    const envoy = await world.startEnvoy();
    const client = world.dial('alpha');
    await eventually(() => client.say('x'), { what: 'alpha' });

    await world.controlPlane.close();
    await eventually(async () => (await envoy.stat('control_plane.connected_state')) === 0, {
      what: 'a lost connection',
    });
    for (let call = 0; call < 50; call += 1) expect(await client.say('x')).toBe('a1: x');

    const before = await envoy.stats('update_rejected|cluster_removed');
    await world.restartControlPlane();
    world.show(moduleAt('alpha', [second.port]));
    await eventually(
      async () => {
        const answer = await client.say('x');
        return answer === 'a2: x';
      },
      { what: 'the new control plane', timeoutMs: 20_000 },
    );
    expect(await envoy.stats('update_rejected|cluster_removed')).toEqual(before);
  },
  60_000,
);
