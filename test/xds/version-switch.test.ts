import { expect, test } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningEnvoy } from '../support/envoy.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';
import { startReplica } from './replica.ts';
import type { Replica } from './replica.ts';

/** Constant load through a real Envoy while routes, clusters and endpoints change under it: no call may fail (checklist 46, 47, 48). */

const WORKERS = 8;

interface Load {
  readonly counts: { calls: number; failures: string[] };
  end(): Promise<void>;
}

/** Calls a module all the time. */
function startLoad(world: MeshWorld, moduleId: string): Load {
  const counts = { calls: 0, failures: [] as string[] };
  const stop = new AbortController();
  const client = world.dial(moduleId);
  const load: Load = {
    counts,
    end: async () => {
      stop.abort();
      await Promise.all(workers);
    },
  };
  const worker = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await client.say('x').catch((error: unknown) => counts.failures.push(String(error)));
      counts.calls += 1;
    }
  };
  const workers = Array.from({ length: WORKERS }, worker);
  return load;
}

const at = (id: string, replicas: readonly Replica[], split?: { module: string; percent: number }): ModuleView =>
  moduleAt(
    id,
    replicas.map(({ port }) => port),
    { spec: split === undefined ? {} : { traffic: { split: [split] } } },
  );

/** Waits until Envoy has taken up what was last shown. */
async function takenUp(envoy: RunningEnvoy, what: string, isSo: (page: string) => boolean): Promise<void> {
  await eventually(async () => isSo(await envoy.admin('/config_dump?resource=dynamic_route_configs')), {
    what,
    everyMs: 3,
  });
}

test('200 changes in which versions are added, switched to and removed: no call fails', async () => {
  const world = await startMeshWorld({ mesh: { debounce: 0.005 } });
  const [main, next] = [await startReplica(world, 'alpha', 'alpha'), await startReplica(world, 'beta', 'beta')];
  world.show(at('alpha', [main]));
  const envoy = await world.startEnvoy();
  await eventually(() => world.dial('alpha').say('x'), { what: 'alpha' });
  const load = startLoad(world, 'alpha');
  const startMs = systemClock.monotonicMs();
  for (let round = 0; round < 100; round += 1) {
    // Added and switched to in one step; then away from it and removed in one step.
    world.show(at('alpha', [main], { module: 'beta', percent: 100 }), at('beta', [next]));
    await takenUp(envoy, 'the new version', (page) => page.includes('"module/beta"'));
    world.show(at('alpha', [main]));
    await takenUp(envoy, 'the old version', (page) => !page.includes('"module/beta"'));
  }
  await load.end();
  const seconds = (systemClock.monotonicMs() - startMs) / 1000;
  const { calls, failures } = load.counts;
  process.stdout.write(`${calls} calls in ${seconds.toFixed(1)} s, ${failures.length} failed\n`);
  expect(failures).toEqual([]);
  expect(calls).toBeGreaterThan(1_000);
  expect(next.calls).toBeGreaterThan(100);
  expect(await envoy.stat('http.mesh.no_cluster')).toBe(0);
  expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0);
}, 180_000);
