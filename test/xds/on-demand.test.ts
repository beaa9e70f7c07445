import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { createXdsServer, EVERY_NODE, TYPE_URLS } from '../../xds-control-plane/index.ts';
import type { ResourceInput } from '../../xds-control-plane/index.ts';
import { onCleanup } from '../support/cleanup.ts';
import { startEnvoy } from '../support/envoy.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';

/** Checklist 43: Envoy's own on-demand filter asks for a cluster when the first request for it comes. */

const PREFIX = 'type.googleapis.com/envoy.extensions';
const ADS = { ads: {}, resource_api_version: 'V3' };
const LOOKUP_TIMEOUT_MS = 8_000;

function bootstrap(port: number): Record<string, unknown> {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const http2 = {
    '@type': `${PREFIX}.upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http2_protocol_options: {} },
  };
  return {
    node: { id: 'edge', cluster: 'edge' },
    // No cds_config: clusters come on demand alone.
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      lds_config: ADS,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http2 },
          load_assignment: { cluster_name: 'xds', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
        },
      ],
    },
  };
}

/** A listener that sends each request to the cluster that its header names, once the control plane has told of it. */
function listener(port: number): ResourceInput {
  const onDemand = {
    '@type': `${PREFIX}.filters.http.on_demand.v3.OnDemand`,
    odcds: { source: ADS, timeout: `${LOOKUP_TIMEOUT_MS / 1000}s` },
  };
  const manager = {
    '@type': `${PREFIX}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'edge',
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster_header: 'x-cluster' } }] },
      ],
    },
    http_filters: [
      { name: 'envoy.filters.http.on_demand', typed_config: onDemand },
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${PREFIX}.filters.http.router.v3.Router` } },
    ],
  };
  return {
    resource: {
      '@type': TYPE_URLS.listeners,
      name: 'edge',
      address: { socket_address: { address: '127.0.0.1', port_value: port } },
      filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
    },
  };
}

/** A cluster with its endpoints by EDS, as Frontier's own are. */
function cluster(name: string, port: number): readonly ResourceInput[] {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  return [
    {
      resource: {
        '@type': TYPE_URLS.clusters,
        name,
        type: 'EDS',
        connect_timeout: '1s',
        eds_cluster_config: { eds_config: ADS },
      },
    },
    {
      resource: {
        '@type': TYPE_URLS.endpoints,
        cluster_name: name,
        endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
      },
    },
  ];
}

async function startUpstream(text: string): Promise<number> {
  const server = createServer((_incoming, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

function get(port: number, cluster: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, headers: { 'x-cluster': cluster } }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      incoming.once('end', () => {
        resolve({ status: incoming.statusCode ?? 0, body });
      });
    });
    outgoing.once('error', reject).end();
  });
}

test('the first request for a cluster has it asked for, alone; one that does not exist fails at once, and is served when it comes to be', async () => {
  const asked: { typeUrl: string; names: readonly string[] }[] = [];
  const sent: { typeUrl: string; names: readonly string[]; removed: readonly string[] }[] = [];
  const refusals: string[] = [];
  const server = createXdsServer({
    events: {
      onRequest: (_stream, { typeUrl, names, nonce }) => {
        if (nonce === '' || names.length > 0) asked.push({ typeUrl, names });
      },
      onResponse: (_stream, { typeUrl, resources, removed }) => {
        sent.push({ typeUrl, names: resources.map(({ name }) => name), removed: [...removed] });
      },
      onNack: (_stream, { message }) => refusals.push(message),
    },
  });
  onCleanup(() => server.close());
  const [alpha, beta, late] = [await startUpstream('alpha'), await startUpstream('beta'), await startUpstream('late')];
  const port = await freePort();
  server.setSnapshot(EVERY_NODE, { resources: [listener(port), ...cluster('alpha', alpha), ...cluster('beta', beta)] });
  const envoy = await startEnvoy({ bootstrap: bootstrap(await server.listen()), timeoutMs: 30_000 });
  await eventually(async () => (await envoy.listenerPort('edge')) === port, { what: 'the listener' });
  const known = async (): Promise<string> => envoy.admin('/clusters');
  const clusters = <Of extends { typeUrl: string }>(of: readonly Of[]): readonly Of[] =>
    of.filter(({ typeUrl }) => typeUrl === TYPE_URLS.clusters);
  expect(await known()).not.toContain('alpha::');
  expect(clusters(asked)).toEqual([]);

  expect(await get(port, 'alpha')).toEqual({ status: 200, body: 'alpha' });
  expect(clusters(asked).map(({ names }) => names)).toEqual([['alpha']]);
  expect(clusters(sent)).toEqual([{ typeUrl: TYPE_URLS.clusters, names: ['alpha'], removed: [] }]);
  expect(await known()).not.toContain('beta::');
  expect(await get(port, 'beta')).toEqual({ status: 200, body: 'beta' });
  expect(clusters(sent).map(({ names }) => names)).toEqual([['alpha'], ['beta']]);

  const listeners = await envoy.stats('listener_manager.lds.update_(attempt|success)');
  const before = sent.length;
  const startedMs = systemClock.monotonicMs();
  expect((await get(port, 'late')).status).toBe(503);
  // It is told that there is none; the filter does not wait its time-out.
  expect(systemClock.monotonicMs() - startedMs).toBeLessThan(LOOKUP_TIMEOUT_MS);
  expect(sent.slice(before)).toEqual([{ typeUrl: TYPE_URLS.clusters, names: [], removed: ['late'] }]);
  expect(await get(port, 'alpha')).toEqual({ status: 200, body: 'alpha' });
  expect(await envoy.stats('listener_manager.lds.update_(attempt|success)')).toEqual(listeners);

  server.updateResources(EVERY_NODE, cluster('late', late));
  await eventually(async () => (await get(port, 'late')).body === 'late', { what: 'the cluster that has come to be' });
  const [client] = server.nodes();
  const subscription = client?.state.types.find(({ typeUrl }) => typeUrl === TYPE_URLS.clusters)?.subscription;
  expect(subscription?.wildcard).toBe(false);
  expect([...(subscription?.names ?? [])].sort()).toEqual(['alpha', 'beta', 'late']);
  expect(refusals).toEqual([]);
}, 60_000);
