import { expect, test } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { createXdsServer, EVERY_NODE, TYPE_URLS } from '../../xds-control-plane/index.ts';
import type { DiscoveryNode, ResourceInput } from '../../xds-control-plane/index.ts';
import { onCleanup } from '../support/cleanup.ts';
import { startEnvoy } from '../support/envoy.ts';
import { eventually } from '../support/eventually.ts';

/** A real Envoy that is served by the library over plain gRPC. */
const HTTP2 = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const ADS = { ads: {}, resource_api_version: 'V3' };

function bootstrap(port: number, apiType: 'GRPC' | 'DELTA_GRPC'): Record<string, unknown> {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  return {
    node: {
      id: 'edge',
      cluster: 'edge',
      client_features: ['xds.config.supports-resource-ttl', 'xds.config.supports-resource-in-sotw'],
    },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    dynamic_resources: {
      ads_config: {
        api_type: apiType,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: ADS,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': HTTP2,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: { cluster_name: 'xds', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
        },
      ],
    },
  };
}

function cluster(name: string): ResourceInput {
  return { resource: { '@type': TYPE_URLS.clusters, name, type: 'STATIC', connect_timeout: '1s' } };
}

const TTL_MS = 1_000;

test.each([
  ['sotw', 'GRPC'],
  ['delta', 'DELTA_GRPC'],
] as const)(
  '%s: heartbeats keep a resource, and it expires when they end',
  async (_, apiType) => {
    const nodes: DiscoveryNode[] = [];
    const refusals: string[] = [];
    const server = createXdsServer({
      events: {
        onStreamOpen: ({ node }) => nodes.push(node),
        onNack: (_stream, { message }) => refusals.push(message),
      },
    });
    onCleanup(() => server.close());
    server.setSnapshot(EVERY_NODE, {
      resources: [cluster('steady'), { ...cluster('mortal'), ttlMs: TTL_MS }],
    });
    const envoy = await startEnvoy({ bootstrap: bootstrap(await server.listen(), apiType), timeoutMs: 30_000 });
    const clusters = (): Promise<string> => envoy.admin('/clusters');
    await eventually(async () => (await clusters()).includes('mortal::'), { what: 'the cluster' });
    const rejected = await envoy.stats('update_rejected');
    for (const endMs = systemClock.monotonicMs() + 3 * TTL_MS; systemClock.monotonicMs() < endMs;) {
      expect(await clusters()).toContain('mortal::');
      await systemClock.sleep(50);
    }
    expect(await envoy.stats('update_rejected')).toEqual(rejected);
    expect(refusals).toEqual([]);
    await server.close();
    await eventually(async () => !(await clusters()).includes('mortal::'), {
      what: 'the end of the cluster',
      timeoutMs: 10_000,
    });
    expect(await clusters()).toContain('steady::');
    expect(nodes.length).toBe(1);
  },
  60_000,
);
