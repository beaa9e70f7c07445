import { Metadata } from '@grpc/grpc-js';
import type { ServerOptions, ServiceError, status } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { bindServer, createGrpcServer } from '../../core/grpc/server.ts';
import { contextOf } from '../../core/grpc/handlers.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import { serverCredentials } from '../../core/identity/credentials.ts';
import { onCleanup } from '../support/cleanup.ts';
import { Echo } from './echo.ts';
import type { MeshWorld } from './mesh-world.ts';

/** A replica that can be told to fail, to be unhealthy, or how loaded to say it is. */
export interface Replica {
  readonly port: number;
  /** Calls that it has had. */
  calls: number;
  /** What it fails with; undefined when it answers. */
  failure: status | undefined;
  /** Contexts of its calls, newest last. */
  readonly seen: CallContext[];
  setServing(serving: boolean): void;
  close(): void;
}

export interface ReplicaOptions {
  /** Load that it reports with each answer. */
  readonly utilization?: number;
  readonly failure?: status;
  /** Confidence of its answers, as it reports it. */
  readonly confidence?: number;
}

/** Starts a replica of a module that answers every call with `text`. */
export async function startReplica(
  world: MeshWorld,
  moduleId: string,
  text: string,
  { utilization, failure, confidence }: ReplicaOptions = {},
): Promise<Replica> {
  const identity = await world.join('module', moduleId, text);
  const options: ServerOptions =
    utilization === undefined && confidence === undefined ? {} : { 'grpc.server_call_metric_recording': 1 };
  const server = createGrpcServer(options);
  const health = new HealthImplementation({ '': 'SERVING' });
  health.addToServer(server);
  const replica: Replica = {
    port: 0,
    calls: 0,
    failure,
    seen: [],
    setServing: (serving) => {
      health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING');
    },
    close: () => {
      server.forceShutdown();
    },
  };
  server.addService(Echo, {
    say: (
      call: Parameters<typeof contextOf>[0] & {
        getMetricsRecorder(): {
          recordQpsMetric(value: number): void;
          recordApplicationUtilizationMetric(value: number): void;
          recordNamedMetric(name: string, value: number): void;
        };
      },
      callback: (error: Partial<ServiceError> | null, answer?: Buffer) => void,
    ) => {
      replica.calls += 1;
      replica.seen.push(contextOf(call));
      if (utilization !== undefined) {
        call.getMetricsRecorder().recordQpsMetric(100);
        call.getMetricsRecorder().recordApplicationUtilizationMetric(utilization);
      }
      if (confidence !== undefined) call.getMetricsRecorder().recordNamedMetric('confidence', confidence);
      if (replica.failure === undefined) callback(null, Buffer.from(text));
      else callback({ code: replica.failure, details: `${text} fails`, metadata: new Metadata() });
    },
  });
  const port = await bindServer(server, { host: '127.0.0.1', port: 0 }, serverCredentials(identity));
  onCleanup(() => {
    replica.close();
    return Promise.resolve();
  });
  return Object.assign(replica, { port });
}
