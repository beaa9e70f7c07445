import { parseQuantity } from './quantity.ts';
import type { ModuleSpec } from './schema.ts';

/** What one replica of a module may use at the most; undefined where nothing is said. */
export interface ResourceLimits {
  readonly cpuCores: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly gpus: number | undefined;
}

/** Gives the limits in `resource_requirements.limits` as numbers. */
export function resourceLimitsOf({ resource_requirements: { limits } }: ModuleSpec): ResourceLimits {
  const numberOf = (quantity: string | undefined): number | undefined =>
    quantity === undefined ? undefined : parseQuantity(quantity);
  return { cpuCores: numberOf(limits.cpu), memoryBytes: numberOf(limits.memory), gpus: numberOf(limits.gpu) };
}
