import { Metadata, ServerInterceptingCall, status } from '@grpc/grpc-js';
import type { ServerOptions } from '@grpc/grpc-js';
import type { ModuleMessage } from '../gen/frontier/common/v1/message.ts';
import type { LoadMeter } from './load-meter.ts';
import { encodeLoadReport, LOAD_REPORT_TRAILER } from './orca-report.ts';

/** Calls that say how loaded a replica is; health checks and status streams do not. */
const MEASURED = '/frontier.sidecar.v1.SidecarService/Execute';

interface Reply {
  readonly message?: ModuleMessage;
  readonly messages?: readonly ModuleMessage[];
}

/**
 * Gives the server options by which every call ends with the replica's load in its trailers (`endpoint-load-metrics-bin`,
 * gRFC A51): Envoy and gRPC clients weigh replicas by it when a module's load_balancing.policy is weighted_by_load. The
 * named metric `confidence` is the score of the call's answer, which the control plane judges a ramp by.
 */
export function loadReporting(meter: LoadMeter): ServerOptions {
  return {
    interceptors: [
      ({ path }, call) => {
        if (!path.startsWith(MEASURED)) return new ServerInterceptingCall(call);
        const named = new Map<string, number>();
        return new ServerInterceptingCall(call, {
          sendMessage: (message: Reply, next) => {
            for (const reply of message.messages ?? [message.message]) {
              if (reply?.payload?.$case === 'error') meter.failed();
              if (reply?.payload?.$case !== 'answer') continue;
              meter.answered();
              named.set('confidence', reply.payload.value.confidence?.score ?? 0);
            }
            next(message);
          },
          sendStatus: (end, next) => {
            // Who cancels says nothing of the replica.
            if (end.code !== status.OK && end.code !== status.CANCELLED) meter.failed();
            const metadata = end.metadata?.clone() ?? new Metadata();
            metadata.set(LOAD_REPORT_TRAILER, Buffer.from(encodeLoadReport(meter.report(), named)));
            next({ ...end, metadata });
          },
        });
      },
    ],
  };
}
