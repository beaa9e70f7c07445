import type { ChannelCredentials } from '@grpc/grpc-js';

import {
  ReplicaPhase,
  SidecarServiceClient,
  type WatchStatusResponse,
} from '../../../gen/frontier/sidecar/v1/sidecar.ts';
import type { Clock } from '../../../core/clock.ts';
import { meshClientOptions, streamCall, unaryCall } from '../../../core/grpc/channel.ts';
import { durationFromMs } from '../../../core/modules/module-view.ts';

/** A sidecar's status, as the loader needs it. */
export interface SidecarStatus {
  readonly phase: 'STARTING' | 'READY' | 'UNHEALTHY' | 'DRAINING';
  /** Queries in flight or queued. */
  readonly inFlight: number;
  readonly completed: number;
  readonly reason: string;
}

/** The loader's side of one sidecar. */
export interface SidecarClient {
  /** Gives the status now and at each change, until the signal aborts. Throws a FrontierError when the stream breaks. */
  watchStatus(signal: AbortSignal): AsyncIterable<SidecarStatus>;
  /** Has the sidecar finish what is in flight, for at most `timeoutMs`. Throws a FrontierError when it cannot be reached. */
  drain(timeoutMs: number): Promise<void>;
  close(): void;
}

/** Time for the answer to a drain beyond the drain itself, in milliseconds. */
const DRAIN_ANSWER_MS = 1000;

/** Gives a client of the sidecar at `address`. */
export function createSidecarClient(address: string, credentials: ChannelCredentials, clock: Clock): SidecarClient {
  const client = new SidecarServiceClient(address, credentials, meshClientOptions());
  return {
    async *watchStatus(signal) {
      for await (const status of streamCall(client.watchStatus.bind(client), {}, { signal })) yield statusOf(status);
    },
    async drain(timeoutMs) {
      const deadlineMs = clock.nowMs() + timeoutMs + DRAIN_ANSWER_MS;
      await unaryCall(client.drain.bind(client), { timeout: durationFromMs(timeoutMs) }, { deadlineMs });
    },
    close: () => {
      client.close();
    },
  };
}

function statusOf({ phase, inFlight, queued, completedTotal, reason }: WatchStatusResponse): SidecarStatus {
  return { phase: phaseOf(phase), inFlight: inFlight + queued, completed: completedTotal, reason };
}

function phaseOf(phase: ReplicaPhase): SidecarStatus['phase'] {
  if (phase === ReplicaPhase.READY) return 'READY';
  if (phase === ReplicaPhase.UNHEALTHY) return 'UNHEALTHY';
  return phase === ReplicaPhase.DRAINING ? 'DRAINING' : 'STARTING';
}
