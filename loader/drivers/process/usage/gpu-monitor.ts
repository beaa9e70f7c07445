import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { Clock } from '../../../../core/clock.ts';
import {
  CSV,
  DEVICE_QUERY,
  parseDevices,
  parseProcesses,
  PROCESS_QUERY,
  type GpuReading,
} from './nvidia-smi-output.ts';

/** The GPUs of this machine. */
export interface GpuMonitor {
  /** Gives what was read last, and has it read anew when that was a while ago; undefined while nothing is known. Never waits. */
  read(): GpuReading | undefined;
}

export interface GpuMonitorOptions {
  readonly clock: Clock;
  /** Environment in which nvidia-smi is looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A call takes some tenths of a second of a CPU. */
const INTERVAL_MS = 5_000;
/** A driver in trouble lets it hang. */
const TIMEOUT_MS = 3_000;
/** Until it is tried again where it has failed, or is not there. */
const AFTER_FAILURE_MS = 60_000;
const AFTER_ABSENCE_MS = 600_000;
/** What is older says nothing any more. */
const STALE_MS = 20_000;

const run = promisify(execFile);

/** Creates a monitor that asks nvidia-smi when it is read, once for all replicas, and seldom. Absence and failures are quiet: then nothing is known. */
export function createGpuMonitor({ clock, environment }: GpuMonitorOptions): GpuMonitor {
  let last: { readonly reading: GpuReading; readonly atMs: number } | undefined;
  let nextMs = 0;
  let isUnderWay = false;
  const ask = async (query: string): Promise<string> => {
    const { stdout } = await run('nvidia-smi', [query, CSV], {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      env: environment,
    });
    return stdout;
  };
  const refresh = async (): Promise<void> => {
    isUnderWay = true;
    try {
      const devices = parseDevices(await ask(DEVICE_QUERY));
      const processes = devices.length === 0 ? [] : parseProcesses(await ask(PROCESS_QUERY));
      last = { reading: { devices, processes }, atMs: clock.monotonicMs() };
      nextMs = clock.monotonicMs() + INTERVAL_MS;
    } catch (error) {
      nextMs = clock.monotonicMs() + (isAbsent(error) ? AFTER_ABSENCE_MS : AFTER_FAILURE_MS);
    } finally {
      isUnderWay = false;
    }
  };
  return {
    read() {
      const nowMs = clock.monotonicMs();
      if (!isUnderWay && nowMs >= nextMs) void refresh();
      return last !== undefined && nowMs - last.atMs < STALE_MS ? last.reading : undefined;
    },
  };
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES');
}
