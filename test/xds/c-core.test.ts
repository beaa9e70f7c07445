import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import { proxylessBootstrap } from '../../core/mesh/proxyless-bootstrap.ts';
import { identityDir } from '../../core/service/service-identity.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { describeWith } from '../support/parts.ts';
import { requirePart } from '../support/require-part.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import { openBreaker } from './open-breaker.ts';
import type { MeshWorld } from './mesh-world.ts';

interface Result {
  readonly answer?: string;
  readonly error?: string;
  readonly details?: string;
}

/** gRPC's C core (the Python package) as a client without proxy: its xDS client is independent of grpc-js's. */
describeWith('grpcio', 'a C-core client', () => {
  let world: MeshWorld;
  let call: (moduleId: string) => Promise<Result>;

  beforeAll(async () => {
    world = await startMeshWorld();
    await world.join('service', 'router');
    const bootstrap = proxylessBootstrap({
      socketPath: world.controlPlane.socketPath,
      nodeId: 'router-1',
      identityDir: identityDir(world.config, 'service', 'router'),
    });
    const file = join(tempFolder('c-core'), 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrap));
    const script = fileURLToPath(new URL('../fixtures/xds-caller.py', import.meta.url));
    const child = spawn(requirePart('grpcio'), [script], {
      env: { ...process.env, GRPC_XDS_BOOTSTRAP: file },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    onCleanup(async () => {
      child.stdin.end();
      await exited;
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    call = async (moduleId) => {
      child.stdin.write(`${moduleId} x\n`);
      return JSON.parse((await lines.next()).value as string) as Result;
    };
  }, 60_000);

  test('calls go straight to the sidecar by mutual TLS, and follow its replicas', async () => {
    const [first, second] = [await world.startSidecar('alpha', 'a1'), await world.startSidecar('alpha', 'a2')];
    world.show(moduleAt('alpha', [first.port]), moduleAt('beta', []));
    await eventually(
      async () => {
        expect(await call('alpha')).toEqual({ answer: 'a1: x' });
        return true;
      },
      { what: 'alpha', timeoutMs: 15_000 },
    );
    expect([...first.callers]).toEqual(['spiffe://frontier.local/ns/default/service/router']);
    world.show(moduleAt('alpha', [second.port]), moduleAt('beta', []));
    await eventually(async () => (await call('alpha')).answer === 'a2: x', { what: 'the other replica' });
  }, 60_000);

  test('while a breaker is open calls are dropped at once, and go through again afterwards', async () => {
    const sidecar = await world.startSidecar('delta', 'd1');
    world.show(moduleAt('delta', [sidecar.port]));
    await eventually(async () => (await call('delta')).answer === 'd1: x', { what: 'delta' });
    await openBreaker(world, 'delta', 1);
    await eventually(async () => (await call('delta')).details?.includes('BREAKER_OPEN'), {
      what: 'the refusal',
      everyMs: 5,
    });
    await eventually(async () => (await call('delta')).answer === 'd1: x', { what: 'calls to pass again' });
  });

  test('a sidecar that shows another module is refused', async () => {
    const impostor = await world.startSidecar('beta', 'impostor', 'gamma');
    world.show(moduleAt('alpha', []), moduleAt('beta', [impostor.port]));
    expect(await call('beta')).toMatchObject({ error: 'UNAVAILABLE' });
    expect(impostor.callers.size).toBe(0);
  }, 60_000);

  test('what it is served it takes: nothing is refused', () => {
    expect(world.logged().filter(({ event }) => event === 'configuration_refused')).toEqual([]);
  });
});
