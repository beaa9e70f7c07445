import { beforeAll, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { eventually } from '../support/eventually.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import type { MeshWorld } from './mesh-world.ts';
import { startReplica } from './replica.ts';
import type { Replica, ReplicaOptions } from './replica.ts';

/** Ramps judged by what a real Envoy reports of real calls. */
let world: MeshWorld;

beforeAll(async () => {
  world = await startMeshWorld();
  world.show(moduleAt('alpha', []));
  await world.startEnvoy();
}, 60_000);

const RAMP = { steps: [20, 40], interval: 0.2, min_requests: 20, max_error_increase: 0.1, max_confidence_drop: 0.1 };

interface Versions {
  readonly main: ModuleView;
  readonly fresh: ModuleView;
  readonly replicas: readonly [Replica, Replica];
}

async function start(id: string, fresh: ReplicaOptions): Promise<Versions> {
  const replicas = [
    await startReplica(world, id, 'old', { confidence: 0.8 }),
    await startReplica(world, `${id}-next`, 'new', fresh),
  ] as const;
  return {
    main: moduleAt(id, [replicas[0].port], {
      spec: { traffic: { split: [{ module: `${id}-next`, percent: 60 }], ramp: RAMP } },
    }),
    // Ejection would hide from the ramp what it is to judge.
    fresh: moduleAt(`${id}-next`, [replicas[1].port], {
      spec: { outlier_detection: { consecutive_failures: 10_000 } },
    }),
    replicas,
  };
}

/** Events about ramps of a module, in order: the share, and how it ended. */
function story(id: string): readonly string[] {
  return world
    .logged()
    .filter(({ module, event }) => module === id && String(event).startsWith('ramp_'))
    .map(({ event, percent }) => `${String(event)} ${String(percent)}`);
}

/** Calls until something is so, a few at a time; fails for nothing that the caller does not see as failure itself. */
async function callUntil(id: string, what: string, isSo: () => boolean): Promise<void> {
  const client = world.dial(id);
  await eventually(
    async () => {
      await Promise.all(Array.from({ length: 10 }, () => client.say('x').catch(() => undefined)));
      return isSo();
    },
    { what, timeoutMs: 30_000, everyMs: 5 },
  );
}

test('a good version goes up step by step to its share', async () => {
  const { main, fresh } = await start('good', { confidence: 0.85 });
  world.show(main, fresh);
  await callUntil('good', 'the full share', () => story('good').includes('ramp_done 60'));
  expect(story('good')).toEqual(['ramp_step 20', 'ramp_step 40', 'ramp_done 60']);
}, 60_000);

test('a version that fails is rolled back, gets no more calls, and begins anew only when it changes', async () => {
  const { main, fresh, replicas } = await start('failing', { failure: status.INTERNAL });
  world.show(main, fresh);
  await callUntil('failing', 'the roll-back', () => story('failing').includes('ramp_rolled_back 0'));
  expect(
    world.logged().find(({ event, module }) => event === 'ramp_rolled_back' && module === 'failing'),
  ).toMatchObject({
    reason: expect.stringMatching(/^100\.0 % of its calls fail, against 0\.0 %$/),
  });
  const client = world.dial('failing');
  await eventually(
    async () => {
      const before = replicas[1].calls;
      for (let call = 0; call < 50; call += 1) expect(await client.say('x')).toBe('old');
      return replicas[1].calls === before;
    },
    { what: 'no call to it' },
  );
  await world.restartControlPlane();
  world.show(main, fresh);
  await callUntil(
    'failing',
    'the restarted control plane',
    () => story('failing').filter((line) => line.startsWith('ramp_rolled_back')).length === 2,
  );
  expect(story('failing').filter((line) => line.startsWith('ramp_step'))).toEqual(['ramp_step 20']);

  replicas[1].failure = undefined;
  world.show(main, { ...fresh, specVersion: '2' });
  await callUntil('failing', 'the mended version', () => story('failing').includes('ramp_done 60'));
}, 90_000);

test('a version that answers with less confidence is rolled back', async () => {
  const { main, fresh } = await start('unsure', { confidence: 0.4 });
  world.show(main, fresh);
  await callUntil('unsure', 'the roll-back', () => story('unsure').includes('ramp_rolled_back 0'));
  expect(world.logged().find(({ event, module }) => event === 'ramp_rolled_back' && module === 'unsure')).toMatchObject(
    {
      reason: 'its mean confidence is 0.40, against 0.80',
    },
  );
}, 60_000);
