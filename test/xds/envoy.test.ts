import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { credentials, status } from '@grpc/grpc-js';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { meshId } from '../../core/service/service-identity.ts';
import { envoyPath } from '../support/envoy.ts';
import type { RunningEnvoy } from '../support/envoy.ts';
import { eventually } from '../support/eventually.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { EchoClient } from './echo.ts';
import { bootstrapOf, moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';

describe.each(['sotw', 'delta'] as const)('Envoy in the %s form', (xds_form) => {
  let world: MeshWorld;
  let envoy: RunningEnvoy;

  beforeAll(async () => {
    world = await startMeshWorld({ mesh: { xds_form } });
    world.show(moduleAt('alpha', []), moduleAt('beta', []));
    envoy = await world.startEnvoy();
  }, 60_000);

  test('the bootstrap is one that Envoy takes', () => {
    const file = join(tempFolder('bootstrap'), 'envoy.json');
    writeFileSync(file, JSON.stringify(bootstrapOf(world.config, 'edge-1')));
    expect(() => execFileSync(envoyPath(), ['--mode', 'validate', '-c', file], { stdio: 'pipe' })).not.toThrow();
  });

  test('Envoy takes every resource, and no cluster is left warming though no module has a replica', async () => {
    const stats = await envoy.stats('(update_rejected|warming|no_cluster)');
    expect(Object.keys(stats).length).toBeGreaterThan(5);
    expect(Object.entries(stats).filter(([, value]) => value !== 0)).toEqual([]);
  });

  test('a module without replica is refused at once, without panic routing', async () => {
    await expect(world.dial('alpha').say('hello')).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  test('a module that nobody knows is refused', async () => {
    await expect(world.dial('nobody').say('hello')).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });

  describe('replicas', () => {
    test('calls pass by mutual TLS, follow replicas that come and go, and none fails', async () => {
      const [first, second] = [await world.startSidecar('alpha', 'a1'), await world.startSidecar('alpha', 'a2')];
      const client = world.dial('alpha');
      world.show(moduleAt('alpha', [first.port]), moduleAt('beta', []));
      await eventually(() => client.say('hello'), { what: 'the first replica' });
      expect([...first.callers]).toEqual(['spiffe://frontier.local/ns/default/gateway/edge-1']);

      const answers: string[] = [];
      const until = async (what: string, seen: () => boolean): Promise<void> => {
        await eventually(
          async () => {
            answers.push(await client.say('x'));
            return seen();
          },
          { what, everyMs: 2 },
        );
      };
      world.show(moduleAt('alpha', [first.port, second.port]), moduleAt('beta', []));
      await until('the second replica', () => answers.includes('a2: x'));
      world.show(moduleAt('alpha', [second.port]), moduleAt('beta', []));
      await until('only the second replica', () => answers.slice(-20).every((answer) => answer === 'a2: x'));
      expect(answers.length).toBeGreaterThan(20);
    });

    test('a draining replica gets no new calls', async () => {
      const [kept, leaving] = [await world.startSidecar('alpha', 'kept'), await world.startSidecar('alpha', 'leaving')];
      const client = world.dial('alpha');
      const both = moduleAt('alpha', [kept.port, leaving.port]);
      world.show(both, moduleAt('beta', []));
      await eventually(async () => (await client.say('x')) === 'leaving: x', { what: 'both replicas', everyMs: 2 });
      world.show(
        {
          ...both,
          replicas: both.replicas.map((replica) =>
            replica.endpoint?.port === leaving.port ? { ...replica, state: 'DRAINING' } : replica,
          ),
        },
        moduleAt('beta', []),
      );
      const recent: string[] = [];
      await eventually(
        async () => {
          recent.push(await client.say('x'));
          return recent.length >= 20 && recent.slice(-20).every((answer) => answer === 'kept: x');
        },
        { what: 'no call to the draining replica', everyMs: 2 },
      );
    });

    test('an endpoint change sends endpoints and nothing else', async () => {
      const sidecar = await world.startSidecar('beta', 'b1');
      const before = await envoy.stats('(cds|lds|rds).*update_(attempt|success)$');
      world.show(moduleAt('alpha', []), moduleAt('beta', [sidecar.port]));
      await eventually(() => world.dial('beta').say('x'), { what: 'the new endpoint' });
      expect(await envoy.stats('(cds|lds|rds).*update_(attempt|success)$')).toEqual(before);
    });
  });

  describe('identity', () => {
    test('Envoy refuses a sidecar that shows another module, and sends it nothing', async () => {
      const impostor = await world.startSidecar('alpha', 'impostor', 'beta');
      world.show(moduleAt('alpha', [impostor.port]), moduleAt('beta', []));
      await eventually(
        async () => {
          await expect(world.dial('alpha').say('secret')).rejects.toMatchObject({ code: status.UNAVAILABLE });
          return (await envoy.stat('cluster.module/alpha.ssl.fail_verify_san')) > 0;
        },
        { what: 'a refused certificate' },
      );
      expect(impostor.callers.size).toBe(0);
    });

    test('a sidecar refuses callers that are not a gateway, router or loader of the mesh', async () => {
      const sidecar = await world.startSidecar('alpha', 'guarded');
      const stranger = await world.join('module', 'beta', 'stranger');
      const expected = { expect: [meshId(world.config, 'module', 'alpha')] };
      const address = `127.0.0.1:${sidecar.port}`;
      const withOtherId = new EchoClient(address, channelCredentials(stranger, expected));
      const withoutId = new EchoClient(address, channelCredentials(stranger, { ...expected, present: false }));
      const plain = new EchoClient(address, credentials.createInsecure());
      await expect(withOtherId.say('x')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
      await expect(withoutId.say('x')).rejects.toMatchObject({ code: status.UNAVAILABLE });
      await expect(plain.say('x')).rejects.toMatchObject({ code: status.UNAVAILABLE });
      for (const client of [withOtherId, withoutId, plain]) client.close();
    });
  });

  test('modules are added and removed under load without a call to a route that has no cluster', async () => {
    const sidecar = await world.startSidecar('alpha', 'steady');
    const steady = moduleAt('alpha', [sidecar.port]);
    world.show(steady);
    const client = world.dial('alpha');
    await eventually(() => client.say('x'), { what: 'alpha' });
    const guest = await world.startSidecar('guest', 'g');
    const stop = new AbortController();
    const load = (async (): Promise<number> => {
      let calls = 0;
      for (; !stop.signal.aborted; calls += 1) await client.say('x');
      return calls;
    })();
    for (let round = 0; round < 10; round += 1) {
      world.show(steady, moduleAt('guest', [guest.port]));
      await eventually(() => world.dial('guest').say('x'), { what: 'the guest', everyMs: 2 });
      world.show(steady);
      await eventually(
        async () => {
          await expect(world.dial('guest').say('x')).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
          return true;
        },
        { what: 'the guest to be gone', everyMs: 2 },
      );
    }
    stop.abort();
    expect(await load).toBeGreaterThan(50);
    expect(await envoy.stat('http.mesh.no_cluster')).toBe(0);
    await eventually(async () => !(await envoy.admin('/clusters')).includes('module/guest'), {
      what: 'the removed cluster to be gone after its grace',
    });
  }, 60_000);
});
