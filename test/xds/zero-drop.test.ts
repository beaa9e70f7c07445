import { afterAll, expect, test } from '@jest/globals';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { messageOf } from '../../core/errors.ts';
import { systemClock } from '../../core/clock.ts';
import { eventually } from '../support/eventually.ts';
import type { EchoClient } from './echo.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';

/** Constant load through a real Envoy while everything about the module changes: no call may fail. */
const CALLERS = 8;
const ROUNDS = 12;
const counts: string[] = [];

afterAll(() => {
  process.stderr.write(`${counts.join('\n')}\n`);
});

interface Load {
  readonly calls: () => number;
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

function startLoad(client: EchoClient): Load {
  const failures: string[] = [];
  const stopped = new AbortController();
  let calls = 0;
  const caller = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await client.say('x').catch((error: unknown) => failures.push(messageOf(error)));
      calls += 1;
    }
  };
  const all = Promise.all(Array.from({ length: CALLERS }, caller));
  return {
    calls: () => calls,
    failures,
    stop: async () => {
      stopped.abort();
      await all;
    },
  };
}

function weighted(view: ModuleView, weights: readonly number[]): ModuleView {
  const replicas = view.replicas.map((replica, index) => {
    const { endpoint } = replica;
    return endpoint === undefined ? replica : { ...replica, endpoint: { ...endpoint, weight: weights[index] ?? 1 } };
  });
  return { ...view, replicas };
}

function draining(view: ModuleView, index: number): ModuleView {
  const replicas = view.replicas.map((replica, place) =>
    place === index ? { ...replica, state: 'DRAINING' as const } : replica,
  );
  return { ...view, replicas };
}

test.each(['sotw', 'delta'] as const)(
  '%s: replicas come, go and drain, weights and limits move, modules come and go, certificates rotate, the control plane restarts',
  async (xds_form) => {
    const world = await startMeshWorld({ mesh: { certificate_lifetime: 16, xds_form } });
    const sidecars = [await world.startSidecar('alpha', 'a1'), await world.startSidecar('alpha', 'a2')];
    const [first = 0, second = 0] = sidecars.map(({ port }) => port);
    const guest = await world.startSidecar('guest', 'g1');
    const both = moduleAt('alpha', [first, second]);
    world.show(both);
    const envoy = await world.startEnvoy();
    await eventually(() => world.dial('alpha').say('x'), { what: 'alpha' });
    const load = startLoad(world.dial('alpha'));
    let restarts = 0;
    let guestCalls = 0;
    const step = async (...views: readonly ModuleView[]): Promise<void> => {
      world.show(...views);
      const before = load.calls();
      // Long enough for the change to arrive, while calls go on.
      await Promise.all([
        systemClock.sleep(120),
        eventually(() => Promise.resolve(load.calls() > before + CALLERS), { what: 'calls to go on' }),
      ]);
    };
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        await step(moduleAt('alpha', [first]));
        await step(both);
        await step(weighted(both, [1, 5]));
        await step(draining(both, round % 2));
        await step(
          moduleAt('alpha', [second], { spec: { in_flight_limits: { max_requests: 1_000 + round } } }),
          moduleAt('guest', [guest.port]),
        );
        await eventually(() => world.dial('guest').say('x'), { what: 'the guest', everyMs: 5 });
        guestCalls += 1;
        await step(both);
        if (round % 4 === 3) {
          await world.restartControlPlane();
          restarts += 1;
        }
      }
    } finally {
      await load.stop();
    }
    const rotations = await envoy.stat('cluster.module/alpha.client_ssl_socket_factory.ssl_context_update_by_sds');
    counts.push(
      `zero-drop ${xds_form}: ${load.calls()} calls, ${load.failures.length} failed; ${ROUNDS * 6} changes, ${restarts} restarts, ${rotations} secret updates`,
    );
    expect([...new Set(load.failures)].slice(0, 5)).toEqual([]);
    expect(guestCalls).toBe(ROUNDS);
    expect(load.calls()).toBeGreaterThan(1_000);
    expect(rotations).toBeGreaterThan(2);
    expect(await envoy.stat('http.mesh.no_cluster')).toBe(0);
  },
  120_000,
);
