import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { faultyConfig } from '../support/faulty-system.ts';
import { allGone, startFrontier } from '../support/frontier.ts';
import { asEnvironment } from '../support/frontier-config.ts';
import { post, type RouteAnswer } from '../support/http-api.ts';
import { describeWith } from '../support/parts.ts';
import { processesWith } from '../support/proc.ts';
import { startRedis } from '../support/redis.ts';
import { runFrontier } from '../support/run-frontier.ts';
import { tempFolder } from '../support/temp-folder.ts';

const MEMBERS = 'frontier:router/members';

describeWith('redis', 'a system whose state is in Redis', () => {
  it('keeps it there, answers without it, goes on with it, and stops cleanly', async () => {
    const redis = await startRedis({ args: ['--requirepass', 'open'], cliArgs: ['--no-auth-warning', '-a', 'open'] });
    const storage = { type: 'redis', redis: { url: redis.url, password_env: 'REDIS_PASSWORD' } };
    const system = await startFrontier({
      configDir: faultyConfig({ storage }),
      env: { REDIS_PASSWORD: 'open' },
    });
    const ask = async (): Promise<void> => {
      const { status, body } = await post<RouteAnswer>(`${system.url}/api/v1/route`, {
        query: 'What is the capital of France?',
      });
      expect([status, body.module_used]).toEqual([200, 'steady']);
    };
    await ask();
    await eventually(async () => (await redis.cli('--scan')).includes('/histories'), { what: 'what was learned' });
    await redis.kill();
    for (let count = 0; count < 5; count += 1) await ask();
    const again = await redis.revive();
    await eventually(async () => (await again.cli('exists', MEMBERS)) === '1', { what: 'the router to be back' });
    await ask();
    await system.stop();
    expect(system.log()).not.toContain('"open"');
  }, 120_000);

  it('does not start with a password that Redis refuses, and says which key to look at', async () => {
    const redis = await startRedis({ args: ['--requirepass', 'open'], cliArgs: ['--no-auth-warning', '-a', 'open'] });
    const dataDir = tempFolder('data');
    const storage = { type: 'redis', redis: { url: redis.url, password_env: 'REDIS_PASSWORD' } };
    const config = join(faultyConfig({ storage }), 'orchestration-config.yaml');
    const ports = Object.fromEntries(
      ['edge', 'router_grpc', 'router_http', 'mesh', 'loader', 'control_plane', 'envoy_admin'].map((name) => [name, 0]),
    );
    const env = {
      ...asEnvironment({ network: { ports }, storage: { data_dir: dataDir } }),
      REDIS_PASSWORD: 'wr0ng',
    };
    const { code, stdout, stderr } = await runFrontier(['up', '--config', config], env);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain('password_env');
    expect(stdout + stderr).not.toContain('wr0ng');
    const doctor = await runFrontier(['doctor', '--config', config, '--json'], env);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; status: string; detail: string }[] };
    expect(checks.find(({ name }) => name === 'shared store')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('password_env'),
    });
    await allGone(() => processesWith(dataDir));
  }, 120_000);
});
