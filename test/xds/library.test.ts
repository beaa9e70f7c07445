import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { FrontierError } from '../../core/errors.ts';
import { createXdsServer, EVERY_NODE, TYPE_URLS } from '../../xds-control-plane/index.ts';
import type { ResourceInput, XdsServer } from '../../xds-control-plane/index.ts';
import { loadCodec } from '../../xds-control-plane/protobuf/codec.ts';
import { eventually } from '../support/eventually.ts';
import { AdsClient, DeltaClient } from './ads-client.ts';
import type { AdsResponse, DeltaResponse } from './ads-client.ts';

/** The server as others use it: their resources, scripted clients, both forms, ADS and the services for one type. */
const plain = credentials.createInsecure();
const codec = loadCodec();
const CUSTOM = 'type.googleapis.com/acme.v1.Thing';
const events: string[] = [];
let server: XdsServer;
let address: string;
let node: string;
let nodes = 0;
const open: { close(): void }[] = [];

beforeAll(async () => {
  server = createXdsServer({
    instance: 'library-test',
    authorizeStatus: ({ metadata }) => {
      if (metadata.get('who')[0] !== 'operator') throw new FrontierError('PERMISSION_DENIED', 'operators only');
    },
    order: { graceMs: 50 },
    events: {
      onStreamOpen: ({ node: { id }, form }) => events.push(`${id} open ${form}`),
      onStreamClose: ({ node: { id } }) => events.push(`${id} close`),
      onRequest: ({ node: { id } }, { typeUrl }) => events.push(`${id} request ${typeUrl}`),
      onAck: ({ node: { id } }, { version }) => events.push(`${id} ack ${version}`),
      onNack: ({ node: { id } }, { version, message }) => events.push(`${id} nack ${version} ${message}`),
    },
  });
  address = `127.0.0.1:${await server.listen()}`;
});
beforeEach(() => {
  nodes += 1;
  node = `node-${nodes}`;
});
afterAll(async () => {
  for (const client of open) client.close();
  await server.close();
});

function cluster(name: string, seconds = 1): ResourceInput {
  return { resource: { '@type': TYPE_URLS.clusters, name, connect_timeout: `${seconds}s` } };
}

function endpoints(name: string, port = 1): ResourceInput {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const lb_endpoints = [{ endpoint: { address } }];
  return { resource: { '@type': TYPE_URLS.endpoints, cluster_name: name, endpoints: [{ lb_endpoints }] } };
}

function thing(name: string, text: string): ResourceInput {
  return { typeUrl: CUSTOM, name, value: Buffer.from(text) };
}

function sotw(path?: string): AdsClient {
  const client = new AdsClient(address, plain, path);
  open.push(client);
  return client;
}

function delta(path?: string): DeltaClient {
  const client = new DeltaClient(address, plain, path);
  open.push(client);
  return client;
}

function names(response: AdsResponse | DeltaResponse): readonly unknown[] {
  const resources = (response.resources ?? []) as readonly Record<string, unknown>[];
  return resources.map(({ name, cluster_name }) => name ?? cluster_name).sort();
}

/** Resolves when the server has taken in all that a client has sent. */
async function heard(count: number): Promise<void> {
  const mine = (): number => events.filter((event) => event.startsWith(`${node} request`)).length;
  await eventually(() => Promise.resolve(mine() >= count), { what: `${count} requests` });
}

