import { beforeAll, describe, expect, test } from '@jest/globals';
import { Metadata, status } from '@grpc/grpc-js';
import type { ModuleSpecInput } from '../../core/config/schema.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningEnvoy } from '../support/envoy.ts';
import type { EchoClient } from './echo.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';
import { startReplica } from './replica.ts';
import type { Replica, ReplicaOptions } from './replica.ts';

/** What modules' specifications ask of the mesh, by calls through a real Envoy. */
let world: MeshWorld;
let envoy: RunningEnvoy;

beforeAll(async () => {
  world = await startMeshWorld();
  world.show(moduleAt('alpha', []));
  envoy = await world.startEnvoy();
}, 60_000);

async function start(moduleId: string, options: readonly ReplicaOptions[]): Promise<readonly Replica[]> {
  return Promise.all(options.map((each, index) => startReplica(world, moduleId, `${moduleId}${index}`, each)));
}

function shown(moduleId: string, replicas: readonly Replica[], spec: Partial<ModuleSpecInput> = {}): ModuleView {
  return moduleAt(
    moduleId,
    replicas.map(({ port }) => port),
    { spec },
  );
}

/** Calls until Envoy has taken up what was shown: the answer comes, and nothing is refused or warming. */
async function settled(client: EchoClient): Promise<void> {
  await eventually(() => client.say('x'), { what: 'an answer' });
  await eventually(async () => (await envoy.stat('cluster_manager.warming_clusters')) === 0, { what: 'warm clusters' });
  expect(Object.entries(await envoy.stats('update_rejected')).filter(([, count]) => count > 0)).toEqual([]);
}

