import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { credentials } from '@grpc/grpc-js';
import { TYPE_URLS } from '../../xds-control-plane/index.ts';
import { onCleanup } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { AdsClient, DeltaClient } from './ads-client.ts';

/** The executable: resources from a file that is followed, and over HTTP. */
const file = join(tempFolder('standalone'), 'resources.yaml');
let ports: { xds: number; admin: number };
let stderr = '';

function resources(...names: readonly string[]): string {
  return names
    .map((name) => `  - { '@type': ${TYPE_URLS.clusters}, name: ${name}, connect_timeout: 0.25s }\n`)
    .join('');
}

beforeAll(async () => {
  writeFileSync(file, `resources:\n${resources('a')}`);
  const { NODE_OPTIONS: _, ...env } = process.env;
  const args = ['--port', '0', '--admin-port', '0', '--resources', file];
  const child: ChildProcess = fork(new URL('../../xds-control-plane/standalone.ts', import.meta.url), args, {
    execArgv: [],
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  child.stdout?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  onCleanup(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
  const [ready] = (await once(child, 'message')) as [{ ports: typeof ports }];
  ports = ready.ports;
});

function admin(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${ports.admin}${path}`, init);
}

function put(node: string, snapshot: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return admin(`/snapshots/${node}`, { method: 'PUT', headers, body: JSON.stringify(snapshot) });
}

test('what the file says is served to every node, and its changes follow; a bad one changes nothing', async () => {
  const client = new AdsClient(`127.0.0.1:${ports.xds}`, credentials.createInsecure());
  client.send({ node: { id: 'anybody' }, type_url: TYPE_URLS.clusters });
  const first = await client.next();
  expect(first.resources).toMatchObject([{ name: 'a' }]);
  client.ack(first);
  writeFileSync(file, 'resources: [{"@type": nowhere}]\n');
  await eventually(() => Promise.resolve(stderr.includes('resources_refused')), { what: 'the refusal' });
  expect(client.pending).toBe(0);
  writeFileSync(file, `resources:\n${resources('a', 'b')}`);
  expect((await client.next()).resources).toMatchObject([{ name: 'a' }, { name: 'b' }]);
  client.close();
});

test('a node’s snapshot is set, read and taken away over HTTP', async () => {
  const client = new DeltaClient(`127.0.0.1:${ports.xds}`, credentials.createInsecure());
  const snapshot = {
    version: '7',
    resources: [
      { '@type': TYPE_URLS.clusters, name: 'own' },
      { type_url: 'type.googleapis.com/acme.Thing', name: 'thing', value: Buffer.from('x').toString('base64') },
    ],
  };
  expect((await put('mine', snapshot)).status).toBe(204);
  client.send({ node: { id: 'mine' }, type_url: TYPE_URLS.clusters });
  const response = await client.next();
  expect(response.resources).toMatchObject([{ name: 'own' }]);
  client.ack(response);
  const served = (await (await admin('/snapshots/mine')).json()) as Record<string, unknown>;
  expect(served).toMatchObject({ [TYPE_URLS.clusters]: { version: '7', resources: { own: expect.any(String) } } });
  await eventually(
    async () => {
      const nodes = (await (await admin('/nodes')).json()) as { id: string; types: object[] }[];
      expect(nodes.find(({ id }) => id === 'mine')?.types).toMatchObject([{ type: 'clusters', acked_version: '7' }]);
      return true;
    },
    { what: 'the acknowledged version' },
  );
  expect(await (await admin('/metrics')).text()).toContain('frontier_control_plane_discovery_requests_total');
  expect((await admin('/snapshots/mine', { method: 'DELETE' })).status).toBe(204);
  expect((await client.next()).removed_resources).toEqual(['own']);
  client.close();
});

test.each<[string, unknown, RegExp]>([
  ['a document of another form', { things: [] }, /resources/],
  ['a message of no known type', { resources: [{ '@type': 'x/acme.Thing' }] }, /not known/],
  ['a field that does not exist', { resources: [{ '@type': TYPE_URLS.clusters, nam: 'a' }] }, /nam is not a field/],
])('%s is refused with the reason', async (_, snapshot, reason) => {
  const response = await put('mine', snapshot);
  expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
    400,
    expect.stringMatching(reason),
  ]);
});
