/** Baseline (b): a bare grpc-js server that makes one further call, to the instant module, and answers. */
import { credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError, ServerUnaryCall } from '@grpc/grpc-js';
import { ExecuteRequest, SidecarServiceClient } from '../../../gen/frontier/sidecar/v1/sidecar.ts';
import type { RouteRequest } from '../../../gen/frontier/router/v1/router.ts';
import { RouterServiceService } from '../../../gen/frontier/router/v1/router.ts';
import { clientOptions } from '../../../core/grpc/channel.ts';
import { createGrpcServer } from '../../../core/grpc/server.ts';
import { RESPONSE } from '../fixtures.ts';
import { serve } from './serve.ts';

const sidecar = new SidecarServiceClient(process.argv[2] ?? '', credentials.createInsecure(), clientOptions());
const server = createGrpcServer();
server.addService(
  { route: RouterServiceService.route },
  {
    route: (
      call: ServerUnaryCall<RouteRequest, typeof RESPONSE>,
      callback: (error: ServiceError | null, response?: typeof RESPONSE) => void,
    ) => {
      const request = ExecuteRequest.fromPartial({
        message: { header: { messageId: '1' }, payload: { $case: 'query', value: { query: call.request.query } } },
      });
      sidecar.execute(request, new Metadata(), (error, answer) => {
        if (error !== null) callback(error);
        else
          callback(null, {
            ...RESPONSE,
            content: answer.message?.payload?.$case === 'answer' ? answer.message.payload.value.content : '',
          });
      });
    },
  },
);
await serve(server);
