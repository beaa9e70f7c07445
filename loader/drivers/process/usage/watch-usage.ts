import type { Clock } from '../../../../core/clock.ts';
import type { ReplicaUsage } from '../../../../core/modules/module-view.ts';
import { coresUsed, readTree, type TreeReading } from '../../../../core/process/process-usage.ts';
import type { GpuMonitor } from './gpu-monitor.ts';
import { gpuUsageOf } from './nvidia-smi-output.ts';

export interface UsageWatchOptions {
  readonly pid: number;
  readonly clock: Clock;
  readonly gpus: GpuMonitor;
  readonly onUsage: (usage: ReplicaUsage) => void;
  readonly signal: AbortSignal;
}

const INTERVAL_MS = 2_000;
/** Share by which a value has to change to be told: every module has watchers. */
const STEP = 0.02;
/** Changes that are never told, in cores and as a share of a GPU's time. */
const LEAST_STEP = 0.05;

/** Tells what a process and all that it has started use, every two seconds as far as it changes, until the signal aborts. */
export function watchUsage({ pid, clock, gpus, onUsage, signal }: UsageWatchOptions): void {
  let before: { readonly tree: TreeReading; readonly atMs: number } | undefined;
  let told: ReplicaUsage = {};
  const cancel = clock.every(INTERVAL_MS, () => {
    const tree = readTree(pid);
    if (tree === undefined) return;
    const atMs = clock.monotonicMs();
    const usage: ReplicaUsage = {
      memoryBytes: tree.memoryBytes,
      cpuCores: before === undefined ? undefined : coresUsed(before.tree, tree, (atMs - before.atMs) / 1000),
      gpu: gpuUsage(tree.pids, gpus),
    };
    before = { tree, atMs };
    if (!hasChanged(told, usage)) return;
    told = usage;
    onUsage(usage);
  });
  signal.addEventListener('abort', cancel, { once: true });
}

function gpuUsage(pids: readonly number[], gpus: GpuMonitor): ReplicaUsage['gpu'] {
  const reading = gpus.read();
  return reading === undefined ? undefined : gpuUsageOf(pids, reading);
}

/** Tells whether what is used differs by more than a little. */
export function hasChanged(before: ReplicaUsage, after: ReplicaUsage): boolean {
  return (
    differs(before.memoryBytes, after.memoryBytes, 0) ||
    differs(before.cpuCores, after.cpuCores, LEAST_STEP) ||
    differs(before.gpu?.memoryBytes, after.gpu?.memoryBytes, 0) ||
    differs(before.gpu?.usedFraction, after.gpu?.usedFraction, 0) ||
    differs(before.gpu?.utilization, after.gpu?.utilization, LEAST_STEP)
  );
}

function differs(before: number | undefined, after: number | undefined, least: number): boolean {
  if (before === undefined || after === undefined) return before !== after;
  return Math.abs(after - before) > Math.max(least, STEP * before);
}
