import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { loadConfig } from '../../core/config/load.ts';
import { clientOptions, unaryCall } from '../../core/grpc/channel.ts';
import { channelCredentials } from '../../core/identity/credentials.ts';
import { loadOrCreateJoinKey, mintJoinToken } from '../../core/identity/join-token.ts';
import { silentLogger } from '../../core/logging.ts';
import { createMetricsRegistry } from '../../core/telemetry/metrics.ts';
import { SidecarServiceClient } from '../../gen/frontier/sidecar/v1/sidecar.ts';
import { startControlPlane } from '../../xds-control-plane/server.ts';
import { onCleanup } from '../support/cleanup.ts';
import { freePort } from '../support/free-port.ts';
import { writeConfig } from '../support/frontier-config.ts';
import { certificateFor, meshId } from '../support/mesh-identity.ts';
import { queryMessage, startEcho } from './sidecar-harness.ts';

const SPEC = { module_id: 'tested', query_classes: ['GENERAL' as const], workload: { command: ['true'] } };

interface Process {
  readonly ready: Promise<Record<string, number>>;
  readonly exited: Promise<number | null>;
  stderr(): string;
  kill(): void;
}

function startProcess(args: readonly string[], env: Record<string, string>): Process {
  const child = spawn(process.execPath, ['sidecar/main.ts', '--module-id', 'tested', '--replica-id', '0', ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const errors: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  onCleanup(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    ready: new Promise((resolve, reject) => {
      child.once('message', (message) => {
        resolve((message as { ports: Record<string, number> }).ports);
      });
      void exited.then((code) => {
        reject(new Error(`exited with ${code}: ${errors.join('')}`));
      });
    }),
    exited,
    stderr: () => errors.join(''),
    kill: () => child.kill('SIGTERM'),
  };
}

describe('the sidecar process', () => {
  test('serves the mesh under its module’s name, refuses others, and ends in order', async () => {
    const control = await freePort();
    const network = { ports: { control_plane: control } };
    const path = join(writeConfig({ network, storage: { data_dir: 'data' } }, [SPEC]), 'orchestration-config.yaml');
    const config = loadConfig({ path, env: {} });
    const registry = createMetricsRegistry();
    const plane = await startControlPlane({ config, clock: systemClock, log: silentLogger, registry });
    onCleanup(() => plane.close());
    const id = meshId('module', 'tested');
    const token = await mintJoinToken(loadOrCreateJoinKey(config.dataDir), id, systemClock.nowMs());
    const sidecar = startProcess(['--config', path, '--workload-address', await startEcho()], {
      FRONTIER_JOIN_TOKEN: token,
    });
    const { grpc } = await sidecar.ready;

    const executeAs = async (kind: 'service' | 'module' | 'gateway', name: string, expected = id): Promise<string> => {
      const where = { dataDir: config.dataDir, controlPlaneAddress: `127.0.0.1:${control}` };
      const credentials = channelCredentials(await certificateFor(where, kind, name), { expect: [expected] });
      const client = new SidecarServiceClient(`127.0.0.1:${grpc}`, credentials, clientOptions());
      try {
        const deadlineMs = systemClock.nowMs() + 5000;
        const call = unaryCall(client.execute.bind(client), { message: queryMessage({ query: 'hi' }) }, { deadlineMs });
        const { message } = await call;
        return message?.payload?.$case ?? 'nothing';
      } finally {
        client.close();
      }
    };
    expect(await executeAs('service', 'router')).toBe('answer');
    expect(await executeAs('gateway', 'edge-1')).toBe('answer');
    await expect(executeAs('module', 'other')).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
    await expect(executeAs('service', 'router', meshId('module', 'other'))).rejects.toMatchObject({
      reason: 'SERVICE_UNAVAILABLE',
    });
    sidecar.kill();
    expect(await sidecar.exited).toBe(0);
  });

  test('a query in flight is finished after SIGTERM', async () => {
    const path = join(writeConfig({}, [SPEC]), 'orchestration-config.yaml');
    const sidecar = startProcess(['--config', path, '--insecure', '--workload-address', await startEcho()], {});
    const { grpc } = await sidecar.ready;
    const { credentials } = await import('@grpc/grpc-js');
    const client = new SidecarServiceClient(`127.0.0.1:${grpc}`, credentials.createInsecure(), clientOptions());
    const message = queryMessage({ query: 'slow', parameters: { latency_ms: 800 } });
    const answer = unaryCall(client.execute.bind(client), { message });
    await unaryCall(client.execute.bind(client), { message: queryMessage({ query: 'sent after it' }) });
    sidecar.kill();
    expect((await answer).message?.payload?.$case).toBe('answer');
    client.close();
    expect(await sidecar.exited).toBe(0);
  });

  test.each([
    [
      'a module that is not configured',
      ['--module-id', 'unknown'],
      78,
      'there is no module unknown; there are: tested',
    ],
    ['no workload', [], 78, 'pass --workload-address'],
    ['a workload that never comes', ['--workload-address', '127.0.0.1:9'], 1, 'was not ready within 0.3 s'],
  ])('%s ends it with the reason', async (_name, args, code, text) => {
    const spec = { ...SPEC, timeouts: { readiness: 0.3 } };
    const path = join(writeConfig({}, [spec]), 'orchestration-config.yaml');
    const sidecar = startProcess(['--config', path, '--insecure', ...args], {});
    const refused = expect(sidecar.ready).rejects.toThrow(text);
    expect(await sidecar.exited).toBe(code);
    await refused;
    expect(sidecar.stderr()).toContain(text);
  });
});
