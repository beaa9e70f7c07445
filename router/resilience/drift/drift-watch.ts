import type { Clock } from '../../../core/clock.ts';
import type { Orchestration, QueryClass } from '../../../core/config/schema.ts';
import { parseQuantity } from '../../../core/config/quantity.ts';
import type { CallEnd } from '../module-board.ts';
import type { ModuleRecord } from '../module-record.ts';
import { spare, warmStandIn, type SpareOptions } from '../warm-stand-in.ts';
import { exhaustedInMs, MEMORY_SAMPLES, type MemorySample } from './memory-trend.ts';
import { createSignal, SIGNALS, type Signal } from './signals.ts';

export interface DriftWatchOptions extends SpareOptions {
  readonly policy: Orchestration['fallback']['healing']['drift'];
  readonly clock: Clock;
  /** Has a module started anew before it runs out of memory. */
  readonly restart: (moduleId: string, reason: string) => void;
}

/** Watches modules for getting worse, and acts before they fail. */
export interface DriftWatch {
  readonly onEnd: (moduleId: string, queryClass: QueryClass, end: CallEnd) => void;
  close(): void;
}

interface Watched {
  readonly signals: Map<string, Signal>;
  /** By replica. */
  readonly memory: Map<string, MemorySample[]>;
  drifting: boolean;
}

const GETS_WORSE = 'gets worse';
const TICK_MS = 1_000;
/** Memory is looked at each second tick. */
const MEMORY_TICKS = 2;
/** Modules that may be drained for drifting, as a share of those that are known: when everything gets worse, it is not theirs. */
const MOST_DRAINED = 0.5;

/** Creates a watch that knows nothing. */
export function createDriftWatch(options: DriftWatchOptions): DriftWatch {
  const { policy, clock, recordOf, note } = options;
  const modules = new Map<string, Watched>();
  let ticks = 0;

  const watchedOf = (moduleId: string): Watched => {
    const known = modules.get(moduleId) ?? { signals: new Map(), memory: new Map(), drifting: false };
    modules.set(moduleId, known);
    return known;
  };
  const signalsOf = (moduleId: string, queryClass: QueryClass): readonly Signal[] => {
    const { signals } = watchedOf(moduleId);
    return SIGNALS.map((name) => {
      const key = `${name} ${queryClass}`;
      const signal = signals.get(key) ?? createSignal(name, queryClass);
      signals.set(key, signal);
      return signal;
    });
  };
  const isTheirs = (): boolean => {
    const known = [...modules.values()].filter(({ signals }) => [...signals.values()].some((each) => each.known));
    const drained = known.filter(({ drifting }) => drifting).length;
    return known.length < 2 || drained <= MOST_DRAINED * known.length;
  };
  const begin = (moduleId: string, watched: Watched, reason: string): void => {
    note('drift', moduleId, reason);
    watched.drifting = true;
    if (isTheirs()) spare(moduleId, GETS_WORSE, options);
  };
  const end = (moduleId: string, watched: Watched, reason: string): void => {
    watched.drifting = false;
    options.setShare(moduleId, undefined);
    note('drift_over', moduleId, reason);
  };
  const tickSignals = (moduleId: string, watched: Watched): void => {
    for (const signal of watched.signals.values()) {
      const change = signal.tick(clock.monotonicMs());
      if (change === 'began' && !watched.drifting) begin(moduleId, watched, signal.text());
      const isOver = change === 'ended' && ![...watched.signals.values()].some(({ drifting }) => drifting);
      if (isOver && watched.drifting) end(moduleId, watched, signal.text());
    }
  };
  const tickMemory = (record: ModuleRecord): void => {
    const limit = record.spec.resource_requirements.limits.memory;
    const watched = watchedOf(record.spec.module_id);
    const reason = limit === undefined ? undefined : memoryDrift(record, watched.memory, parseQuantity(limit), clock);
    if (reason === undefined) return;
    note('drift', record.spec.module_id, reason);
    if (policy.warm) warmStandIn(record.spec.module_id, GETS_WORSE, options);
    options.restart(record.spec.module_id, reason);
  };
  const tick = (): void => {
    ticks += 1;
    for (const [moduleId, watched] of modules) {
      if (recordOf(moduleId) === undefined) modules.delete(moduleId);
      else tickSignals(moduleId, watched);
    }
    if (ticks % MEMORY_TICKS === 0) for (const record of options.records()) tickMemory(record);
  };
  const stop = policy.enabled ? clock.every(TICK_MS, tick) : (): void => undefined;
  return {
    onEnd(moduleId, queryClass, ended) {
      if (!policy.enabled || ended.kind === 'released') return;
      for (const signal of signalsOf(moduleId, queryClass)) signal.observe(ended);
    },
    close: stop,
  };
}

/** Takes samples of a module's replicas; gives why one of them will run out of memory; again after as many samples as that takes, should it live on. */
function memoryDrift(
  { view }: ModuleRecord,
  memory: Map<string, MemorySample[]>,
  limitBytes: number,
  clock: Clock,
): string | undefined {
  const alive = new Set(view.replicas.map(({ replicaId }) => replicaId));
  for (const replicaId of memory.keys()) if (!alive.has(replicaId)) memory.delete(replicaId);
  for (const { replicaId, state, usage: { memoryBytes } = {} } of view.replicas) {
    if (state !== 'READY' || memoryBytes === undefined) continue;
    const samples = [...(memory.get(replicaId) ?? []), { atMs: clock.monotonicMs(), bytes: memoryBytes }];
    memory.set(replicaId, samples.slice(-MEMORY_SAMPLES));
    const leftMs = exhaustedInMs(samples.slice(-MEMORY_SAMPLES), limitBytes);
    if (leftMs === undefined) continue;
    memory.set(replicaId, []);
    const share = Math.round((100 * memoryBytes) / limitBytes);
    return `memory of ${replicaId} is at ${share} % of its limit and reaches it in ${Math.round(leftMs / 1000)} s`;
  }
  return undefined;
}
