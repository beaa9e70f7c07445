import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyConfig } from '../support/faulty-system.ts';
import { allGone, startFrontier } from '../support/frontier.ts';
import { asEnvironment } from '../support/frontier-config.ts';
import { post } from '../support/http-api.ts';
import type { Problem } from '../support/http-api.ts';
import { processesWith } from '../support/proc.ts';
import { runFrontier } from '../support/run-frontier.ts';
import { moduleStatus } from '../support/status.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PORTS = ['edge', 'router_grpc', 'router_http', 'mesh', 'loader', 'control_plane', 'envoy_admin'] as const;

describe('a port in use', () => {
  let taken: Server;
  let port: number;
  beforeAll(async () => {
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    port = (taken.address() as AddressInfo).port;
  });
  afterAll(() => {
    taken.close();
  });

  it.each(PORTS)(
    '%s: `up` names the port and the setting, fails, and leaves no process behind',
    async (name) => {
      const dataDir = tempFolder('data');
      const free = Object.fromEntries(PORTS.map((other) => [other, 0]));
      const env = asEnvironment({ network: { ports: { ...free, [name]: port } }, storage: { data_dir: dataDir } });
      const config = join(faultyConfig(), 'orchestration-config.yaml');
      const { code, stdout, stderr } = await runFrontier(['up', '--config', config], env);
      expect(code).not.toBe(0);
      expect(stdout + stderr).toContain(String(port));
      expect(stdout + stderr).toContain(name);
      await allGone(() => processesWith(dataDir));
    },
    60_000,
  );
});

describe('a model file that cannot be read', () => {
  it('fails the query with the reason, and the system goes on', async () => {
    const model = join(tempFolder('model'), 'broken.gguf');
    writeFileSync(model, 'this is no model');
    const system = await startFrontier({ overrides: { runtime: { model_path: model } } });
    const reply = await post<Problem>(`${system.url}/api/v1/route`, { query: 'hello', module_id: 'foundation' });
    expect(reply.status).toBe(503);
    expect(reply.body.detail).toContain('broken.gguf');
    expect(await moduleStatus(system.url, 'foundation')).toMatchObject({ state: 'FAILED' });
    expect((await fetch(`${system.url}/health`)).status).toBe(200);
    await system.stop();
  }, 120_000);
});
