import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from '@jest/globals';

import { MessageType, type ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import { ModuleState, ReplicaState, type WatchModulesResponse } from '../../gen/frontier/loader/v1/loader.ts';
import type { SidecarServiceClient } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import { systemClock } from '../../core/clock.ts';
import { streamCall, unaryCall } from '../../core/grpc/channel.ts';
import { eventually } from '../support/eventually.ts';
import { echoModule, startLoaderSystem, type LoaderSystem } from './loader-system.ts';

const SLOW_MS = 60_000;
let system: LoaderSystem;

beforeAll(async () => {
  system = await startLoaderSystem([
    echoModule('echo', { ECHO_NAME: 'echo' }),
    echoModule('base', { ECHO_START_DELAY_MS: '700' }),
    echoModule('app', {}, { dependencies: ['base'] }),
    echoModule('broken', { ECHO_CRASH_AT_START: '7' }),
    { module_id: 'missing', workload: { command: ['frontier-no-such-program'] } },
  ]);
}, SLOW_MS);

async function execute(sidecar: SidecarServiceClient, query: string, parameters = {}): Promise<ModuleMessage> {
  const message: ModuleMessage = {
    header: {
      messageId: query,
      correlationId: '',
      source: 'test',
      destination: '',
      type: MessageType.REQUEST,
      priority: 0,
      createTime: undefined,
      timeToLive: undefined,
      trace: undefined,
      tenant: 'default',
    },
    payload: {
      $case: 'query',
      value: { query, parameters, context: undefined, attachments: [], history: [], priors: undefined },
    },
    metadata: undefined,
  };
  const response = await unaryCall(
    sidecar.execute.bind(sidecar),
    { message },
    { deadlineMs: systemClock.nowMs() + 20_000 },
  );
  return response.message!;
}

function contentOf({ payload }: ModuleMessage): string | undefined {
  return payload?.$case === 'answer' ? payload.value.content : undefined;
}

async function isReadyWithRestarts(moduleId: string, restarts: number): Promise<boolean> {
  const { state, replicas } = await system.module(moduleId);
  return state === ModuleState.READY && replicas[0]?.restarts === restarts;
}

describe('activation', () => {
  test(
    'starts workload and sidecar, tells of the progress, and ends when the module answers',
    async () => {
      const updates = await system.activate('echo');
      expect(updates[0]!.module!.state).toBe(ModuleState.LOADING);
      const progress = updates.map((update) => update.progress);
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
      expect(updates.at(-1)).toMatchObject({ progress: 1, stage: 'ready', module: { state: ModuleState.READY } });
      const answer = await execute(await system.sidecarOf('echo'), 'hello');
      expect(contentOf(answer)).toBe('echo: hello');
      expect((await system.module('echo')).expectedActivation).toBeDefined();
    },
    SLOW_MS,
  );

  test('of a ready module is over at once', async () => {
    const updates = await system.activate('echo');
    expect(updates).toHaveLength(1);
  });

  test(
    'brings up dependencies first',
    async () => {
      const updates = await system.activate('app');
      expect(updates.some(({ module }) => module!.reason === 'waits for base')).toBe(true);
      expect((await system.module('base')).state).toBe(ModuleState.READY);
      const unload = unaryCall(system.client.unload.bind(system.client), { moduleId: 'base', force: false });
      await expect(unload).rejects.toMatchObject({ reason: 'DEPENDENCY_IN_USE', metadata: { users: 'app' } });
    },
    SLOW_MS,
  );

  test(
    'of a workload that ends fails fast, with its last words; the next one is told when to come back',
    async () => {
      await expect(system.activate('broken')).rejects.toMatchObject({
        reason: 'ACTIVATION_FAILED',
        message: expect.stringContaining('ended with code 7: echo cannot start: told to end with 7'),
      });
      const module = await system.module('broken');
      expect([ModuleState.FAILED, ModuleState.LOADING]).toContain(module.state);
      await unaryCall(system.client.unload.bind(system.client), { moduleId: 'broken', force: true });
    },
    SLOW_MS,
  );

  test(
    'of a program that is not installed names it and the fix',
    async () => {
      await expect(system.activate('missing')).rejects.toMatchObject({
        reason: 'ACTIVATION_FAILED',
        message: expect.stringContaining('"frontier-no-such-program" (ENOENT); install it'),
      });
      await unaryCall(system.client.unload.bind(system.client), { moduleId: 'missing', force: true });
    },
    SLOW_MS,
  );

  test('of an unknown module is refused', async () => {
    await expect(system.activate('nobody')).rejects.toMatchObject({ reason: 'MODULE_UNKNOWN' });
  });
});

describe('a running replica', () => {
  test.each([
    ['workload', 'echo-module.ts'],
    ['sidecar', '--module-id echo '],
  ])(
    'comes back when its %s is killed',
    async (_name, command) => {
      const restarts = (await system.module('echo')).replicas[0]!.restarts + 1;
      const [victim] = system
        .processes(command)
        .filter(({ pid }) => environmentOf(pid).includes('ECHO_NAME=echo') || command.startsWith('--'));
      process.kill(victim!.pid, 'SIGKILL');
      await eventually(() => isReadyWithRestarts('echo', restarts), {
        timeoutMs: 20_000,
        what: 'the replica to be back',
      });
      expect(contentOf(await execute(await system.sidecarOf('echo'), 'again'))).toBe('echo: again');
    },
    SLOW_MS,
  );

  test(
    'tells what its workload uses',
    async () => {
      const usage = async (): Promise<boolean> => {
        const [replica] = (await system.module('echo')).replicas;
        return replica !== undefined && replica.memoryBytes > 10_000_000 && replica.cpuCores !== undefined;
      };
      await eventually(usage, { timeoutMs: 20_000, what: 'memory and CPU to be told' });
    },
    SLOW_MS,
  );

  test('keeps the output of both in its log, without the join token', () => {
    const dir = join(system.dataDir, 'logs', 'echo');
    const text = readdirSync(dir)
      .map((file) => readFileSync(join(dir, file), 'utf8'))
      .join('');
    expect(text).toContain('[echo sidecar] ');
    expect(text).not.toMatch(/eyJ[\w-]+\.eyJ/);
  });

  test(
    'finishes what is in flight when it is unloaded, and leaves no process',
    async () => {
      const sidecar = await system.sidecarOf('echo');
      const slow = execute(sidecar, 'slow', { latency_ms: 1500 });
      await eventually(async () => (await system.module('echo')).load!.inFlight === 1, {
        what: 'the query to be in flight',
      });
      await unaryCall(system.client.unload.bind(system.client), { moduleId: 'echo', force: false });
      expect((await system.module('echo')).replicas[0]!.state).toBe(ReplicaState.DRAINING);
      expect(contentOf(await slow)).toBe('echo: slow');
      await eventually(async () => (await system.module('echo')).state === ModuleState.UNLOADED, {
        what: 'the unload',
      });
      expect(system.processes('--module-id echo ')).toEqual([]);
    },
    SLOW_MS,
  );
});

describe('watchers', () => {
  test(
    'get a snapshot, then what a changed configuration brings',
    async () => {
      const stop = new AbortController();
      const changes: WatchModulesResponse[] = [];
      const watching = (async () => {
        const stream = streamCall(
          system.client.watchModules.bind(system.client),
          { moduleIds: [] },
          { signal: stop.signal },
        );
        for await (const change of stream) changes.push(change);
      })().catch(() => undefined);
      await eventually(() => changes.length > 0, { what: 'the snapshot' });
      expect(changes[0]!.snapshot).toBe(true);
      expect(changes[0]!.modules.map(({ moduleId }) => moduleId).sort()).toEqual([
        'app',
        'base',
        'broken',
        'echo',
        'missing',
      ]);
      system.writeModule(echoModule('newcomer'));
      const find = () =>
        changes.slice(1).find(({ modules }) => modules.some(({ moduleId }) => moduleId === 'newcomer'));
      await eventually(find, { what: 'the new module' });
      expect(find()).toMatchObject({ snapshot: false });
      stop.abort();
      await watching;
    },
    SLOW_MS,
  );

  test('must be among those who may call', async () => {
    const stranger = await system.clientAs('module', 'echo');
    await expect(unaryCall(stranger.listModules.bind(stranger), { pageSize: 0, pageToken: '' })).rejects.toMatchObject({
      reason: 'PERMISSION_DENIED',
    });
    const watch = streamCall(stranger.watchModules.bind(stranger), { moduleIds: [] });
    await expect(watch.next()).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  });
});

test(
  'on SIGTERM the loader drains, stops everything and exits with 0',
  async () => {
    expect(system.processes('echo-module.ts').length).toBeGreaterThan(0);
    await system.loader.stop(20_000);
    await expect(system.loader.exited).resolves.toEqual({ code: 0, signal: null });
    expect(system.processes('echo-module.ts')).toEqual([]);
    expect(system.processes('--module-id')).toEqual([]);
  },
  SLOW_MS,
);

test(
  'when the loader is killed and no other follows, no replica outlives its grace',
  async () => {
    const killed = await startLoaderSystem([echoModule('echo')], { dynamic_loading: { orphan_grace: 1 } });
    await killed.activate('echo');
    expect(killed.processes('echo-module.ts')).toHaveLength(1);
    process.kill(killed.loader.pid!, 'SIGKILL');
    const left = (): number => killed.processes('echo-module.ts').length + killed.processes('--module-id').length;
    await eventually(
      () => {
        if (left() > 0)
          throw new Error(
            killed
              .processes('')
              .map(({ pid, command }) => `${pid} ${command}`)
              .join('\n'),
          );
        return true;
      },
      { timeoutMs: 20_000, what: 'every replica to be gone' },
    );
  },
  SLOW_MS,
);

function environmentOf(pid: number): string {
  return readFileSync(`/proc/${pid}/environ`, 'utf8');
}
