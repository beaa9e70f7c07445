import { status } from '@grpc/grpc-js';
import { expect, test } from '@jest/globals';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { startEnvoy } from '../support/envoy.ts';
import type { RunningEnvoy } from '../support/envoy.ts';
import { eventually } from '../support/eventually.ts';
import { bootstrapOf, moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';
import { startReplica } from './replica.ts';

/** Starts an Envoy that says in which zone it is. */
async function startEnvoyIn(world: MeshWorld, zone: string): Promise<RunningEnvoy> {
  const nodeId = `edge-${zone}`;
  await world.join('gateway', nodeId);
  const bootstrap = bootstrapOf(world.config, nodeId);
  const node = { ...(bootstrap['node'] as object), locality: { region: 'r', zone } };
  return startEnvoy({ bootstrap: { ...bootstrap, node }, timeoutMs: 30_000 });
}

test.each(['sotw', 'delta'] as const)(
  '%s: each Envoy keeps to the replicas of its own zone, and goes over to others when these fail',
  async (xds_form) => {
    const world = await startMeshWorld({ mesh: { xds_form } });
    const [near, far] = [await startReplica(world, 'alpha', 'near'), await startReplica(world, 'alpha', 'far')];
    const shown = moduleAt('alpha', [near.port, far.port], {
      spec: {
        outlier_detection: {
          consecutive_failures: 2,
          interval: 0.2,
          base_ejection_time: 60,
          max_ejection_percent: 100,
        },
      },
    });
    const zoneOf = (port: number): string => (port === near.port ? 'near' : 'far');
    const zoned: ModuleView = {
      ...shown,
      replicas: shown.replicas.map((replica) => ({
        ...replica,
        endpoint: replica.endpoint && { ...replica.endpoint, zone: zoneOf(replica.endpoint.port) },
      })),
    };
    world.show(zoned);
    const client = world.dial('alpha');
    const answers = async (): Promise<readonly string[]> => {
      const all = await Promise.all(Array.from({ length: 60 }, () => client.say('x').catch(() => 'failed')));
      return [...new Set(all)].sort();
    };

    // One after the other: both listen at the same port.
    const first = await startEnvoyIn(world, 'far');
    await eventually(() => client.say('x'), { what: 'alpha' });
    expect(await answers()).toEqual(['far']);
    await first.stop();

    await startEnvoyIn(world, 'near');
    await eventually(() => client.say('x'), { what: 'alpha through the other Envoy' });
    expect(await answers()).toEqual(['near']);
    near.failure = status.UNAVAILABLE;
    await eventually(async () => (await answers()).join() === 'far', { what: 'the other zone', timeoutMs: 20_000 });
    expect(world.logged().filter(({ event }) => event === 'configuration_refused')).toEqual([]);
  },
  90_000,
);
