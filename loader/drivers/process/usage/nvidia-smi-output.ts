import type { GpuUsage } from '../../../../core/modules/module-view.ts';

/** Arguments of nvidia-smi for the GPUs there are, and for the processes on them (`nvidia-smi --help-query-gpu`). */
export const DEVICE_QUERY = '--query-gpu=uuid,memory.total,memory.used,utilization.gpu';
export const PROCESS_QUERY = '--query-compute-apps=pid,gpu_uuid,used_gpu_memory';
export const CSV = '--format=csv,noheader,nounits';

export interface GpuDevice {
  readonly uuid: string;
  readonly totalBytes: number;
  readonly usedBytes: number;
  /** Share of the last moments in which it worked, from 0 to 1; undefined where the driver does not tell. */
  readonly utilization: number | undefined;
}

export interface GpuProcess {
  readonly pid: number;
  readonly uuid: string;
  /** Undefined where the driver does not tell. */
  readonly usedBytes: number | undefined;
}

/** All GPUs and the processes on them at one time. */
export interface GpuReading {
  readonly devices: readonly GpuDevice[];
  readonly processes: readonly GpuProcess[];
}

const MEBIBYTE = 2 ** 20;

/** Parses what nvidia-smi answers to DEVICE_QUERY. Lines that tell no memory are passed over: nothing can be said of such a device. */
export function parseDevices(csv: string): readonly GpuDevice[] {
  return rowsOf(csv).flatMap(([uuid = '', total, used, busy]) => {
    const [totalMib, usedMib, percent] = [numberOf(total), numberOf(used), numberOf(busy)];
    if (uuid === '' || totalMib === undefined || totalMib === 0 || usedMib === undefined) return [];
    const utilization = percent === undefined ? undefined : percent / 100;
    return [{ uuid, totalBytes: totalMib * MEBIBYTE, usedBytes: usedMib * MEBIBYTE, utilization }];
  });
}

/** Parses what nvidia-smi answers to PROCESS_QUERY. Where nothing runs it says so in words, or nothing. */
export function parseProcesses(csv: string): readonly GpuProcess[] {
  return rowsOf(csv).flatMap(([pidText, uuid = '', used]) => {
    const [pid, usedMib] = [numberOf(pidText), numberOf(used)];
    if (pid === undefined || uuid === '') return [];
    return [{ pid, uuid, usedBytes: usedMib === undefined ? undefined : usedMib * MEBIBYTE }];
  });
}

/** Gives what some processes take of the GPUs that they run on; undefined when they run on none. */
export function gpuUsageOf(pids: readonly number[], { devices, processes }: GpuReading): GpuUsage | undefined {
  const own = processes.filter(({ pid }) => pids.includes(pid));
  const theirs = devices.filter(({ uuid }) => own.some((process) => process.uuid === uuid));
  if (theirs.length === 0) return undefined;
  const told = own.flatMap(({ usedBytes }) => usedBytes ?? []);
  const busy = theirs.flatMap(({ utilization }) => utilization ?? []);
  return {
    memoryBytes: told.length === 0 ? undefined : told.reduce((sum, bytes) => sum + bytes, 0),
    deviceMemoryBytes: theirs.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
    usedFraction: Math.max(...theirs.map(({ usedBytes, totalBytes }) => Math.min(1, usedBytes / totalBytes))),
    utilization: busy.length === 0 ? undefined : Math.max(...busy),
  };
}

function rowsOf(csv: string): readonly (readonly string[])[] {
  return csv.split('\n').map((line) => line.split(',').map((field) => field.trim()));
}

/** "[N/A]", "[Not Supported]", "[Unknown Error]" and the like are no numbers. */
function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}
