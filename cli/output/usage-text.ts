import type { ModuleBody } from '../client/status-body.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Gives what a module's replicas use together, with its limits, e.g. "0.48/0.5 cores, 120/512 MiB"; "-" while nothing is known. */
export function usageText({ replicas, resource_limits: limits = {} }: ModuleBody): string {
  const sum = (read: (replica: ModuleBody['replicas'][number]) => number | undefined): number | undefined => {
    const values = replicas.flatMap((replica) => read(replica) ?? []);
    return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
  };
  const all = (limit: number | undefined): number | undefined => limit && limit * replicas.length;
  const cores = sum((replica) => replica.cpu_cores);
  const memory = sum((replica) => replica.memory_bytes);
  const gpu = sum((replica) => replica.gpu?.memory_bytes);
  const gpuLimit = sum((replica) => replica.gpu?.device_memory_bytes);
  const texts = [
    ...(cores === undefined ? [] : [coresText(cores, all(limits.cpu_cores))]),
    ...(memory === undefined ? [] : [bytesText(memory, all(limits.memory_bytes))]),
    ...(gpu === undefined ? [] : [`${bytesText(gpu, gpuLimit)} of GPU`]),
  ];
  return texts.join(', ') || '-';
}

function coresText(cores: number, limit: number | undefined): string {
  return `${cores.toFixed(2)}${limit === undefined ? '' : `/${limit}`} cores`;
}

/** Both in the unit of the greater one, so that they are compared at a glance. */
function bytesText(bytes: number, limit: number | undefined): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes, limit ?? 0)) / 10));
  const inUnit = (value: number): string => String(Number((value / 1024 ** power).toPrecision(3)));
  return `${inUnit(bytes)}${limit === undefined ? '' : `/${inUnit(limit)}`} ${UNITS[power] ?? ''}`;
}
