import { credentials, Metadata } from '@grpc/grpc-js';
import { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import type { ClassifyResponse, RouteRequest, StreamRouteResponse } from '../../gen/frontier/router/v1/router.ts';
import { clientOptions, streamCall, unaryCall } from '../../core/grpc/channel.ts';
import type { Target } from './target.ts';

/** RouterService as the commands use it; calls reject with FrontierErrors. */
export interface RouterClient {
  streamRoute(request: RouteRequest, deadlineMs: number): AsyncIterable<StreamRouteResponse>;
  classify(request: RouteRequest, deadlineMs: number): Promise<ClassifyResponse>;
  close(): void;
}

/** Connects to a system's RouterService. */
export function connectRouter({ grpcAddress, isTls, apiKey }: Target): RouterClient {
  const client = new RouterServiceClient(
    grpcAddress,
    isTls ? credentials.createSsl() : credentials.createInsecure(),
    clientOptions(),
  );
  const metadata = new Metadata();
  if (apiKey !== undefined) metadata.set('authorization', `Bearer ${apiKey}`);
  return {
    streamRoute: (request, deadlineMs) =>
      streamCall(client.streamRoute.bind(client), { request }, { metadata, deadlineMs }),
    classify: (request, deadlineMs) => unaryCall(client.classify.bind(client), { request }, { metadata, deadlineMs }),
    close: () => {
      client.close();
    },
  };
}
