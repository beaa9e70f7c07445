/** Baseline (a): a bare grpc-js server that answers at once. */
import { RouterServiceService } from '../../../gen/frontier/router/v1/router.ts';
import { createGrpcServer } from '../../../core/grpc/server.ts';
import { RESPONSE } from '../fixtures.ts';
import { serve } from './serve.ts';

const server = createGrpcServer();
server.addService(
  { route: RouterServiceService.route },
  {
    route: (_call: unknown, callback: (error: null, response: typeof RESPONSE) => void) => {
      callback(null, RESPONSE);
    },
  },
);
await serve(server);
