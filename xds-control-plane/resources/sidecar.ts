import { isIP } from 'node:net';
import type { Orchestration } from '../../core/config/schema.ts';
import { spiffeId } from '../../core/identity/spiffe.ts';
import type { SpiffeName } from '../../core/identity/spiffe.ts';
import { extension } from '../protobuf/messages.ts';
import type { Listener } from '../protobuf/messages.ts';
import type { SnapshotContent } from './content.ts';
import { PROXYLESS_CERTIFICATES, SERVER_LISTENER_PREFIX } from './names.ts';

/** Where a server listens, as it names it. */
export interface ListeningAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Gives the address in the name of a server's listener (gRFC A36), e.g. "grpc/server?xds.resource.listening_address=[::]:50055";
 * undefined for any other name.
 */
export function listeningAddress(resourceName: string): ListeningAddress | undefined {
  if (!resourceName.startsWith(SERVER_LISTENER_PREFIX)) return undefined;
  const text = resourceName.slice(SERVER_LISTENER_PREFIX.length);
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text);
  const [address, port] = [match?.[1] ?? match?.[2] ?? '', Number(match?.[3])];
  return isIP(address) !== 0 && port <= 65_535 ? { address, port } : undefined;
}

/**
 * Gives what a sidecar is served that is an xDS-enabled gRPC server: the listeners that it has asked for by these names, and nothing
 * of anybody else.
 */
export function sidecarContent(names: readonly string[], orchestration: Orchestration): SnapshotContent {
  const listeners = [...names].sort().flatMap((name) => {
    const address = listeningAddress(name);
    return address === undefined ? [] : [serverListener(name, address, orchestration)];
  });
  return { clusters: [], endpoints: [], listeners, routes: [], secrets: [] };
}

/** Mutual TLS with the certificates that the server's bootstrap names (gRFC A29), and RBAC of who may call (gRFC A41). */
function serverListener(name: string, { address, port }: ListeningAddress, orchestration: Orchestration): Listener {
  return {
    name,
    address: { socket_address: { address, port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'http_connection_manager',
            typed_config: extension(
              'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              {
                stat_prefix: 'sidecar',
                route_config: {
                  name: 'sidecar',
                  virtual_hosts: [
                    { name: 'all', domains: ['*'], routes: [{ match: { prefix: '' }, non_forwarding_action: {} }] },
                  ],
                },
                http_filters: [
                  { name: 'callers', typed_config: callers(orchestration) },
                  { name: 'router', typed_config: extension('envoy.extensions.filters.http.router.v3.Router', {}) },
                ],
              },
            ),
          },
        ],
        transport_socket: {
          name: 'envoy.transport_sockets.tls',
          typed_config: extension('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
            require_client_certificate: { value: true },
            common_tls_context: {
              tls_certificate_provider_instance: { instance_name: PROXYLESS_CERTIFICATES },
              // Servers may not check names here: that is for the filter.
              validation_context: { ca_certificate_provider_instance: { instance_name: PROXYLESS_CERTIFICATES } },
            },
          }),
        },
      },
    ],
  };
}

/** Those that may call a sidecar, as in the table of docs/architecture.md. */
function callers({ mesh }: Orchestration): ReturnType<typeof extension> {
  const id = (kind: SpiffeName['kind'], name: string): string =>
    spiffeId({ trustDomain: mesh.trust_domain, namespace: mesh.namespace, kind, name });
  const names = [{ prefix: id('gateway', '') }, { exact: id('service', 'router') }, { exact: id('service', 'loader') }];
  return extension('envoy.extensions.filters.http.rbac.v3.RBAC', {
    rules: {
      action: 'ALLOW',
      policies: {
        mesh: {
          permissions: [{ any: true }],
          principals: names.map((principal_name) => ({ authenticated: { principal_name } })),
        },
      },
    },
  });
}
