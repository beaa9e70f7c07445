import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Client, credentials, status } from '@grpc/grpc-js';
import { createXdsServer, EVERY_NODE, TYPE_URLS } from '../../xds-control-plane/index.ts';
import type { ResourceInput, XdsServer } from '../../xds-control-plane/index.ts';
import { eventually } from '../support/eventually.ts';
import { AdsClient, DeltaClient } from './ads-client.ts';

/** Clients that misbehave, or are many: bounded memory, a clear end, and the others are served on. */
const FORMS = ['sotw', 'delta'] as const;
const plain = credentials.createInsecure();
const sent = new Map<string, number>();
const connected: { close(): void }[] = [];
let open = 0;
let server: XdsServer;
let address: string;

beforeAll(async () => {
  server = createXdsServer({
    events: {
      onStreamOpen: () => (open += 1),
      onStreamClose: () => (open -= 1),
      onResponse: ({ node: { id } }) => sent.set(id, (sent.get(id) ?? 0) + 1),
    },
  });
  server.setSnapshot(EVERY_NODE, { resources: [cluster('a')] });
  address = `127.0.0.1:${await server.listen()}`;
});
afterAll(() => server.close());

function cluster(name: string, text = ''): ResourceInput {
  return { resource: { '@type': TYPE_URLS.clusters, name, alt_stat_name: text } };
}

function connect(form: (typeof FORMS)[number]): AdsClient | DeltaClient {
  const client = form === 'sotw' ? new AdsClient(address, plain) : new DeltaClient(address, plain);
  connected.push(client);
  return client;
}

afterEach(() => {
  for (const client of connected.splice(0)) client.close();
});

/** Another client, which is served whatever the others do. */
async function expectServed(): Promise<void> {
  const client = new AdsClient(address, plain);
  client.send({ node: { id: 'bystander' }, type_url: TYPE_URLS.clusters });
  expect((await client.next()).type_url).toBe(TYPE_URLS.clusters);
  client.close();
}

test.each(['StreamAggregatedResources', 'DeltaAggregatedResources'])(
  '%s: garbage ends its own stream only',
  async (method) => {
    const client = new Client(address, plain);
    const path = `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`;
    const asIs = (bytes: Buffer): Buffer => bytes;
    for (const garbage of [
      Buffer.from([0xff, 0xff, 0xff]),
      Buffer.from('not a message at all'),
      Buffer.alloc(1_000, 0x0a),
    ]) {
      const call = client.makeBidiStreamRequest(path, asIs, asIs);
      const failed = new Promise<{ code: number }>((resolve) =>
        call.on('error', (error) => {
          resolve(error as never);
        }),
      );
      call.on('data', () => undefined);
      call.write(garbage);
      expect([status.INTERNAL, status.INVALID_ARGUMENT]).toContain((await failed).code);
    }
    client.close();
    await expectServed();
  },
);

