import { expect, test } from '@jest/globals';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningEnvoy } from '../support/envoy.ts';
import { startLoad } from './load.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import { startReplica } from './replica.ts';
import type { Replica } from './replica.ts';

/** Constant load through a real Envoy while routes, clusters and endpoints change under it: no call may fail (checklist 46, 47, 48). */

const CYCLES = 200;
/** Enough that one which is gone has been taken away, a second later, before it comes again. */
const VERSIONS = 25;

const at = (id: string, replicas: readonly Replica[], split?: { module: string; percent: number }): ModuleView =>
  moduleAt(
    id,
    replicas.map(({ port }) => port),
    { spec: split === undefined ? {} : { traffic: { split: [split] } } },
  );

/** Waits until Envoy's routes lead to a version. */
async function takenUp(envoy: RunningEnvoy, version: string): Promise<void> {
  await eventually(
    async () => (await envoy.admin('/config_dump?resource=dynamic_route_configs')).includes(`"module/${version}"`),
    { what: version, everyMs: 3, timeoutMs: 20_000 },
  );
}

test.each(['sotw', 'delta'] as const)(
  '%s: 200 times a version is added, switched to, and the one before removed: no call fails',
  async (xds_form) => {
    const world = await startMeshWorld({ mesh: { debounce: 0.005, xds_form } });
    const main = await startReplica(world, 'alpha', 'alpha');
    const names = Array.from({ length: VERSIONS }, (_, index) => `version-${index}`);
    const versions = await Promise.all(names.map((name) => startReplica(world, name, name)));
    world.show(at('alpha', [main]));
    const envoy = await world.startEnvoy();
    await eventually(() => world.dial('alpha').say('x'), { what: 'alpha' });
    const load = startLoad(world.dial('alpha'));
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      const index = cycle % VERSIONS;
      const [name = '', replica] = [names[index], versions[index]];
      // In one step: a new cluster, the route that leads to it, and the end of the one that the route led to.
      world.show(at('alpha', [main], { module: name, percent: 100 }), at(name, replica === undefined ? [] : [replica]));
      await takenUp(envoy, name);
    }
    world.show(at('alpha', [main]));
    await eventually(async () => (await envoy.stat('cluster_manager.active_clusters')) <= 4, {
      what: 'the versions to be removed',
    });
    await load.stop();
    const [added, removed] = await Promise.all(
      ['added', 'removed'].map((what) => envoy.stat(`cluster_manager.cluster_${what}`)),
    );
    const refused = await envoy.stats('http.mesh.(no_cluster|no_route|downstream_rq_5xx)$');
    process.stderr.write(
      `version-switch ${xds_form}: ${load.calls()} calls at ${load.rate().toFixed(0)}/s, ${load.failures.length} failed; ` +
        `${CYCLES} switches, ${added} clusters added, ${removed} removed; ${JSON.stringify(refused)}\n`,
    );
    expect([...new Set(load.failures)].slice(0, 5)).toEqual([]);
    expect(load.calls()).toBeGreaterThan(500);
    expect(versions.filter(({ calls }) => calls === 0)).toEqual([]);
    expect(added).toBeGreaterThan(VERSIONS);
    expect(Object.values(refused).filter((count) => count > 0)).toEqual([]);
    expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0);
  },
  180_000,
);
