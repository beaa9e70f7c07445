import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.ts';
import { meshClientOptions, streamCall, unaryCall } from '../core/grpc/channel.ts';
import { durationFromMs } from '../core/modules/module-view.ts';
import { LoaderServiceClient, type ActivateResponse } from '../gen/frontier/loader/v1/loader.ts';
import type { ActivationProgress } from './execute/activation.ts';
import type { ModuleUsage } from './resilience/module-board.ts';

/** Longest wait for an order to the loader, in milliseconds. */
const ORDER_TIMEOUT_MS = 30_000;
const REPORT_TIMEOUT_MS = 2_000;

/** What the router asks of the loader. Everything throws the loader's FrontierError. */
export interface LoaderClient {
  /** Starts a module; the sequence ends when its first endpoint is ready. */
  activate(moduleId: string, signal: AbortSignal): AsyncIterable<ActivationProgress>;
  load(moduleId: string): Promise<void>;
  unload(moduleId: string): Promise<void>;
  /** Has a module's replicas started anew, one after another; `force` does so however often it was done. */
  restart(moduleId: string, reason: string, force: boolean): Promise<void>;
  /** Lets a module out of quarantine. */
  release(moduleId: string): Promise<void>;
  reportUsage(usage: readonly ModuleUsage[]): Promise<void>;
  close(): void;
}

export interface LoaderClientOptions {
  /** Loader, as host:port. */
  readonly address: string;
  readonly credentials: ChannelCredentials;
  /** Longest activation, in milliseconds. */
  readonly activationTimeoutMs: number;
  /** Sender of usage reports. */
  readonly reporter: string;
  readonly clock: Clock;
}

/** Creates a client of the loader. */
export function createLoaderClient(options: LoaderClientOptions): LoaderClient {
  const { clock } = options;
  const client = new LoaderServiceClient(options.address, options.credentials, meshClientOptions());
  const within = (ms: number): { deadlineMs: number } => ({ deadlineMs: clock.nowMs() + ms });
  return {
    async *activate(moduleId, signal) {
      const request = { moduleId, timeout: durationFromMs(options.activationTimeoutMs), reason: 'query' };
      for await (const response of streamCall(client.activate.bind(client), request, { signal }))
        yield progressOf(response);
    },
    async load(moduleId) {
      await unaryCall(client.load.bind(client), { moduleId, replicas: 0 }, within(ORDER_TIMEOUT_MS));
    },
    async unload(moduleId) {
      await unaryCall(client.unload.bind(client), { moduleId, force: false }, within(ORDER_TIMEOUT_MS));
    },
    async restart(moduleId, reason, force) {
      const order = { moduleId, replicaId: '', reason, force };
      await unaryCall(client.restartModule.bind(client), order, within(ORDER_TIMEOUT_MS));
    },
    async release(moduleId) {
      await unaryCall(client.releaseModule.bind(client), { moduleId }, within(ORDER_TIMEOUT_MS));
    },
    async reportUsage(usage) {
      const reportTime = new Date(clock.nowMs());
      const rows = usage.map(({ totalLatencyMs, ...counts }) => ({
        ...counts,
        totalLatency: durationFromMs(totalLatencyMs),
        reportTime,
      }));
      await unaryCall(
        client.reportUsage.bind(client),
        { reporter: options.reporter, usage: rows },
        within(REPORT_TIMEOUT_MS),
      );
    },
    close() {
      client.close();
    },
  };
}

function progressOf({ progress, expectedReadyTime, stage }: ActivateResponse): ActivationProgress {
  return { progress, expectedReadyAtMs: expectedReadyTime?.getTime(), stage };
}