/** Makes calls, a few at a time, and gives how often each answer or status came. */
async function tally(
  client: EchoClient,
  count: number,
  metadata: () => Metadata = () => new Metadata(),
): Promise<Record<string, number>> {
  const tallies: Record<string, number> = {};
  let left = count;
  const worker = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      const outcome = await client.say('x', { metadata: metadata() }).catch((error: unknown) => {
        return status[(error as { code: status }).code];
      });
      tallies[outcome] = (tallies[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return tallies;
}

function session(id: string): Metadata {
  const metadata = new Metadata();
  metadata.set('x-frontier-session-id', id);
  return metadata;
}

test('every policy is one that Envoy takes, with all that a module can ask for', async () => {
  const replicas = await start('alpha', [{}]);
  const common: Partial<ModuleSpecInput> = {
    outlier_detection: { consecutive_gateway_failures: 3, success_rate: {} },
    health_check: {},
    retry: { budget: {}, per_try_timeout: 2 },
    timeouts: { stream_idle: 30, max_connection_duration: 60 },
  };
  const client = world.dial('alpha');
  for (const load_balancing of [
    { policy: 'least_request', slow_start: 5 },
    { policy: 'round_robin', slow_start: 5, panic_threshold: 40 },
    { policy: 'ring_hash' },
    { policy: 'weighted_by_load', load_reports: { blackout: 0 } },
  ] as const) {
    const before = await envoy.stat('cluster_manager.cds.update_success');
    world.show(shown('alpha', replicas, { ...common, load_balancing }));
    await eventually(async () => (await envoy.stat('cluster_manager.cds.update_success')) > before, {
      what: `clusters with ${load_balancing.policy}`,
    });
    await settled(client);
  }
});

test('ring_hash keeps a session at one replica, and spreads sessions over all', async () => {
  const replicas = await start('alpha', [{}, {}, {}]);
  world.show(shown('alpha', replicas, { load_balancing: { policy: 'ring_hash' } }));
  const client = world.dial('alpha');
  await settled(client);
  await eventually(async () => (await tally(client, 60))['alpha2'] !== undefined, { what: 'all replicas' });
  const homes = new Set<string>();
  for (let id = 0; id < 20; id += 1) {
    const answers = Object.keys(await tally(client, 20, () => session(`s${id}`)));
    expect(answers).toHaveLength(1);
    homes.add(answers[0] ?? '');
  }
  expect(homes.size).toBe(3);
});

describe('versions', () => {
  test('a split is held to within 2 % of 10,000 calls, and a full shift is full', async () => {
    const [old, fresh] = [await start('alpha', [{}]), await start('beta', [{}])];
    const split = (percent: number): void => {
      world.show(shown('alpha', old, { traffic: { split: [{ module: 'beta', percent }] } }), shown('beta', fresh));
    };
    split(20);
    const client = world.dial('alpha');
    await settled(client);
    await eventually(async () => (await tally(client, 100))['beta0'] !== undefined, { what: 'the new version' });
    const counts = await tally(client, 10_000);
    expect((counts['alpha0'] ?? 0) + (counts['beta0'] ?? 0)).toBe(10_000);
    expect(Math.abs((counts['beta0'] ?? 0) / 10_000 - 0.2)).toBeLessThan(0.02);
    split(100);
    await eventually(async () => (await tally(client, 50))['alpha0'] === undefined, { what: 'a full shift' });
    expect(await tally(client, 1_000)).toEqual({ beta0: 1_000 });
  }, 60_000);

  test('when the new version has no replica left, its share goes back without a failed call', async () => {
    const [old, fresh] = [await start('alpha', [{}]), await start('beta', [{}])];
    const main = shown('alpha', old, { traffic: { split: [{ module: 'beta', percent: 50 }] } });
    world.show(main, shown('beta', fresh));
    const client = world.dial('alpha');
    await settled(client);
    await eventually(async () => (await tally(client, 100))['beta0'] !== undefined, { what: 'the new version' });
    const draining = shown('beta', fresh);
    world.show(main, {
      ...draining,
      replicas: draining.replicas.map((replica) => ({ ...replica, state: 'DRAINING' as const })),
    });
    const outcomes: Record<string, number>[] = [];
    await eventually(
      async () => {
        outcomes.push(await tally(client, 50));
        return outcomes.at(-1)?.['alpha0'] === 50;
      },
      { what: 'the share to go back' },
    );
    expect(outcomes.flatMap((counts) => Object.keys(counts))).not.toContain('UNAVAILABLE');
  });

  test('a mirror gets copies, and what it answers is thrown away', async () => {
    const [main, mirror] = [await start('alpha', [{}]), await start('beta', [{ failure: status.INTERNAL }])];
    world.show(shown('alpha', main, { traffic: { mirror: [{ module: 'beta' }] } }), shown('beta', mirror));
    const client = world.dial('alpha');
    await settled(client);
    await eventually(
      async () => {
        expect(await tally(client, 20)).toEqual({ alpha0: 20 });
        return (mirror[0]?.calls ?? 0) >= 20;
      },
      { what: 'copies' },
    );
  });
});

describe('failing replicas', () => {
  const ejecting = { consecutive_failures: 2, interval: 0.2, base_ejection_time: 60, max_ejection_percent: 100 };
  const failing = [{}, {}, ...Array.from({ length: 3 }, () => ({ failure: status.UNAVAILABLE }))];

  test('with 3 of 5 failing, all calls go to the other two: there is no panic routing', async () => {
    const replicas = await start('alpha', failing);
    world.show(shown('alpha', replicas, { outlier_detection: ejecting }));
    const client = world.dial('alpha');
    await settled(client);
    // Both: Envoy may still have the replicas of the test before, and its workers hear of ejections up to a second later.
    await eventually(
      async () => {
        const { UNAVAILABLE } = await tally(client, 60);
        const active = await envoy.stat('cluster.module/alpha.outlier_detection.ejections_active');
        return active === 3 && UNAVAILABLE === undefined;
      },
      { what: 'ejection' },
    );
    const counts = await tally(client, 500);
    expect((counts['alpha0'] ?? 0) + (counts['alpha1'] ?? 0)).toBe(500);
    expect(await envoy.stat('cluster.module/alpha.outlier_detection.ejections_active')).toBe(3);
    expect(await envoy.stat('cluster.module/alpha.lb_healthy_panic')).toBe(0);
  });

  test('with a panic threshold of 50 % the same five are all called', async () => {
    const replicas = await start('beta', failing);
    world.show(
      shown('beta', replicas, {
        outlier_detection: ejecting,
        load_balancing: { policy: 'round_robin', panic_threshold: 50 },
      }),
    );
    const client = world.dial('beta');
    await settled(client);
    await eventually(
      async () => {
        await tally(client, 60);
        return (await envoy.stat('cluster.module/beta.lb_healthy_panic')) > 0;
      },
      { what: 'panic' },
    );
    expect((await tally(client, 500))['UNAVAILABLE']).toBeGreaterThan(200);
  });

  test('Envoy sends again what the module says it may, and no caller sees the failure', async () => {
    const replicas = await start('gamma', [{}, { failure: status.UNAVAILABLE }]);
    world.show(
      shown('gamma', replicas, {
        load_balancing: { policy: 'round_robin' },
        outlier_detection: { consecutive_failures: 1000 },
        retry: { on: ['unavailable'], attempts: 3, budget: { percent: 100, min_concurrent: 50 } },
      }),
    );
    const client = world.dial('gamma');
    await settled(client);
    expect(await tally(client, 200)).toEqual({ gamma0: 200 });
    expect(replicas[1]?.calls).toBeGreaterThan(50);
  });

  test('active health checks take out a replica that says it is not serving, and take it back', async () => {
    const replicas = await start('delta', [{}, {}]);
    const [first, second] = replicas;
    world.show(
      shown('delta', replicas, {
        load_balancing: { policy: 'round_robin' },
        health_check: { interval: 0.1, timeout: 1, unhealthy_threshold: 1, healthy_threshold: 1 },
      }),
    );
    const client = world.dial('delta');
    await settled(client);
    await eventually(async () => Object.keys(await tally(client, 20)).length === 2, { what: 'both replicas' });
    second?.setServing(false);
    await eventually(async () => (await tally(client, 20))['delta0'] === 20, { what: 'one replica' });
    second?.setServing(true);
    await eventually(async () => Object.keys(await tally(client, 20)).length === 2, { what: 'both again' });
    expect(first?.calls).toBeGreaterThan(0);
  });
});

test('calls stay in the primary zone, and go over to the other when it fails', async () => {
  const replicas = await start('epsilon', [{}, {}]);
  const [near, far] = replicas;
  const zoned = (view: ModuleView): ModuleView => ({
    ...view,
    replicas: view.replicas.map((replica) => ({
      ...replica,
      endpoint: replica.endpoint && {
        ...replica.endpoint,
        zone: replica.endpoint.port === near?.port ? 'near' : 'far',
      },
    })),
  });
  const spec: Partial<ModuleSpecInput> = {
    load_balancing: { primary_zones: ['near'] },
    outlier_detection: { consecutive_failures: 2, interval: 0.2, base_ejection_time: 60, max_ejection_percent: 100 },
  };
  world.show(zoned(shown('epsilon', replicas, spec)));
  const client = world.dial('epsilon');
  await settled(client);
  expect(await tally(client, 200)).toEqual({ epsilon0: 200 });
  if (near !== undefined) near.failure = status.UNAVAILABLE;
  await eventually(async () => (await tally(client, 20))['epsilon1'] === 20, { what: 'the overflow zone' });
  expect(far?.calls).toBeGreaterThan(0);
});

test('with weighted_by_load the replica that reports a quarter of the load gets most of the calls', async () => {
  const replicas = await start('zeta', [{ utilization: 0.2 }, { utilization: 0.8 }]);
  world.show(
    shown('zeta', replicas, {
      load_balancing: { policy: 'weighted_by_load', load_reports: { blackout: 0, update_interval: 0.1 } },
    }),
  );
  const client = world.dial('zeta');
  await settled(client);
  const share = async (): Promise<number> => ((await tally(client, 500))['zeta0'] ?? 0) / 500;
  // Four to one by the reports.
  await eventually(async () => Math.abs((await share()) - 0.8) < 0.05, { what: 'weights by load', timeoutMs: 60_000 });
}, 120_000);