describe('snapshots', () => {
  test('a node is served its own snapshot, or that of every node', async () => {
    server.setSnapshot(EVERY_NODE, { resources: [cluster('common')] });
    const client = sotw();
    client.send({ node: { id: node }, type_url: TYPE_URLS.clusters });
    const first = await client.next();
    expect(names(first)).toEqual(['common']);
    client.ack(first);
    server.setSnapshot(node, { resources: [cluster('own')] });
    expect(names(await client.next())).toEqual(['own']);
    server.clearSnapshot(EVERY_NODE);
  });

  test('a client that comes before its snapshot waits for it', async () => {
    const client = delta();
    client.send({ node: { id: node }, type_url: TYPE_URLS.clusters });
    await heard(1);
    server.setSnapshot(node, { resources: [cluster('a')] });
    expect(names(await client.next())).toEqual(['a']);
  });

  test('single resources are put in, changed and taken out', async () => {
    server.setSnapshot(node, { resources: [cluster('a'), cluster('b')] });
    const client = delta();
    client.send({ node: { id: node }, type_url: TYPE_URLS.clusters });
    client.ack(await client.next());
    server.updateResources(node, [cluster('b', 2), cluster('c')]);
    const second = await client.next();
    expect(names(second)).toEqual(['b', 'c']);
    client.ack(second);
    server.removeResources(node, TYPE_URLS.clusters, ['a', 'nobody']);
    const third = await client.next();
    expect(third.removed_resources).toEqual(['a']);
    client.ack(third);
    server.setResources(node, TYPE_URLS.clusters, [cluster('c')]);
    expect((await client.next()).removed_resources).toEqual(['b']);
  });

  test('versions that are given are told, and a new one is told even of the same content', async () => {
    server.setSnapshot(node, { version: 'v1', resources: [cluster('a')] });
    const client = sotw();
    client.send({ node: { id: node }, type_url: TYPE_URLS.clusters });
    const first = await client.next();
    expect(first.version_info).toBe('v1');
    client.ack(first);
    server.setSnapshot(node, { version: 'v2', resources: [cluster('a')] });
    expect((await client.next()).version_info).toBe('v2');
  });

  test('the same content has the same version on every server', async () => {
    const other = createXdsServer();
    const otherAddress = `127.0.0.1:${await other.listen()}`;
    const versions: string[] = [];
    for (const [where, target] of [
      [server, address],
      [other, otherAddress],
    ] as const) {
      where.setSnapshot(node, { resources: [cluster('a'), cluster('b')] });
      const client = new AdsClient(target, plain);
      client.send({ node: { id: node }, type_url: TYPE_URLS.clusters });
      versions.push((await client.next()).version_info);
      client.close();
    }
    expect(versions[0]).toBe(versions[1]);
    await other.close();
  });

  test('a snapshot whose names do not match up is refused where that is asked for, and what was served stays', () => {
    server.setSnapshot(node, { resources: [cluster('a')] });
    const before = server.snapshotOf(node);
    expect(() => {
      server.setSnapshot(node, { resources: [endpoints('a')], checkConsistency: true });
    }).toThrow(/nothing names a of endpoints/);
    expect(() => {
      server.setSnapshot(node, { resources: [{ resource: { '@type': TYPE_URLS.clusters, nam: 'a' } }] });
    }).toThrow(/nam is not a field of Cluster/);
    expect(server.snapshotOf(node)).toBe(before);
  });
});

describe('any type', () => {
  test('resources of a type that nobody knows are served, in both forms, after all others', async () => {
    server.setSnapshot(node, { resources: [thing('t', 'one'), cluster('a')] });
    const client = sotw();
    client.send({ node: { id: node }, type_url: CUSTOM, resource_names: ['t'] });
    expect((await client.next()).type_url).toBe(CUSTOM);
    const incremental = delta();
    incremental.send({ node: { id: node }, type_url: CUSTOM });
    const first = await incremental.next();
    expect(first.resources).toMatchObject([{ name: 't', resource: { type_url: CUSTOM, value: Buffer.from('one') } }]);
    incremental.ack(first);
    server.setSnapshot(node, { resources: [thing('t', 'two'), cluster('a')] });
    expect((await incremental.next()).resources).toMatchObject([{ resource: { value: Buffer.from('two') } }]);
  });

  test.each(['sotw', 'delta'] as const)('%s: a type without resources disturbs no other', async (form) => {
    server.setSnapshot(node, { resources: [cluster('a')] });
    const client = form === 'sotw' ? sotw() : delta();
    client.send({ node: { id: node }, type_url: 'type.googleapis.com/nobody.knows.This' });
    client.send({ type_url: TYPE_URLS.clusters });
    expect((await client.next()).type_url).toBe(TYPE_URLS.clusters);
  });
});

const SERVICES: readonly (readonly [string, string, string])[] = [
  ['cluster', 'ClusterDiscoveryService', 'Clusters'],
  ['endpoint', 'EndpointDiscoveryService', 'Endpoints'],
  ['listener', 'ListenerDiscoveryService', 'Listeners'],
  ['route', 'RouteDiscoveryService', 'Routes'],
  ['secret', 'SecretDiscoveryService', 'Secrets'],
];

