import { resourceLimitsOf } from '../../../core/config/resource-limits.ts';
import type { LostResource } from '../../../core/lost-resource.ts';
import type { ModuleView, ReplicaUsage } from '../../../core/modules/module-view.ts';

type SeenModule = Pick<ModuleView, 'spec' | 'replicas'>;

/** Gives the CPU that a module's ready replicas use together as a part of what they may; undefined where either is not known. */
export function cpuFractionOf({ spec, replicas }: SeenModule): number | undefined {
  const { cpuCores: limit } = resourceLimitsOf(spec);
  const used = readyUsages(replicas).flatMap(({ cpuCores }) => cpuCores ?? []);
  if (limit === undefined || limit === 0 || used.length === 0) return undefined;
  return used.reduce((sum, cores) => sum + cores, 0) / (limit * used.length);
}

/** Gives how much is used of what a module says it has lost, in its fullest replica, from 0 on; undefined where that is not known. */
export function usedFractionOf({ spec, replicas }: SeenModule, resource: LostResource): number | undefined {
  const { memoryBytes: limit } = resourceLimitsOf(spec);
  const read = ({ memoryBytes, gpu }: ReplicaUsage): number | undefined => {
    if (resource === 'gpu_memory') return gpu?.usedFraction;
    if (resource !== 'memory' || limit === undefined || memoryBytes === undefined) return undefined;
    return memoryBytes / limit;
  };
  const fractions = readyUsages(replicas).flatMap((usage) => read(usage) ?? []);
  return fractions.length === 0 ? undefined : Math.max(...fractions);
}

function readyUsages(replicas: ModuleView['replicas']): readonly ReplicaUsage[] {
  return replicas.flatMap(({ state, usage }) => (state === 'READY' && usage !== undefined ? [usage] : []));
}
