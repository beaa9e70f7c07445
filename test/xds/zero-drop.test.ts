import { expect, test } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad } from './load.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld, Sidecar } from './mesh-world.ts';

/**
 * Constant load through a real Envoy while everything about the module changes: no call may fail. The callers never send
 * twice; Envoy does what the default retry policy has it do. FRONTIER_ZERO_DROP_ROUNDS makes it longer.
 */
const ROUNDS = Number(process.env['FRONTIER_ZERO_DROP_ROUNDS'] ?? 9);
const MESH = { certificate_lifetime: 6, debounce_max: 0.1 };
/** For as long the loader lets a draining replica serve on (docs/loader.md). */
const SERVES_ON_MS = MESH.debounce_max * 1000 + 500;

/** A module's replicas, as they come and go. */
class Replicas {
  private readonly world: MeshWorld;
  private current: readonly Sidecar[] = [];
  private started = 0;

  constructor(world: MeshWorld) {
    this.world = world;
  }

  /** Starts another one. */
  async add(): Promise<void> {
    this.started += 1;
    this.current = [...this.current, await this.world.startSidecar('alpha', `a${this.started}`)];
  }

  /** Gives the module with these replicas, as the loader shows it. */
  view({ weights = [], draining, spec = {} }: ViewOptions = {}): ModuleView {
    const view = moduleAt(
      'alpha',
      this.current.map(({ port }) => port),
      { spec },
    );
    const replicas = view.replicas.map((replica, index) => ({
      ...replica,
      ...(replica.endpoint === undefined ? {} : { endpoint: { ...replica.endpoint, weight: weights[index] ?? 1 } }),
      state: index === draining ? ('DRAINING' as const) : replica.state,
    }));
    return { ...view, replicas };
  }

  /** Ends the oldest one as the loader does: told of, served on, finished, gone. */
  async endOldest(alongside: () => Promise<void>): Promise<void> {
    const [oldest] = this.current;
    this.world.show(this.view({ draining: 0 }));
    await Promise.all([systemClock.sleep(SERVES_ON_MS), alongside()]);
    await oldest?.drain();
    this.current = this.current.slice(1);
    this.world.show(this.view());
  }

  count(): number {
    return this.started;
  }
}

interface ViewOptions {
  readonly weights?: readonly number[];
  readonly draining?: number;
  readonly spec?: NonNullable<Parameters<typeof moduleAt>[2]>['spec'];
}

test.each(['sotw', 'delta'] as const)(
  '%s: replicas come, drain and go, weights and limits move, modules come and go, certificates rotate, the control plane restarts',
  async (xds_form) => {
    const world = await startMeshWorld({ mesh: { ...MESH, xds_form } });
    const replicas = new Replicas(world);
    await replicas.add();
    await replicas.add();
    const guest = await world.startSidecar('guest', 'g1');
    world.show(replicas.view());
    const envoy = await world.startEnvoy();
    await eventually(() => world.dial('alpha').say('x'), { what: 'alpha' });
    const load = startLoad(world.dial('alpha'));
    let [restarts, changes] = [0, 0];
    const step = async (...views: readonly ModuleView[]): Promise<void> => {
      world.show(...views);
      changes += 1;
      const before = load.calls();
      // Long enough for the change to arrive, while calls go on.
      await Promise.all([
        systemClock.sleep(120),
        eventually(() => Promise.resolve(load.calls() > before + 8), { what: 'calls to go on' }),
      ]);
    };
    const restart = async (): Promise<void> => {
      await world.restartControlPlane();
      restarts += 1;
    };
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        await replicas.add();
        await step(replicas.view());
        await step(replicas.view({ weights: [1, 5, 9] }));
        await step(
          replicas.view({ spec: { in_flight_limits: { max_requests: 1_000 + round } } }),
          moduleAt('guest', [guest.port]),
        );
        await eventually(() => world.dial('guest').say('x'), { what: 'the guest', everyMs: 5 });
        await step(replicas.view());
        // Every third time the replica that drains is gone before Envoy can have heard of it.
        await replicas.endOldest(round % 3 === 2 ? restart : () => Promise.resolve());
      }
    } finally {
      await load.stop();
    }
    const [rotations, handshakes, retries] = await Promise.all(
      ['client_ssl_socket_factory.ssl_context_update_by_sds', 'ssl.handshake', 'upstream_rq_retry'].map((name) =>
        envoy.stat(`cluster.module/alpha.${name}`),
      ),
    );
    process.stderr.write(
      `zero-drop ${xds_form}: ${load.calls()} calls at ${load.rate().toFixed(0)}/s, ${load.failures.length} failed; ${changes} changes, ` +
        `${replicas.count()} replicas, ${restarts} restarts, ${rotations} secret updates, ${handshakes} handshakes, ${retries} sent again by Envoy\n`,
    );
    expect([...new Set(load.failures)].slice(0, 5)).toEqual([]);
    expect(load.calls()).toBeGreaterThan(500);
    expect(rotations).toBeGreaterThan(2);
    expect(await envoy.stat('http.mesh.no_cluster')).toBe(0);
  },
  300_000,
);
