import { credentials } from '@grpc/grpc-js';
import { clientOptions } from '../../core/grpc/channel.ts';
import { RouteRequest, RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { onCleanup } from './cleanup.ts';

/** Gives a plain gRPC client of the edge (host:port), closed when the file's tests have ended. */
export function routerClient(address: string): RouterServiceClient {
  const client = new RouterServiceClient(address, credentials.createInsecure(), clientOptions());
  onCleanup(() => {
    client.close();
    return Promise.resolve();
  });
  return client;
}

/** Gives a request with everything left out that is not told. */
export function routeRequest(fields: Parameters<typeof RouteRequest.fromPartial>[0]): RouteRequest {
  return RouteRequest.fromPartial(fields);
}
