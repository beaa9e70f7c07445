import { identityPaths } from '../identity/identity-files.ts';

export interface ProxylessBootstrapOptions {
  /** The control plane's Unix socket. Absolute. */
  readonly socketPath: string;
  /** Name of this client. */
  readonly nodeId: string;
  /** Folder with the client's cert.pem, key.pem and bundle.pem. Absolute. */
  readonly identityDir: string;
}

/** Name under which the control plane's resources speak of the client's own certificates. */
const CERTIFICATES = 'workload';

/**
 * Gives the bootstrap of a gRPC client without proxy, for mesh mode `proxyless`. grpc-js-xds reads it from the environment
 * at its first use, so that it must be set before:
 *
 *     process.env['GRPC_XDS_BOOTSTRAP_CONFIG'] = JSON.stringify(proxylessBootstrap({ socketPath, nodeId, identityDir }));
 *     xds.register();
 *     new SidecarServiceClient('xds:///foundation', new xds.XdsChannelCredentials(credentials.createInsecure()));
 *
 * XdsChannelCredentials make the client follow the control plane's TLS settings: mutual TLS with the files below, and only
 * the module's own SPIFFE id is taken. The fallback in it is never used, since every module's cluster names TLS.
 */
export function proxylessBootstrap({
  socketPath,
  nodeId,
  identityDir,
}: ProxylessBootstrapOptions): Record<string, unknown> {
  const { certPath, keyPath, bundlePath } = identityPaths(identityDir);
  return {
    // grpc-js-xds knows no TLS to its control plane; the socket can be opened by the user who runs Frontier only.
    xds_servers: [
      { server_uri: `unix:${socketPath}`, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] },
    ],
    node: { id: nodeId, cluster: 'proxyless', locality: {} },
    certificate_providers: {
      [CERTIFICATES]: {
        plugin_name: 'file_watcher',
        config: {
          certificate_file: certPath,
          private_key_file: keyPath,
          ca_certificate_file: bundlePath,
          refresh_interval: '10s',
        },
      },
    },
  };
}
