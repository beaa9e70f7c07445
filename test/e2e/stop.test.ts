import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { faultyConfig } from '../support/faulty-system.ts';
import { allGone, startFrontier } from '../support/frontier.ts';
import type { FrontierOptions, RunningFrontier } from '../support/frontier.ts';
import { ask } from '../support/http-api.ts';
import { inFlight, moduleStatus } from '../support/status.ts';

const QUERY = { query: 'What is the capital of France?' };

let system: RunningFrontier | undefined;
afterEach(async () => {
  await system?.stop();
}, 60_000);

async function start(options: FrontierOptions = {}): Promise<RunningFrontier> {
  system = await startFrontier({ configDir: faultyConfig(), ...options });
  await ask(system.url, QUERY);
  return system;
}

/** Gives the pids of the system's processes whose command line matches. */
function pidsOf(running: RunningFrontier, pattern: RegExp): number[] {
  return running
    .processes()
    .filter(({ command }) => pattern.test(command))
    .map(({ pid }) => pid);
}

describe('the end of `frontier up`', () => {
  it('by SIGTERM leaves no process behind and exits with 0', async () => {
    const running = await start();
    expect(running.processes().length).toBeGreaterThan(5);
    process.kill(running.pid, 'SIGTERM');
    expect(await running.exited).toEqual({ code: 0, signal: null });
    await allGone(() => running.processes());
  }, 90_000);

  it('by SIGKILL leaves no process behind either', async () => {
    const running = await start();
    system = undefined;
    process.kill(running.pid, 'SIGKILL');
    await running.exited;
    await allGone(() => running.processes(), 30_000);
  }, 90_000);

  it('leaves nothing behind when the loader is dead at that time, whose modules had outlived it', async () => {
    const running = await start();
    const [loader] = pidsOf(running, /loader\/main\.ts/);
    process.kill(loader!, 'SIGKILL');
    expect(pidsOf(running, /faulty-module\.ts/)).not.toEqual([]);
    process.kill(running.pid, 'SIGTERM');
    expect(await running.exited).toEqual({ code: 0, signal: null });
    await allGone(() => running.processes());
  }, 90_000);

  it('while an answer is being made finishes that answer', async () => {
    const running = await start();
    const answer = ask(running.url, { query: '[slow] hello', module_id: 'faulty' });
    await eventually(async () => (await inFlight(running.url, 'faulty')) > 0, {
      what: 'the query to reach its module',
    });
    process.kill(running.pid, 'SIGTERM');
    expect((await answer).module_used).toBe('faulty');
    expect(await running.exited).toEqual({ code: 0, signal: null });
  }, 90_000);
});

describe('what may happen while it runs', () => {
  it('a module is unloaded when idle, and loaded again for the next query', async () => {
    const { url } = await start({ overrides: { dynamic_loading: { idle_timeout: 2 } } });
    await eventually(async () => (await moduleStatus(url, 'steady')).state === 'UNLOADED', {
      timeoutMs: 40_000,
      what: 'the idle module to be unloaded',
    });
    expect((await ask(url, QUERY)).module_used).toBe('steady');
    expect(await moduleStatus(url, 'steady')).toMatchObject({ state: 'READY', readyReplicas: 1 });
  }, 90_000);

  it.each([
    ['workload', /faulty-module\.ts/],
    ['sidecar', /sidecar\/main\.ts/],
  ])(
    'a killed %s is started again, and queries are answered',
    async (_which, pattern) => {
      const running = await start();
      await killAndAwaitRestart(running, pattern);
      const answer = await eventually(() => ask(running.url, QUERY), { timeoutMs: 30_000, what: 'an answer' });
      expect(answer.module_used).toBe('steady');
      await eventually(async () => (await moduleStatus(running.url, 'steady')).state === 'READY', {
        timeoutMs: 20_000,
      });
    },
    90_000,
  );

  it('the control plane is killed: what runs goes on serving, and it is started again', async () => {
    const running = await start();
    await killAndAwaitRestart(running, /xds-control-plane\/main\.ts/, async () => {
      for (let count = 0; count < 10; count += 1) expect((await ask(running.url, QUERY)).module_used).toBe('steady');
    });
    await activatesAnother(running);
  }, 120_000);

  it('the loader is killed: its modules go on serving, and the next one takes them over', async () => {
    const running = await start();
    const modules = pidsOf(running, /sidecar\/main\.ts|faulty-module\.ts/);
    await killAndAwaitRestart(running, /loader\/main\.ts/);
    expect((await ask(running.url, QUERY)).module_used).toBe('steady');
    expect(pidsOf(running, /sidecar\/main\.ts|faulty-module\.ts/)).toEqual(modules);
    await activatesAnother(running);
  }, 120_000);

  it('Envoy or the router is killed: it is started again and serves', async () => {
    const running = await start();
    for (const pattern of [/envoy /, /router\/main\.ts/]) {
      await killAndAwaitRestart(running, pattern);
      await eventually(() => ask(running.url, QUERY), { timeoutMs: 30_000, what: 'an answer' });
    }
  }, 120_000);
});

/** Kills the one process that matches, does something while it is away, and waits for the next one. */
async function killAndAwaitRestart(
  running: RunningFrontier,
  pattern: RegExp,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const [killed] = pidsOf(running, pattern);
  process.kill(killed!, 'SIGKILL');
  await meanwhile();
  await eventually(() => pidsOf(running, pattern).some((pid) => pid !== killed), {
    timeoutMs: 20_000,
    what: 'a new process',
  });
}

/** Only a system whose parts have found one another again can start a module that was not running. */
async function activatesAnother({ url }: RunningFrontier): Promise<void> {
  const answer = await eventually(() => ask(url, { query: 'hello', module_id: 'faulty' }), {
    timeoutMs: 30_000,
    what: 'an answer from a module that has to be started',
  });
  expect(answer.module_used).toBe('faulty');
}
