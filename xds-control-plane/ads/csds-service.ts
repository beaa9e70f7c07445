import type { Server } from '@grpc/grpc-js';
import { duplex, unary } from '../../core/grpc/handlers.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import type { Codec } from '../protobuf/codec.ts';
import { clientStatus } from './client-status.ts';
import type { ClientStatusRequest, ClientStatusResponse } from './client-status.ts';
import type { NodeRegistry } from './node-registry.ts';

export interface CsdsOptions {
  readonly codec: Codec;
  readonly nodes: NodeRegistry;
  /** Throws for a caller that may not ask. */
  readonly authorize: (call: CallContext) => void | Promise<void>;
}

/** Adds the client status discovery service (envoy.service.status.v3) to a server. */
export function addCsds(server: Server, { codec, nodes, authorize }: CsdsOptions): void {
  server.addService(codec.service('envoy.service.status.v3.ClientStatusDiscoveryService'), {
    FetchClientStatus: unary<ClientStatusRequest, ClientStatusResponse>(async (request, call) => {
      await authorize(call);
      return clientStatus(nodes.list(), request);
    }),
    StreamClientStatus: duplex<ClientStatusRequest, ClientStatusResponse>(async function* (requests, call) {
      await authorize(call);
      for await (const request of requests) yield clientStatus(nodes.list(), request);
    }),
  });
}