describe.each(SERVICES)('the service for %ss', (area, service, what) => {
  const type = `${area}s` as keyof typeof TYPE_URLS;
  const path = (verb: string): string => `/envoy.service.${area}.v3.${service}/${verb}${what}`;
  const field = type === 'endpoints' ? 'cluster_name' : 'name';
  const one = (name: string): ResourceInput => ({ resource: { '@type': TYPE_URLS[type], [field]: name } });

  test('fills in its type, and serves changes, in both forms', async () => {
    server.setSnapshot(node, { resources: [one('x')] });
    const client = sotw(path('Stream'));
    client.send({ node: { id: node }, resource_names: ['x', 'y'] });
    const first = await client.next();
    expect([first.type_url, names(first)]).toEqual([TYPE_URLS[type], ['x']]);
    client.send({ response_nonce: first.nonce, version_info: first.version_info, resource_names: ['x', 'y'] });
    const incremental = delta(path('Delta'));
    incremental.send({ node: { id: node }, resource_names_subscribe: ['x', 'y'] });
    const initial = await incremental.next();
    expect([names(initial), initial.removed_resources]).toEqual([['x'], ['y']]);
    incremental.send({ response_nonce: initial.nonce });
    server.updateResources(node, [one('y')]);
    expect(names(await client.next())).toContain('y');
    expect(names(await incremental.next())).toEqual(['y']);
  });

  test('answers single requests', async () => {
    server.setSnapshot(node, { resources: [one('x')] });
    const client = new Client(address, plain);
    const { requestSerialize, responseDeserialize } = codec.service(
      'envoy.service.discovery.v3.AggregatedDiscoveryService',
    )['StreamAggregatedResources']!;
    const response = await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path('Fetch'),
        requestSerialize,
        responseDeserialize,
        { node: { id: node }, resource_names: ['x'] },
        (error, value) => {
          if (error === null) resolve(value);
          else reject(error);
        },
      );
    });
    expect(response).toMatchObject({ type_url: TYPE_URLS[type], resources: [{ [field]: 'x' }] });
    client.close();
  });

  test('refuses a request without node, and one of another type', async () => {
    const nameless = sotw(path('Stream'));
    nameless.send({});
    await expect(nameless.next()).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    const stranger = delta(path('Delta'));
    stranger.send({ node: { id: node }, type_url: CUSTOM });
    await expect(stranger.next()).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe('times to live', () => {
  const features = ['xds.config.supports-resource-ttl', 'xds.config.supports-resource-in-sotw'];
  const mortal = (name: string): ResourceInput => ({ ...endpoints(name), ttlMs: 300 });
  const kind = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

  test('delta: they are told to clients that take them, and heartbeats without content follow', async () => {
    server.setSnapshot(node, { resources: [mortal('a'), endpoints('b')] });
    const client = delta();
    const type_url = TYPE_URLS.endpoints;
    client.send({ node: { id: node, client_features: features }, type_url, resource_names_subscribe: ['a', 'b'] });
    const first = await client.next();
    expect(first.resources).toMatchObject([
      { name: 'a', ttl: { nanos: 300_000_000 }, resource: { cluster_name: 'a' } },
      { name: 'b', resource: { cluster_name: 'b' } },
    ]);
    client.ack(first);
    for (let beat = 0; beat < 9; beat += 1) {
      const { resources, nonce } = await client.next();
      const version = first.resources?.[0]?.version;
      expect(resources).toEqual([{ name: 'a', version, ttl: { nanos: 300_000_000 } }]);
      client.ack({ type_url, nonce });
    }
  });

  test('state of the world: resources are wrapped for clients that take that', async () => {
    server.setSnapshot(node, { resources: [mortal('a')] });
    const client = sotw();
    const type_url = TYPE_URLS.endpoints;
    client.send({ node: { id: node, client_features: features }, type_url, resource_names: ['a'] });
    const first = await client.next();
    const version = first.version_info;
    expect(first.resources).toMatchObject([{ '@type': kind, name: 'a', version, resource: { cluster_name: 'a' } }]);
    client.ack(first, ['a']);
    const beat = await client.next();
    expect([beat.version_info, beat.resources]).toEqual([version, first.resources]);
  });

  test.each(['sotw', 'delta'] as const)('%s: other clients are told nothing of them', async (form) => {
    server.setSnapshot(node, { resources: [{ ...cluster('a'), ttlMs: 50 }] });
    const client = form === 'sotw' ? sotw() : delta();
    client.send({ node: { id: node }, type_url: TYPE_URLS.clusters });
    const first = await client.next();
    expect(first.resources?.[0]).not.toHaveProperty('ttl');
    client.send({ type_url: TYPE_URLS.clusters, response_nonce: first.nonce });
    await expect(client.next(300)).rejects.toThrow(/no response/);
  });
});

describe('the client status discovery service', () => {
  const definition = codec.service('envoy.service.status.v3.ClientStatusDiscoveryService')['FetchClientStatus']!;

  function fetchStatus(who: string): Promise<unknown> {
    const client = new Client(address, plain);
    const metadata = new Metadata();
    metadata.set('who', who);
    const request = { node_matchers: [{ node_id: { exact: node } }] };
    return new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = definition;
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, (error, value) => {
        client.close();
        if (error === null) resolve(value);
        else reject(error);
      });
    });
  }

  test('tells what a client has acknowledged, refused and waits for, to whom it may', async () => {
    server.setSnapshot(node, { resources: [cluster('a'), endpoints('x')] });
    const client = delta();
    client.send({ node: { id: node, cluster: 'edge' }, type_url: TYPE_URLS.clusters });
    client.ack(await client.next());
    client.send({ type_url: TYPE_URLS.endpoints, resource_names_subscribe: ['x', 'gone'] });
    const { type_url, nonce } = await client.next();
    client.send({ type_url, response_nonce: nonce, error_detail: { code: 3, message: 'bad endpoints' } });
    await heard(4);
    expect(await fetchStatus('operator')).toMatchObject({
      config: [
        {
          node: { id: node, cluster: 'edge' },
          generic_xds_configs: [
            { type_url: TYPE_URLS.clusters, name: 'a', config_status: 'SYNCED', client_status: 'ACKED' },
            { name: 'x', config_status: 'ERROR', client_status: 'NACKED', error_state: { details: 'bad endpoints' } },
            { name: 'gone', config_status: 'NOT_SENT', client_status: 'DOES_NOT_EXIST' },
          ],
        },
      ],
    });
    await expect(fetchStatus('anybody')).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });
});

