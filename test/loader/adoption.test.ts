import { expect, test } from '@jest/globals';

import { MessagePriority, MessageType } from '../../gen/frontier/common/v1/message.ts';
import { ModuleState } from '../../gen/frontier/loader/v1/loader.ts';
import type { SidecarServiceClient } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import { systemClock } from '../../core/clock.ts';
import { unaryCall } from '../../core/grpc/channel.ts';
import { allGone } from '../support/frontier.ts';
import { eventually } from '../support/eventually.ts';
import { echoModule, startLoaderSystem } from './loader-system.ts';

const SLOW_MS = 120_000;

/** Asks again and again until it is told to stop; gives how many answers there were, and what went wrong. */
function startLoad(sidecar: SidecarServiceClient): { stop(): Promise<{ answered: number; failures: string[] }> } {
  const failures: string[] = [];
  let answered = 0;
  let isOver = false;
  const ask = async (): Promise<void> => {
    const header = { messageId: `q${answered}`, correlationId: '', source: 'test', destination: '' };
    const query = {
      query: 'hello',
      parameters: {},
      context: undefined,
      attachments: [],
      history: [],
      priors: undefined,
    };
    const message = {
      header: {
        ...header,
        type: MessageType.REQUEST,
        priority: MessagePriority.UNSPECIFIED,
        createTime: undefined,
        timeToLive: undefined,
        trace: undefined,
        tenant: 'default',
      },
      payload: { $case: 'query' as const, value: query },
      metadata: undefined,
    };
    try {
      await unaryCall(sidecar.execute.bind(sidecar), { message }, { deadlineMs: systemClock.nowMs() + 20_000 });
      answered += 1;
    } catch (error) {
      failures.push(String(error));
    }
  };
  const lane = async (): Promise<void> => {
    while (!isOver) await ask();
  };
  const running = lane();
  return {
    async stop() {
      isOver = true;
      await running;
      return { answered, failures };
    },
  };
}

test(
  'modules go on serving when the loader is killed, and the next one takes them over; nothing is left when that stops',
  async () => {
    const system = await startLoaderSystem([echoModule('echo'), echoModule('other')]);
    await system.activate('echo');
    const before = (await system.module('echo')).replicas[0]!;
    const pids = (): number[] => system.processes('echo-module.ts').map(({ pid }) => pid);
    const running = pids();
    const load = startLoad(await system.sidecarOf('echo'));

    process.kill(system.loader.pid!, 'SIGKILL');
    await system.loader.exited;
    const next = await system.restartLoader();
    const after = await eventually(() => system.module('echo'), {
      timeoutMs: 30_000,
      what: 'the new loader to answer',
    });
    // Ready from the first moment on: whoever watches modules never sees it away.
    expect(after.state).toBe(ModuleState.READY);
    expect(after.replicas.map(({ replicaId, endpoint }) => [replicaId, endpoint?.port])).toEqual([
      [before.replicaId, before.endpoint!.port],
    ]);
    expect(pids()).toEqual(running);
    await system.activate('other');
    const { answered, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(0);

    // It is the new loader's own: it is brought back when it dies, and drained in the end.
    process.kill(running[0]!, 'SIGKILL');
    await eventually(
      async () => {
        const { state, replicas } = await system.module('echo');
        return state === ModuleState.READY && replicas[0]!.restarts === 1;
      },
      { timeoutMs: 30_000, what: 'the workload to be back' },
    );
    await next.stop(15_000);
    await allGone(() => [
      ...system.processes('echo-module.ts'),
      ...system.processes('/keeper.ts'),
      ...system.processes('--module-id'),
    ]);
  },
  SLOW_MS,
);
