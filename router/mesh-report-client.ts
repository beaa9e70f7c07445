import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { meshClientOptions, unaryCall } from '../core/grpc/channel.ts';
import type { Logger } from '../core/logging.ts';
import { durationFromMs, durationToMs } from '../core/modules/module-view.ts';
import { ControlPlaneServiceClient } from '../gen/frontier/mesh/v1/status.ts';
import type { ModuleReport } from './resilience/module-reports.ts';

const TIMEOUT_MS = 2_000;
const FIRST_INTERVAL_MS = 1_000;
/** Several changes of one moment go as one report. */
const GATHER_MS = 20;

export interface MeshReportOptions {
  /** Control plane, as host:port. */
  readonly address: string;
  readonly credentials: ChannelCredentials;
  /** Name of this router. */
  readonly reporter: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Gives what there is to say now. */
  readonly reports: () => readonly ModuleReport[];
}

/** Tells the control plane, and so every other router's Envoy, what this router has learned. */
export interface MeshReports {
  /** Something has changed: tells it at once. */
  changed(): void;
  close(): void;
}

/** Reports at each change, and again within the lease that the control plane gives; nothing while there is nothing to say. */
export function startMeshReports(options: MeshReportOptions): MeshReports {
  const { address, credentials, reporter, clock, log, reports } = options;
  const client = new ControlPlaneServiceClient(address, credentials, meshClientOptions());
  let cancel: () => void = () => undefined;
  let intervalMs = FIRST_INTERVAL_MS;
  let hasSpoken = false;
  let reachable = true;
  let closed = false;
  let busy = false;
  let again = false;

  const send = async (): Promise<void> => {
    const modules = reports();
    // The last word, that there is nothing to say any more, is said once.
    if (modules.length === 0 && !hasSpoken) return;
    try {
      const { lease } = await unaryCall(
        client.reportModules.bind(client),
        { reporter, modules: modules.map(toMessage) },
        { deadlineMs: clock.nowMs() + TIMEOUT_MS },
      );
      hasSpoken = modules.length > 0;
      if (lease !== undefined) intervalMs = Math.max(GATHER_MS, durationToMs(lease) / 3);
      if (!reachable) log.info({ event: 'mesh_reports_resumed' });
      reachable = true;
    } catch (error) {
      // Others then see what they see themselves; nothing waits for this.
      if (reachable && !isClosed()) log.warn({ event: 'mesh_report_failed', error: messageOf(error) });
      reachable = false;
    }
  };
  const isClosed = (): boolean => closed;
  const run = async (): Promise<void> => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    await send();
    busy = false;
    if (isClosed()) return;
    schedule(again ? GATHER_MS : intervalMs);
    again = false;
  };
  const schedule = (ms: number): void => {
    cancel();
    cancel = clock.after(ms, () => void run());
  };
  schedule(intervalMs);
  return {
    changed: () => {
      if (busy) again = true;
      else if (!closed) schedule(GATHER_MS);
    },
    close: () => {
      closed = true;
      cancel();
      client.close();
    },
  };
}

function toMessage({ moduleId, breakerOpenForMs, weight, isCopied }: ModuleReport): {
  moduleId: string;
  breakerOpenFor: ReturnType<typeof durationFromMs> | undefined;
  weight?: number;
  breakerCopied: boolean;
} {
  return {
    moduleId,
    breakerOpenFor: breakerOpenForMs === undefined ? undefined : durationFromMs(breakerOpenForMs),
    ...(weight === undefined ? {} : { weight }),
    breakerCopied: isCopied,
  };
}
