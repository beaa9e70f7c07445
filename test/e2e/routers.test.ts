import { credentials } from '@grpc/grpc-js';
import { expect, it } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { clientOptions } from '../../core/grpc/channel.ts';
import { createSeededRng } from '../../core/rng.ts';
import { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { ask } from '../faults/ask.ts';
import { startFaultSystem } from '../faults/fault-system.ts';
import { startOpenLoop } from '../soak/open-loop.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/parts.ts';
import { runFrontier } from '../support/run-frontier.ts';

describeWith('redis', 'two routers behind one edge', () => {
  it('lose no more than what the killed one had begun, and are two again', async () => {
    const system = await startFaultSystem({ kind: 'redis', orchestration: { router: { replicas: 2 } } });
    const { frontier } = system;
    const grpc = new RouterServiceClient(frontier.address, credentials.createInsecure(), clientOptions());
    const target = { url: frontier.url, grpc };
    const running = async (): Promise<number> => {
      const body = (await (await fetch(`${frontier.url}/status`)).json()) as { routers: { running: number } };
      return body.routers.running;
    };
    await eventually(async () => (await running()) === 2, { timeoutMs: 20_000, what: 'both routers to be there' });
    const { stdout } = await runFrontier(['status', '--url', frontier.url]);
    expect(stdout).toContain('2 of 2 routers');

    const routers = frontier.processes().filter(({ command }) => command.includes('router/main'));
    expect(routers).toHaveLength(2);
    const load = startOpenLoop(target, 15, createSeededRng(7), () => '');
    await eventually(() => load.ended.length > 15 && load.open < 5, { what: 'the load' });
    const sentBefore = load.ended.length + load.open;
    const openAtKill = load.open;
    process.kill(routers[1]!.pid, 'SIGKILL');
    await systemClock.sleep(4_000);
    await load.finish();
    const lost = load.ended.filter(({ verdict }) => verdict !== 'good');
    expect(load.ended.length).toBeGreaterThan(sentBefore + 15);
    expect(lost.filter(({ verdict }) => verdict !== 'error')).toEqual([]);
    // One more may have been on its way into the connection.
    expect(lost.length).toBeLessThanOrEqual(openAtKill + 1);

    await eventually(() => frontier.processes().filter(({ command }) => command.includes('router/main')).length === 2, {
      timeoutMs: 20_000,
      what: 'the killed router to be started again',
    });
    expect((await ask('grpc-stream', target)).verdict).toBe('good');
    grpc.close();
    await frontier.stop();
  }, 120_000);

  it('are not waited for when one of them hangs', async () => {
    const system = await startFaultSystem({ kind: 'redis', orchestration: { router: { replicas: 2 } } });
    const { frontier } = system;
    const grpc = new RouterServiceClient(frontier.address, credentials.createInsecure(), clientOptions());
    const [frozen] = frontier.processes().filter(({ command }) => command.includes('router/main'));
    process.kill(frozen!.pid, 'SIGSTOP');
    try {
      const isAround = async (): Promise<boolean> => {
        const quick = [1, 2, 3, 4].map(() => fetch(`${frontier.url}/status`, { signal: AbortSignal.timeout(1_000) }));
        return (await Promise.all(quick)).every(({ ok }) => ok);
      };
      await eventually(isAround, { timeoutMs: 20_000, what: 'the frozen router to be left alone' });
      expect((await ask('http', { url: frontier.url, grpc })).verdict).toBe('good');
    } finally {
      process.kill(frozen!.pid, 'SIGCONT');
    }
    grpc.close();
    await frontier.stop();
  }, 120_000);
});
