import path from 'node:path';
import { identityPaths } from '../identity/identity-files.ts';

/** What an Envoy must be told before it can ask the control plane for all else. */
export interface EnvoyBootstrapOptions {
  /** Name of this Envoy; its certificate must be for gateway/<node id>. */
  readonly nodeId: string;
  /** Group that it belongs to, for statistics. */
  readonly cluster: string;
  /** IP address of the control plane. */
  readonly controlPlaneAddress: string;
  readonly controlPlanePort: number;
  /** SPIFFE id that the control plane must show. */
  readonly controlPlaneId: string;
  /** Folder with cert.pem, key.pem and bundle.pem of this Envoy, and the files of `envoyIdentityFiles`. Absolute. */
  readonly identityDir: string;
  readonly adminAddress: string;
  readonly adminPort: number;
  /** State of the world, or only what has changed. */
  readonly xdsForm: 'sotw' | 'delta';
}

const CONTROL_PLANE = 'control-plane';
const CERTIFICATE = 'workload';
const ROOTS = 'mesh-roots';
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
/** Envoy's own longest wait between attempts is 30 s: certificates and endpoints would stand still for as long after a restart. */
const CONTROL_PLANE_SERVICE = {
  envoy_grpc: {
    cluster_name: CONTROL_PLANE,
    retry_policy: { retry_back_off: { base_interval: '0.1s', max_interval: '2s' } },
  },
} as const;
const ADS = { ads: {}, resource_api_version: 'V3' } as const;

/**
 * Gives Envoy's bootstrap: it names the control plane and nothing else. Certificates come from files that Envoy watches,
 * so that their rotation needs no restart.
 */
export function envoyBootstrap(options: EnvoyBootstrapOptions): Record<string, unknown> {
  return {
    node: { id: options.nodeId, cluster: options.cluster },
    admin: { address: socketAddress(options.adminAddress, options.adminPort) },
    dynamic_resources: {
      ads_config: {
        api_type: options.xdsForm === 'delta' ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [CONTROL_PLANE_SERVICE],
      },
      cds_config: ADS,
      lds_config: ADS,
    },
    // How calls end is told to the control plane for the clusters that it asks about: those of a ramp.
    cluster_manager: {
      load_stats_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [CONTROL_PLANE_SERVICE],
      },
    },
    static_resources: { clusters: [controlPlaneCluster(options)] },
    layered_runtime: { layers: [{ name: 'frontier', static_layer: runtime() }] },
    overload_manager: overloadManager(),
  };
}

/** A file that must stand beside an Envoy's certificates. */
export interface IdentityFile {
  readonly path: string;
  readonly content: string;
}

/** Gives the files through which Envoy reads its certificates and watches them for rotation (SDS from a path). */
export function envoyIdentityFiles(identityDir: string): readonly IdentityFile[] {
  const { certPath, keyPath, bundlePath } = identityPaths(identityDir);
  const watched = { watched_directory: { path: identityDir } };
  return [
    secretFile(certificateFile(identityDir), {
      name: CERTIFICATE,
      tls_certificate: { certificate_chain: { filename: certPath }, private_key: { filename: keyPath }, ...watched },
    }),
    secretFile(rootsFile(identityDir), {
      name: ROOTS,
      validation_context: { trusted_ca: { filename: bundlePath }, ...watched },
    }),
  ];
}

function certificateFile(identityDir: string): string {
  return path.join(identityDir, 'sds-certificate.json');
}

function rootsFile(identityDir: string): string {
  return path.join(identityDir, 'sds-roots.json');
}

function secretFile(file: string, secret: object): IdentityFile {
  return {
    path: file,
    content: `${JSON.stringify({ resources: [{ '@type': `${TLS}.Secret`, ...secret }] }, null, 2)}\n`,
  };
}

function controlPlaneCluster(options: EnvoyBootstrapOptions): Record<string, unknown> {
  return {
    name: CONTROL_PLANE,
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        // Finds a control plane that vanished without closing its connection.
        explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: '10s', timeout: '5s' } } },
      },
    },
    load_assignment: {
      cluster_name: CONTROL_PLANE,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: socketAddress(options.controlPlaneAddress, options.controlPlanePort) } },
          ],
        },
      ],
    },
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': `${TLS}.UpstreamTlsContext`,
        sni: CONTROL_PLANE,
        common_tls_context: tlsContext(options),
      },
    },
  };
}

function tlsContext({ identityDir, controlPlaneId }: EnvoyBootstrapOptions): Record<string, unknown> {
  const fromFile = (file: string): object => ({ path_config_source: { path: file }, resource_api_version: 'V3' });
  return {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    alpn_protocols: ['h2'],
    tls_certificate_sds_secret_configs: [{ name: CERTIFICATE, sds_config: fromFile(certificateFile(identityDir)) }],
    combined_validation_context: {
      default_validation_context: {
        match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: controlPlaneId } }],
      },
      validation_context_sds_secret_config: { name: ROOTS, sds_config: fromFile(rootsFile(identityDir)) },
    },
  };
}

function runtime(): Record<string, unknown> {
  return {
    // The router shares few connections among all callers and cancels calls as a matter of course (lost hedges, callers
    // that leave); Envoy's default takes 500 early resets on one connection for an attack and closes it.
    'overload.premature_reset_total_stream_count': 100_000,
  };
}

/** Past this many connections new ones are refused, rather than the machine running out of file descriptors. */
function overloadManager(): Record<string, unknown> {
  return {
    resource_monitors: [
      {
        name: 'envoy.resource_monitors.global_downstream_max_connections',
        typed_config: {
          '@type':
            'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
          max_active_downstream_connections: 50_000,
        },
      },
    ],
  };
}

function socketAddress(address: string, port: number): Record<string, unknown> {
  return { socket_address: { address, port_value: port } };
}
