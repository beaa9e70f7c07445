import { resourceLimitsOf } from '../../core/config/resource-limits.ts';
import type { ModuleSpec } from '../../core/config/schema.ts';
import type { ReplicaUsage } from '../../core/modules/module-view.ts';

/** What a replica uses, in GET /status; what is not known is left out. */
export function usageJson({ memoryBytes, cpuCores, gpu }: ReplicaUsage = {}) {
  return known({
    memory_bytes: memoryBytes,
    cpu_cores: cpuCores,
    gpu:
      gpu === undefined
        ? undefined
        : known({
            memory_bytes: gpu.memoryBytes,
            device_memory_bytes: gpu.deviceMemoryBytes,
            used_fraction: gpu.usedFraction,
            utilization: gpu.utilization,
          }),
  });
}

/** What one replica of a module may use, in GET /status; nothing where nothing is said. */
export function limitsJson(spec: ModuleSpec) {
  const { cpuCores, memoryBytes, gpus } = resourceLimitsOf(spec);
  const limits = known({ memory_bytes: memoryBytes, cpu_cores: cpuCores, gpus });
  return Object.keys(limits).length === 0 ? {} : { resource_limits: limits };
}

function known(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
