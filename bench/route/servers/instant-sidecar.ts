/** The instant module: a SidecarService that answers every query at once, judged beforehand. */
import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type {
  ExecuteManyRequest,
  ExecuteManyResponse,
  ExecuteRequest,
  ExecuteResponse,
  ExecuteStreamRequest,
  ExecuteStreamResponse,
} from '../../../gen/frontier/sidecar/v1/sidecar.ts';
import { SidecarServiceService } from '../../../gen/frontier/sidecar/v1/sidecar.ts';
import { ModuleMessage } from '../../../gen/frontier/common/v1/message.ts';
import { createGrpcServer } from '../../../core/grpc/server.ts';
import { instantAnswer } from '../fixtures.ts';
import { serve } from './serve.ts';

const server = createGrpcServer();
server.addService(
  {
    execute: SidecarServiceService.execute,
    executeStream: SidecarServiceService.executeStream,
    executeMany: SidecarServiceService.executeMany,
  },
  {
    execute: (
      call: ServerUnaryCall<ExecuteRequest, ExecuteResponse>,
      callback: (error: null, response: ExecuteResponse) => void,
    ) => {
      callback(null, { message: instantAnswer(call.request.message ?? ModuleMessage.create()) });
    },
    executeStream: (call: ServerWritableStream<ExecuteStreamRequest, ExecuteStreamResponse>) => {
      call.write({ message: instantAnswer(call.request.message ?? ModuleMessage.create()) });
      call.end();
    },
    executeMany: (call: ServerDuplexStream<ExecuteManyRequest, ExecuteManyResponse>) => {
      call.on('data', (batch: ExecuteManyRequest) => {
        call.write({ messages: batch.messages.map(instantAnswer) });
      });
      call.on('end', () => {
        call.end();
      });
      call.on('error', () => undefined); // The router has gone; nothing is left to do.
    },
  },
);
await serve(server);
