import { Gauge, type Registry } from 'prom-client';

import { resourceLimitsOf } from '../core/config/resource-limits.ts';
import type { ModuleView, ReplicaUsage } from '../core/modules/module-view.ts';

interface UsageGauge {
  readonly name: string;
  readonly help: string;
  /** Value of one module; undefined where nothing is known. */
  readonly read: (view: ModuleView) => number | undefined;
}

const GAUGES: readonly UsageGauge[] = [
  {
    name: 'frontier_loader_memory_bytes',
    help: "Resident memory of a module's workloads.",
    read: sumOf((usage) => usage.memoryBytes),
  },
  {
    name: 'frontier_loader_memory_limit_bytes',
    help: 'Memory that the replicas of a module may use together.',
    read: (view) => limitOf(view, resourceLimitsOf(view.spec).memoryBytes),
  },
  {
    name: 'frontier_loader_cpu_cores',
    help: "CPU cores that a module's workloads used over the last seconds.",
    read: sumOf((usage) => usage.cpuCores),
  },
  {
    name: 'frontier_loader_cpu_limit_cores',
    help: 'CPU cores that the replicas of a module may use together.',
    read: (view) => limitOf(view, resourceLimitsOf(view.spec).cpuCores),
  },
  {
    name: 'frontier_loader_gpu_memory_bytes',
    help: "GPU memory that a module's workloads take themselves.",
    read: sumOf((usage) => usage.gpu?.memoryBytes),
  },
  {
    name: 'frontier_loader_gpu_memory_used_ratio',
    help: 'Used part of the fullest GPU that a module runs on, whoever uses it, from 0 to 1.',
    read: mostOf((usage) => usage.gpu?.usedFraction),
  },
  {
    name: 'frontier_loader_gpu_utilization_ratio',
    help: 'Part of the time in which the busiest GPU that a module runs on works, from 0 to 1.',
    read: mostOf((usage) => usage.gpu?.utilization),
  },
];

/** Registers what modules use beside what they may use; gives what sets the gauges to what the views show. */
export function createUsageMetrics(registry: Registry): (views: ReadonlyMap<string, ModuleView>) => void {
  const gauges = GAUGES.map(({ name, help, read }) => ({
    gauge: new Gauge({ name, help, labelNames: ['module'], registers: [registry] }),
    read,
  }));
  return (views) => {
    for (const { gauge, read } of gauges) {
      gauge.reset();
      for (const [module, view] of views) {
        const value = read(view);
        if (value !== undefined) gauge.set({ module }, value);
      }
    }
  };
}

type Read = (usage: ReplicaUsage) => number | undefined;

function valuesOf({ replicas }: ModuleView, read: Read): readonly number[] {
  return replicas.flatMap(({ usage }) => (usage === undefined ? [] : (read(usage) ?? [])));
}

function sumOf(read: Read): UsageGauge['read'] {
  return (view) => {
    const values = valuesOf(view, read);
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  };
}

function mostOf(read: Read): UsageGauge['read'] {
  return (view) => {
    const values = valuesOf(view, read);
    return values.length === 0 ? undefined : Math.max(...values);
  };
}

function limitOf({ replicas }: ModuleView, limit: number | undefined): number | undefined {
  return limit === undefined ? undefined : limit * replicas.length;
}
