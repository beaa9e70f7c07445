import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, expect, test } from '@jest/globals';
import { Metadata, status } from '@grpc/grpc-js';
import { fromStatus } from '../../core/grpc/status.ts';
import { systemClock } from '../../core/clock.ts';
import { proxylessBootstrap } from '../../core/mesh/proxyless-bootstrap.ts';
import { identityDir } from '../../core/service/service-identity.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { moduleAt, startMeshWorld } from './mesh-world.ts';
import { openBreaker } from './open-breaker.ts';
import type { MeshWorld } from './mesh-world.ts';
import type { CallOrder, CallResult } from './proxyless-client.ts';

/** The real grpc-js-xds client against the control plane's Unix socket, in mesh mode `proxyless`. */
let world: MeshWorld;
let client: ChildProcess;
let orders = 0;

beforeAll(async () => {
  world = await startMeshWorld();
  await world.join('service', 'router');
  const bootstrap = proxylessBootstrap({
    socketPath: world.controlPlane.socketPath,
    nodeId: 'router-1',
    identityDir: identityDir(world.config, 'service', 'router'),
  });
  const { NODE_OPTIONS: _, ...env } = process.env;
  client = fork(new URL('proxyless-client.ts', import.meta.url), {
    execArgv: [],
    env: { ...env, GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap) },
  });
  onCleanup(async () => {
    const exited = once(client, 'exit');
    client.disconnect();
    await exited;
  });
}, 30_000);

/** Has the client call a module; rejects with the call's error. */
function call(moduleId: string): Promise<string> {
  orders += 1;
  const order: CallOrder = { id: orders, moduleId, text: 'x' };
  return new Promise((resolve, reject) => {
    const onResult = (result: CallResult): void => {
      if (result.id !== order.id) return;
      client.off('message', onResult);
      if (result.error === undefined) resolve(result.answer ?? '');
      else reject(Object.assign(new Error(result.error.message), { code: result.error.code }));
    };
    client.on('message', onResult);
    client.send(order);
  });
}

/** What a router makes of an error that came to it from a process of its own. */
function reasonOf(error: unknown): string {
  const { message, code } = error as Error & { code: number };
  const details = message.replace(/^\d+ \w+: /, '');
  return fromStatus(Object.assign(new Error(message), { code, details, metadata: new Metadata() })).reason;
}

test('a call goes straight to the sidecar by mutual TLS, and follows its replicas', async () => {
  const [first, second] = [await world.startSidecar('alpha', 'a1'), await world.startSidecar('alpha', 'a2')];
  world.show(moduleAt('alpha', [first.port]), moduleAt('beta', []));
  expect(await eventually(() => call('alpha'), { what: 'alpha' })).toBe('a1: x');
  expect([...first.callers]).toEqual(['spiffe://frontier.local/ns/default/service/router']);

  world.show(moduleAt('alpha', [second.port]), moduleAt('beta', []));
  await eventually(async () => (await call('alpha')) === 'a2: x', { what: 'the other replica' });
});

test('a sidecar that shows another module is refused', async () => {
  const impostor = await world.startSidecar('beta', 'impostor', 'gamma');
  world.show(moduleAt('alpha', []), moduleAt('beta', [impostor.port]));
  await expect(call('beta')).rejects.toMatchObject({ code: status.UNAVAILABLE });
  expect(impostor.callers.size).toBe(0);
});

test('a call to a module that is not known yet waits, and is served once it is', async () => {
  const sidecar = await world.startSidecar('late', 'l1');
  const answer = call('late');
  const firstDone = await Promise.race([answer, systemClock.sleep(200).then(() => 'still waiting')]);
  expect(firstDone).toBe('still waiting');
  world.show(moduleAt('alpha', []), moduleAt('late', [sidecar.port]));
  expect(await answer).toBe('l1: x');
});

test('while a breaker is open calls are refused at once, with the reason, and go through again afterwards', async () => {
  const sidecar = await world.startSidecar('delta', 'd1');
  world.show(moduleAt('delta', [sidecar.port]));
  expect(await eventually(() => call('delta'), { what: 'delta' })).toBe('d1: x');
  await openBreaker(world, 'delta', 1);
  await eventually(
    () =>
      call('delta').then(
        () => false,
        (error: unknown) => reasonOf(error) === 'BREAKER_OPEN',
      ),
    {
      what: 'the refusal',
      everyMs: 5,
    },
  );
  await eventually(() => call('delta'), { what: 'calls to pass again' });
});