test.each(FORMS)('%s: a million names are too many', async (form) => {
  const client = connect(form);
  const names = Array.from({ length: 1_000_000 }, (_, index) => `n${index}`);
  if (client instanceof AdsClient)
    client.send({ node: { id: 'greedy' }, type_url: TYPE_URLS.endpoints, resource_names: names });
  else client.send({ node: { id: 'greedy' }, type_url: TYPE_URLS.endpoints, resource_names_subscribe: names });
  await expect(client.next(20_000)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  client.close();
  await expectServed();
});

test('names that come little by little are as many, and too long a name is refused', async () => {
  const client = new DeltaClient(address, plain);
  for (let batch = 0; batch < 6; batch += 1) {
    const resource_names_subscribe = Array.from({ length: 9_999 }, (_, index) => `n${batch}-${index}`);
    client.send({ node: { id: 'patient' }, type_url: TYPE_URLS.endpoints, resource_names_subscribe });
  }
  await expect(
    (async () => {
      for (;;) await client.next(20_000);
    })(),
  ).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  const long = new AdsClient(address, plain);
  long.send({ node: { id: 'long' }, type_url: TYPE_URLS.endpoints, resource_names: ['x'.repeat(100_000)] });
  await expect(long.next()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  client.close();
  long.close();
});

test.each(FORMS)('%s: wrong nonces and unknown types in thousands change nothing', async (form) => {
  const client = connect(form);
  client.send({ node: { id: 'confused' }, type_url: TYPE_URLS.clusters });
  const first = await client.next();
  for (let index = 0; index < 5_000; index += 1) {
    client.send({ type_url: TYPE_URLS.clusters, response_nonce: `wrong-${index}` });
    client.send({ type_url: `type.googleapis.com/acme.Thing${index % 50}` });
  }
  client.send({ type_url: first.type_url, response_nonce: first.nonce });
  client.send({ type_url: TYPE_URLS.listeners });
  expect((await client.next()).type_url).toBe(TYPE_URLS.listeners);
  client.close();
});

test.each(FORMS)('%s: a client that does not read costs one response, and then gets the newest state', async (form) => {
  const id = `idle-${form}`;
  const client = connect(form);
  const text = (round: number): string => `${round} ${'x'.repeat(300_000)}`;
  server.setSnapshot(id, { resources: [cluster('big', text(0))] });
  client.stream.pause();
  client.send({ node: { id }, type_url: TYPE_URLS.clusters });
  await eventually(() => Promise.resolve(sent.get(id) === 1), { what: 'the first response' });
  for (let round = 1; round <= 100; round += 1) {
    server.setSnapshot(id, { resources: [cluster('big', text(round))] });
    // Asks for it again and again without reading what it got.
    const type_url = TYPE_URLS.clusters;
    if (client instanceof AdsClient) client.send({ type_url, resource_names: ['big', `n${round}`] });
    else client.send({ type_url, resource_names_subscribe: ['big'] });
  }
  await expectServed();
  // One that the client has taken in without looking at it, one on the wire.
  expect(sent.get(id)).toBeLessThanOrEqual(3);
  client.stream.resume();
  await eventually(
    async () => {
      const { type_url, nonce, resources = [] } = await client.next();
      client.send({ type_url, response_nonce: nonce });
      return JSON.stringify(resources).includes('"100 xxx');
    },
    { what: 'the newest state', timeoutMs: 10_000 },
  );
  expect(sent.get(id)).toBeLessThan(10);
  client.close();
});

test('1,000 clients at once, of both forms, all get the present state and the next', async () => {
  const resources = Array.from({ length: 100 }, (_, index) => cluster(`c${index}`));
  server.setSnapshot(EVERY_NODE, { resources });
  const clients = Array.from({ length: 1_000 }, (_, index) => connect(FORMS[index % 2] ?? 'sotw'));
  const firsts = await Promise.all(
    clients.map(async (client, index) => {
      client.send({ node: { id: `crowd-${index}` }, type_url: TYPE_URLS.clusters });
      const response = await client.next(60_000);
      client.send({ type_url: response.type_url, response_nonce: response.nonce });
      return response.resources?.length;
    }),
  );
  expect(new Set(firsts)).toEqual(new Set([100]));
  server.updateResources(EVERY_NODE, [cluster('c7', 'changed')]);
  const seconds = await Promise.all(clients.map((client) => client.next(60_000)));
  expect(seconds.every(({ resources: all }) => JSON.stringify(all).includes('changed'))).toBe(true);
  for (const client of clients) client.close();
  await eventually(() => Promise.resolve(open === 0), { what: 'all streams to end', timeoutMs: 20_000 });
}, 120_000);

test('1,000 connections leave memory and handles as they were', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const cycle = async (count: number): Promise<void> => {
    for (let round = 0; round < count; round += 25) {
      const clients = Array.from({ length: 25 }, (_, index) => connect(FORMS[index % 2] ?? 'sotw'));
      await Promise.all(
        clients.map(async (client) => {
          client.send({ node: { id: 'passing' }, type_url: TYPE_URLS.clusters });
          client.send({ type_url: TYPE_URLS.endpoints, response_nonce: '' });
          return client.next(20_000);
        }),
      );
      for (const client of connected.splice(0)) client.close();
    }
    await eventually(() => Promise.resolve(open === 0), { what: 'all streams to end', timeoutMs: 20_000 });
  };
  const handles = (): number => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name)).length;
  const settled = async (): Promise<{ heap: number; handles: number }> => {
    let last = Infinity;
    await eventually(
      () => {
        collect();
        const now = process.memoryUsage().heapUsed + handles() * 1e6;
        const isSettled = Math.abs(last - now) < 200_000;
        last = now;
        return Promise.resolve(isSettled);
      },
      { what: 'memory to settle', everyMs: 200, timeoutMs: 30_000 },
    );
    return { heap: process.memoryUsage().heapUsed, handles: handles() };
  };
  await cycle(250);
  const before = await settled();
  await cycle(1_000);
  const after = await settled();
  expect(after.handles).toBeLessThanOrEqual(before.handles + 2);
  // Less than 5 KB a connection; one leaked stream is more.
  expect(after.heap - before.heap).toBeLessThan(5_000_000);
}, 120_000);
