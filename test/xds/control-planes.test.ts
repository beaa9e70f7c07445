import { expect, test } from '@jest/globals';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { eventually } from '../support/eventually.ts';
import type { RunningEnvoy } from '../support/envoy.ts';
import { freePort } from '../support/free-port.ts';
import { describeWith } from '../support/parts.ts';
import { startRedis } from '../support/redis.ts';
import { openRedisStore } from '../support/redis-store.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';
import { openBreaker } from './open-breaker.ts';
import { startReplica } from './replica.ts';

/** Two control planes of one mesh over a real Redis, each with a real Envoy. */

type Planes = readonly [MeshWorld, MeshWorld];

async function startPlanes(url: string): Promise<Planes> {
  const open = (): ReturnType<typeof openRedisStore> => openRedisStore({ url });
  const [a, b] = [await freePort(), await freePort()];
  const mesh = { shared_breakers: { lease: 30 }, control_planes: [a, b].map((port) => `127.0.0.1:${port}`) };
  const first = await startMeshWorld({ mesh }, { control_plane: a }, { store: await open() });
  return [first, await startMeshWorld({ mesh }, { control_plane: b }, { store: await open(), beside: first })];
}

function show(planes: Planes, ...views: readonly ModuleView[]): void {
  for (const plane of planes) plane.show(...views);
}

/** The version of each type that a control plane serves, by view and type. */
function versions({ controlPlane }: MeshWorld): readonly string[] {
  return (['gateway', 'proxyless'] as const).flatMap((kind) =>
    [...(controlPlane.cache.current(kind) ?? [])].map(([typeUrl, { version }]) => `${kind} ${typeUrl} ${version}`),
  );
}

async function sameVersions([a, b]: Planes): Promise<void> {
  await eventually(() => versions(a).length > 8 && versions(a).join() === versions(b).join(), { what: 'one version' });
}

/** What a control plane has logged of a module's ramp, in order. */
function story(plane: MeshWorld, id: string): readonly string[] {
  return plane
    .logged()
    .filter(({ module, event }) => module === id && String(event).startsWith('ramp_'))
    .map(({ event, percent }) => `${String(event)} ${String(percent)}`);
}

const leads = (plane: MeshWorld): boolean =>
  plane
    .logged()
    .filter(({ event }) => event === 'ramps_led' || event === 'ramps_followed')
    .at(-1)?.['event'] === 'ramps_led';

/** Calls, a few at a time and each over its own connection, so that both Envoys get some, until something is so. */
async function callUntil(world: MeshWorld, id: string, what: string, isSo: () => boolean): Promise<void> {
  await eventually(
    async () => {
      const clients = Array.from({ length: 8 }, () => world.dial(id));
      await Promise.all(clients.map((client) => client.say('x').catch(() => undefined)));
      for (const client of clients) client.close();
      return isSo();
    },
    { what, timeoutMs: 40_000, everyMs: 5 },
  );
}

/** Envoys that are connected to a control plane. */
function nodesOf(plane: MeshWorld): readonly unknown[] {
  const connected = new Map<unknown, boolean>();
  for (const { event, node } of plane.logged()) {
    if (event === 'node_connected' || event === 'node_disconnected') connected.set(node, event === 'node_connected');
  }
  return [...connected].flatMap(([node, isThere]) => (isThere ? [node] : [])).sort();
}

/** Whether an Envoy's routes refuse calls to alpha. */
async function refuses(envoy: RunningEnvoy): Promise<boolean> {
  return (await envoy.admin('/config_dump?resource=dynamic_route_configs')).includes('alpha has failed repeatedly');
}

describeWith('redis', 'two control planes', () => {
  test('decide on a ramp as one; when the one that decides is killed, the other goes on from where it was', async () => {
    const redis = await startRedis();
    const planes = await startPlanes(redis.url);
    const [first, second] = planes;
    const RAMP = { steps: [20, 40], interval: 0.2, min_requests: 30 };
    const [old, fresh] = [await startReplica(first, 'alpha', 'old'), await startReplica(first, 'beta', 'new')];
    show(planes, moduleAt('alpha', [old.port]), moduleAt('beta', [fresh.port]));
    await first.startEnvoy('edge-1');
    await second.startEnvoy('edge-2');
    await eventually(() => first.dial('alpha').say('x'), { what: 'alpha' });
    await sameVersions(planes);

    show(
      planes,
      moduleAt('alpha', [old.port], { spec: { traffic: { split: [{ module: 'beta', percent: 60 }], ramp: RAMP } } }),
      moduleAt('beta', [fresh.port]),
    );
    await eventually(() => leads(first) !== leads(second), { what: 'one to lead' });
    await callUntil(first, 'alpha', 'the second step', () =>
      planes.every((one) => story(one, 'alpha').includes('ramp_step 40')),
    );
    await sameVersions(planes);
    const [leader, follower] = leads(first) ? [first, second] : [second, first];
    await leader.controlPlane.close();
    // Its Envoy goes to the other one.
    await eventually(() => nodesOf(follower).join() === 'edge-1,edge-2', { what: 'both Envoys', timeoutMs: 20_000 });

    await callUntil(follower, 'alpha', 'the full share', () => story(follower, 'alpha').includes('ramp_done 60'));
    expect(leads(follower)).toBe(true);
    expect(story(follower, 'alpha')).toEqual(['ramp_step 20', 'ramp_step 40', 'ramp_done 60']);

    // The one that comes back finds the decision, and does not begin anew.
    await leader.restartControlPlane();
    await sameVersions(planes);
    expect(story(leader, 'alpha').filter((line) => line === 'ramp_step 20')).toHaveLength(1);
  }, 120_000);

  test('know of a breaker that a router has told one of them, and keep what they know while the store is away', async () => {
    const redis = await startRedis();
    const planes = await startPlanes(redis.url);
    const [first, second] = planes;
    const alpha = await startReplica(first, 'alpha', 'alpha');
    show(planes, moduleAt('alpha', [alpha.port]));
    const envoys = [await first.startEnvoy('edge-1'), await second.startEnvoy('edge-2')];
    const both = async (expected: boolean): Promise<boolean> =>
      (await Promise.all(envoys.map(refuses))).every((refused) => refused === expected);
    await openBreaker(first, 'alpha', 60);
    await eventually(() => both(true), { what: 'both Envoys to refuse', everyMs: 5 });
    await sameVersions(planes);
    const open = versions(second);

    await redis.kill();
    await eventually(() => planes.every((one) => one.logged().some(({ event }) => event === 'peers_away')), {
      what: 'the store to be missed',
    });
    expect(versions(first)).toEqual(open);
    expect(versions(second)).toEqual(open);

    // Taken back at the other control plane, once there is a store again: the router's latest word counts.
    await redis.revive();
    await openBreaker(second, 'alpha', 0);
    await eventually(() => both(false), { what: 'both Envoys to let calls pass', everyMs: 5 });
    await sameVersions(planes);
  }, 120_000);
});
