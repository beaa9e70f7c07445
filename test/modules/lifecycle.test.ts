import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import type { Client, ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { describe, expect, it } from '@jest/globals';
import { onCleanup } from '../support/cleanup.ts';
import { ROOT } from './workload.ts';

/** How a shipped module meets whoever starts it. */

interface Ready {
  readonly type: string;
  readonly ports: { readonly grpc: number };
}

function start(): ChildProcess {
  const child = fork('modules/ocr/main.ts', {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', PORT: '0' },
    silent: true,
  });
  onCleanup(() => {
    child.kill('SIGKILL');
    return Promise.resolve();
  });
  return child;
}

async function healthOf(port: number): Promise<string> {
  const { grpc } = loadPackageDefinition(loadSync(protoPath, { enums: String })) as unknown as {
    grpc: { health: { v1: { Health: ServiceClientConstructor } } };
  };
  const client = new grpc.health.v1.Health(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as Client & {
    check(request: object, callback: (error: Error | null, response: { status: string }) => void): void;
  };
  try {
    return await new Promise((resolve, reject) => {
      client.check({ service: 'frontier.module.v1.ModuleService' }, (error, response) => {
        if (error === null) resolve(response.status);
        else reject(error);
      });
    });
  } finally {
    client.close();
  }
}

describe('a shipped module', () => {
  it('tells its parent when it serves and on which port, and is healthy then', async () => {
    const child = start();
    const [ready] = (await once(child, 'message')) as [Ready];
    expect(ready.type).toBe('ready');
    expect(await healthOf(ready.ports.grpc)).toBe('SERVING');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('ends by itself when its parent has gone', async () => {
    const child = start();
    await once(child, 'message');
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
