import type { ChannelCredentials, ClientOptions } from '@grpc/grpc-js';
import type { Orchestration } from '../../core/config/schema.ts';
import { clientOptions } from '../../core/grpc/channel.ts';
import { SidecarServiceClient } from '../../gen/frontier/sidecar/v1/sidecar.ts';

/** Where a module's sidecars are reached, and how. */
export interface ModuleTarget {
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly options: ClientOptions;
}

/** Gives the target of a module. */
export type Dial = (moduleId: string) => ModuleTarget;

/** Port of a module's Service under Istio. */
const ISTIO_PORT = 50_055;

/**
 * How each mesh mode reaches a module: the only place where the mode matters.
 * @param credentials of xDS in mode proxyless; none in the others, whose proxies do the mutual TLS
 */
export function dialFor(
  { mesh, network, dynamic_loading: loading }: Orchestration,
  credentials: ChannelCredentials,
): Dial {
  switch (mesh.mode) {
    case 'envoy':
      return (moduleId) => ({
        address: `127.0.0.1:${network.ports.mesh}`,
        credentials,
        options: { 'grpc.default_authority': moduleId },
      });
    case 'proxyless':
      return (moduleId) => ({ address: `xds:///${moduleId}`, credentials, options: {} });
    case 'istio':
      return (moduleId) => ({
        address: `${moduleId}.${loading.kubernetes.namespace}.svc.cluster.local:${ISTIO_PORT}`,
        credentials,
        options: {},
      });
  }
}

/** One channel to each module, opened at its first use. */
export interface ModuleChannels {
  get(moduleId: string): SidecarServiceClient;
  close(): void;
}

/** Creates the channels. */
export function createModuleChannels(dial: Dial): ModuleChannels {
  const clients = new Map<string, SidecarServiceClient>();
  return {
    get(moduleId) {
      let client = clients.get(moduleId);
      if (client === undefined) {
        const { address, credentials, options } = dial(moduleId);
        client = new SidecarServiceClient(address, credentials, clientOptions(options));
        clients.set(moduleId, client);
      }
      return client;
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}
