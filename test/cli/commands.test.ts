import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { faultyConfig } from '../support/faulty-system.ts';
import { startFrontier } from '../support/frontier.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { runFrontier, type Finished } from '../support/run-frontier.ts';
import { tempFolder } from '../support/temp-folder.ts';

let configDir: string;
let system: RunningFrontier;
beforeAll(async () => {
  configDir = faultyConfig();
  system = await startFrontier({ configDir, args: ['--mesh', 'proxyless'] });
  // It serves a moment before it tells the other commands where.
  await eventually(() => statSync(join(system.dataDir, 'run.json')).isFile());
}, 90_000);
afterAll(() => system.stop(), 60_000);

/** Runs a command that finds the system by its data directory. */
function frontier(...args: string[]): Promise<Finished> {
  return runFrontier(args, {
    FRONTIER_STORAGE__DATA_DIR: system.dataDir,
    FRONTIER_CONFIG: join(configDir, 'orchestration-config.yaml'),
  });
}

describe('the commands against a running system', () => {
  it('route writes the answer alone to standard output, and the way to it beside', async () => {
    const { code, stdout, stderr } = await frontier('route', 'Why', 'is', 'the', 'sky', 'blue?');
    expect(code).toBe(0);
    expect(stdout).toMatch(/steady answer[^\n]*\n$/);
    expect(stderr).toContain('starting steady');
    expect(stderr).toMatch(/steady · confidence 0\.\d\d · \d+ tokens · [\d.]+ s · cost 0\n$/);
  }, 60_000);

  it('route --json writes one event a line, the last one done', async () => {
    const { stdout } = await frontier('route', '--json', '--explain', 'Why is the sky blue?');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(Object.keys(events[0]!)).toEqual(['decision']);
    expect(events.at(-1)).toMatchObject({
      done: { moduleUsed: 'steady', metadata: { explanation: expect.anything() } },
    });
  }, 60_000);

  it('fallback stats shows who stood in for whom, and a breaker is set by hand', async () => {
    await frontier('route', 'Write a Python function that reverses a string [garbage]');
    const { code, stdout } = await frontier('fallback', 'stats');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^faulty +CLOSED +CODE_GENERATION +\d+ +\d+ +.*MODULE_BAD_REPLY \d+/m);
    expect(stdout).toMatch(/^faulty → steady +CODE_GENERATION +\d+/m);
    expect((await frontier('fallback', 'open', 'faulty')).stdout).toContain('is open until it is closed');
    expect((await frontier('fallback', 'stats')).stdout).toMatch(/^faulty +OPEN/m);
    expect((await frontier('fallback', 'close', 'faulty')).code).toBe(0);
  }, 60_000);

  it('route shows a failed attempt and its fallback', async () => {
    const { code, stdout, stderr } = await frontier(
      'route',
      'Write a Python function that reverses a string [garbage]',
    );
    expect(code).toBe(0);
    expect(stdout).toContain('steady answer');
    expect(stderr).toMatch(/faulty failed: .*\[MODULE_\w+\]\n(.*\n)*faulty → steady/);
    expect(stderr).toContain('steady (fallback)');
  }, 60_000);

  it.each([
    [['route', '--module', 'nope', 'hi'], 1, 'MODULE_UNKNOWN'],
    [['route'], 2, 'EMPTY_QUERY'],
    [['route', '--attach', '/no/such/file', 'hi'], 2, 'ATTACHMENT_UNREADABLE'],
    [['route', '--url', 'nonsense', 'hi'], 2, 'INVALID_FIELD'],
    [['status', '--url', 'http://127.0.0.1:9'], 1, 'SERVICE_UNAVAILABLE'],
    [['modules', 'load', 'nope'], 1, 'MODULE_UNKNOWN'],
    [['modules', 'logs', 'nope'], 1, 'MODULE_UNKNOWN'],
  ])('%j fails with %i and the reason %s', async (args, exitCode, reason) => {
    const { code, stderr } = await frontier(...args);
    expect(stderr).toContain(`[${reason}]`);
    expect(code).toBe(exitCode);
  });

  it('explain shows the plan, and runs nothing', async () => {
    const { code, stdout } = await frontier('explain', 'Write a Python function that reverses a string');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^CODE_GENERATION [01]\.\d+ /);
    expect(stdout).toMatch(/Plan\n +1\. +faulty .*\n +2\. +steady/);
  });

  it('status and modules list tell the same', async () => {
    const [status, list] = await Promise.all([frontier('status', '--json'), frontier('modules', 'list', '--json')]);
    const ids = (text: string): string[] =>
      (JSON.parse(text) as { modules: { module_id: string }[] }).modules.map((module) => module.module_id);
    expect(ids(status.stdout)).toEqual(['faulty', 'steady']);
    expect(ids(list.stdout)).toEqual(['faulty', 'steady']);
    expect((await frontier('status')).stdout).toMatch(/MODULE +STATE/);
  });

  it('modules load and unload do so, and logs show it', async () => {
    const state = async (): Promise<string | undefined> => {
      const { modules } = JSON.parse((await frontier('modules', 'list', '--json')).stdout) as {
        modules: { module_id: string; state: string }[];
      };
      return modules.find((module) => module.module_id === 'steady')?.state;
    };
    expect((await frontier('modules', 'load', 'steady')).code).toBe(0);
    await eventually(async () => (await state()) === 'READY', { timeoutMs: 30_000, what: 'steady to be loaded' });
    expect((await frontier('modules', 'logs', 'steady')).stdout).toContain('[steady sidecar]');
    expect((await frontier('modules', 'unload', 'steady')).code).toBe(0);
    await eventually(async () => (await state()) === 'UNLOADED', { timeoutMs: 30_000, what: 'steady to be unloaded' });
  }, 90_000);

  it('doctor finds the running system', async () => {
    const { stdout } = await frontier('doctor', '--json');
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; detail: string }[] };
    expect(checks.find(({ name }) => name === 'running system')).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining(system.url),
    });
    expect(checks.find(({ name }) => name === 'configuration')?.status).toBe('ok');
  }, 60_000);

  it('a second up on the same data directory is refused and does no harm', async () => {
    const { code, stderr } = await frontier('up', '--edge-port', '0');
    expect(code).toBe(78);
    expect(stderr).toContain(`process ${system.pid}`);
    expect((await fetch(`${system.url}/health`)).status).toBe(200);
  });

  it('an edge port in use is told with its holder, and nothing is left', async () => {
    const port = new URL(system.url).port;
    const { code, stderr } = await frontier('up', '--data-dir', tempFolder('data'), '--edge-port', port);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`port ${port} .* in use by process \\d+`));
    expect(stderr).toContain('--edge-port');
  });

  it('what is kept is for its owner alone', () => {
    expect(statSync(system.dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(system.dataDir, 'run.json')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(system.dataDir, 'logs', 'loader.log'), 'utf8')).not.toMatch(/eyJ[\w-]+\.eyJ/);
  });
});

