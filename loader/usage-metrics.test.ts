import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';

import { moduleSpecSchema } from '../core/config/schema.ts';
import type { ModuleView, ReplicaUsage } from '../core/modules/module-view.ts';
import { createUsageMetrics } from './usage-metrics.ts';

function viewOf(limits: object, usages: readonly (ReplicaUsage | undefined)[]): ModuleView {
  const spec = moduleSpecSchema.parse({ module_id: 'a', resource_requirements: { limits } });
  return { spec, replicas: usages.map((usage) => ({ usage })) } as unknown as ModuleView;
}

test('what replicas use stands beside what they may use, and goes with them', async () => {
  const registry = new Registry();
  const observe = createUsageMetrics(registry);
  const gpu = (usedFraction: number) => ({ memoryBytes: 10, deviceMemoryBytes: 20, usedFraction, utilization: 0.25 });
  const usages = [
    { memoryBytes: 100, cpuCores: 0.5, gpu: gpu(0.5) },
    { memoryBytes: 50, cpuCores: 1, gpu: gpu(0.9) },
  ];
  observe(new Map([['a', viewOf({ cpu: '500m', memory: '200' }, usages)]]));
  const text = await registry.metrics();
  for (const line of [
    'frontier_loader_memory_bytes{module="a"} 150',
    'frontier_loader_memory_limit_bytes{module="a"} 400',
    'frontier_loader_cpu_cores{module="a"} 1.5',
    'frontier_loader_cpu_limit_cores{module="a"} 1',
    'frontier_loader_gpu_memory_bytes{module="a"} 20',
    'frontier_loader_gpu_memory_used_ratio{module="a"} 0.9',
    'frontier_loader_gpu_utilization_ratio{module="a"} 0.25',
  ])
    expect(text).toContain(line);
  observe(new Map([['a', viewOf({}, [{}, undefined])]]));
  expect(await registry.metrics()).not.toContain('{module="a"}');
});