describe('streams', () => {
  test.each(['sotw', 'delta'] as const)('%s: no node, and no type, are invalid arguments', async (form) => {
    for (const request of [{ type_url: TYPE_URLS.clusters }, { node: { id: node } }]) {
      const client = form === 'sotw' ? sotw() : delta();
      client.send(request);
      await expect(client.next()).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    }
  });

  test('callbacks tell of the stream, its requests, what it acknowledged and what it refused', async () => {
    server.setSnapshot(node, { version: '1', resources: [cluster('a')] });
    const client = sotw();
    client.send({ node: { id: node }, type_url: TYPE_URLS.clusters });
    client.ack(await client.next());
    server.setSnapshot(node, { version: '2', resources: [cluster('a', 2)] });
    const { nonce, type_url } = await client.next();
    client.send({ type_url, response_nonce: nonce, error_detail: { code: 3, message: 'too slow' } });
    await heard(3);
    client.close();
    const mine = (): string[] =>
      events.filter((event) => event.startsWith(`${node} `)).map((event) => event.slice(node.length + 1));
    await eventually(() => Promise.resolve(mine().at(-1) === 'close'), { what: 'the end of the stream' });
    const request = `request ${TYPE_URLS.clusters}`;
    expect(mine()).toEqual(['open sotw', request, request, 'ack 1', request, 'nack 2 too slow', 'close']);
  });

  test('who may not be served is refused with the reason', async () => {
    const guarded = createXdsServer({
      authorize: (_call, { id }) => {
        if (id !== 'friend') throw new FrontierError('PERMISSION_DENIED', `${id} is no friend`);
      },
    });
    guarded.setSnapshot(EVERY_NODE, { resources: [cluster('a')] });
    const target = `127.0.0.1:${await guarded.listen()}`;
    const [friend, foe] = [new AdsClient(target, plain), new AdsClient(target, plain)];
    friend.send({ node: { id: 'friend' }, type_url: TYPE_URLS.clusters });
    foe.send({ node: { id: 'foe' }, type_url: TYPE_URLS.clusters });
    await expect(friend.next()).resolves.toMatchObject({ type_url: TYPE_URLS.clusters });
    await expect(foe.next()).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    friend.close();
    foe.close();
    await guarded.close();
  });
});