describe('commands that need no system', () => {
  it('config check lists every fault with its place', async () => {
    const folder = tempFolder('config');
    const file = join(folder, 'orchestration-config.yaml');
    writeFileSync(file, 'orchestration:\n  router:\n    max_concurent_requests: 5\n  fallback:\n    max_attempts: 0\n');
    const { code, stdout } = await runFrontier(['config', 'check', '--config', file, '--json']);
    expect(code).toBe(78);
    const { faults } = JSON.parse(stdout) as { faults: { file: string; line: number }[] };
    expect(faults.map(({ line }) => line)).toEqual([3, 5]);
    expect(faults.every((fault) => fault.file === file)).toBe(true);
  });

  it('config hash-key gives the form that the configuration takes', async () => {
    const { stdout } = await runFrontier(['config', 'hash-key', 'secret']);
    expect(stdout).toBe('sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n');
  });

  it('an unknown command or flag is refused with 2', async () => {
    expect(await runFrontier(['rout'])).toMatchObject({ code: 2, stderr: expect.stringContaining('route') });
    expect((await runFrontier(['route', '--modle', 'x'])).code).toBe(2);
  });

  it('version and help succeed', async () => {
    expect(await runFrontier(['version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^frontier \d+\.\d+\.\d+/),
    });
    expect((await runFrontier(['--help'])).code).toBe(0);
  });
});
