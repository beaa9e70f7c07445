import { beforeAll, expect, test } from '@jest/globals';

import { ModuleState, ReplicaState } from '../../gen/frontier/loader/v1/loader.ts';
import { unaryCall } from '../../core/grpc/channel.ts';
import { eventually } from '../support/eventually.ts';
import { echoModule, startLoaderSystem, type LoaderSystem } from './loader-system.ts';

const SLOW_MS = 60_000;
let system: LoaderSystem;

beforeAll(async () => {
  system = await startLoaderSystem(
    [
      echoModule('steady', {}, { scaling: { min_replicas: 1 } }),
      echoModule('broken', { ECHO_CRASH_AT_START: '7' }, { scaling: { min_replicas: 1 } }),
    ],
    { healing: { quarantine: { crashes: 2, first: 600, max: 600 } } },
  );
}, SLOW_MS);

const isIn = (moduleId: string, state: ModuleState): Promise<boolean> =>
  eventually(async () => (await system.module(moduleId)).state === state, {
    timeoutMs: SLOW_MS,
    what: `${moduleId} to be in state ${state}`,
  });

test(
  'a workload that crashes in a loop is left alone, until somebody releases it',
  async () => {
    await isIn('broken', ModuleState.QUARANTINED);
    expect((await system.module('broken')).reason).toMatch(
      /^it crashed 2 times in a row and is left alone for \d+ s: .*echo cannot start: told to end with 7/s,
    );
    await expect(system.activate('broken')).rejects.toMatchObject({
      reason: 'ACTIVATION_FAILED',
      message: expect.stringContaining('crashed 2 times in a row'),
    });
    const { module } = await unaryCall(system.client.releaseModule.bind(system.client), { moduleId: 'broken' });
    expect(module!.state).toBe(ModuleState.LOADING);
    await isIn('broken', ModuleState.QUARANTINED);
  },
  SLOW_MS,
);

test(
  'a module is started anew without a gap: its new process is ready before the old one ends',
  async () => {
    await isIn('steady', ModuleState.READY);
    const before = (await system.module('steady')).replicas[0]!.replicaId;
    const order = { moduleId: 'steady', replicaId: '', reason: 'its answers are empty', force: false };
    await unaryCall(system.client.restartModule.bind(system.client), order);
    const states: (readonly string[])[] = [];
    await eventually(
      async () => {
        const { replicas } = await system.module('steady');
        const ready = replicas.filter(({ state }) => state === ReplicaState.READY).map(({ replicaId }) => replicaId);
        states.push(ready);
        return replicas.length === 1 && ready[0] !== undefined && ready[0] !== before;
      },
      { timeoutMs: SLOW_MS, what: 'the new replica to be alone' },
    );
    expect(states.every((ready) => ready.length > 0)).toBe(true);
    await expect(unaryCall(system.client.restartModule.bind(system.client), order)).rejects.toMatchObject({
      reason: 'RATE_LIMITED',
    });
  },
  SLOW_MS,
);
