import type { Orchestration } from '../../core/config/schema.ts';
import type { Extension, Listener } from '../protobuf/messages.ts';
import { edgeConnectionManager, meshConnectionManager } from './connection-manager.ts';
import { EDGE, MESH } from './names.ts';
import { shared } from './sharing.ts';

/** Gives Envoy's two listeners: the public edge, and the mesh on loopback. */
export const gatewayListeners = shared((orchestration: Orchestration): readonly Listener[] => {
  const { address, ports } = orchestration.network;
  return [
    listener(EDGE, address, ports.edge, edgeConnectionManager(orchestration)),
    listener(MESH, '127.0.0.1', ports.mesh, meshConnectionManager(orchestration)),
  ];
});

function listener(name: string, address: string, port: number, manager: Extension): Listener {
  return {
    name,
    stat_prefix: name,
    address: { socket_address: { address, port_value: port } },
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
  };
}
