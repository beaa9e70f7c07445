import type { Clock } from '../../../core/clock.ts';
import type { Orchestration, QueryClass } from '../../../core/config/schema.ts';
import type { CallEnd } from '../call-end.ts';
import type { ModuleRecord } from '../module-record.ts';
import { spare, type SpareOptions } from '../warm-stand-in.ts';
import { afterCall, isLost, needsNewProcess, type Losses } from './losses.ts';
import { cpuFractionOf, usedFractionOf } from './module-usage.ts';
import { createRecentCalls, type RecentCalls } from './recent-calls.ts';
import { createServiceLevels, type ServiceLevels } from './service-level.ts';
import { afterSample, AT_LIMIT, WELL, type Starvation } from './starvation.ts';

export interface ExhaustionWatchOptions extends SpareOptions {
  readonly policy: Orchestration['fallback']['healing']['exhaustion'];
  readonly clock: Clock;
  /** Has a module started anew, where that is allowed. */
  readonly restart: (moduleId: string, reason: string) => void;
}

/** Watches modules for running out of CPU, of memory and of what else their errors name, and keeps queries from them meanwhile. */
export interface ExhaustionWatch {
  readonly onEnd: (moduleId: string, queryClass: QueryClass, end: CallEnd) => void;
  close(): void;
}

interface Watched {
  readonly levels: ServiceLevels;
  readonly calls: RecentCalls;
  /** Whether its CPU was at its limit when it was looked at last. */
  atLimit: boolean;
  starvation: Starvation;
  losses: Losses | undefined;
  exhausted: boolean;
}

/** As often as the loader reads what workloads use. */
const TICK_MS = 2_000;

/** Creates a watch that knows nothing. */
export function createExhaustionWatch(options: ExhaustionWatchOptions): ExhaustionWatch {
  const { policy, clock, recordOf, note } = options;
  const modules = new Map<string, Watched>();

  const watchedOf = (moduleId: string): Watched => {
    const known = modules.get(moduleId) ?? {
      levels: createServiceLevels(),
      calls: createRecentCalls(),
      atLimit: false,
      starvation: WELL,
      losses: undefined,
      exhausted: false,
    };
    modules.set(moduleId, known);
    return known;
  };
  const begin = (moduleId: string, watched: Watched, reason: string): void => {
    watched.exhausted = true;
    note('exhausted', moduleId, reason);
    spare(moduleId, 'runs out of resources', options);
  };
  const look = (record: ModuleRecord, watched: Watched): void => {
    const moduleId = record.spec.module_id;
    const reason = exhaustionOf(record, watched, clock.monotonicMs());
    if (reason !== undefined && !watched.exhausted) begin(moduleId, watched, reason);
    if (reason !== undefined || !watched.exhausted) return;
    watched.exhausted = false;
    options.setShare(moduleId, undefined);
    note('exhausted_over', moduleId, 'it has what it needs again');
  };
  const startAnew = (moduleId: string, watched: Watched): void => {
    const { losses } = watched;
    if (!needsNewProcess(losses, policy.restart_after)) return;
    watched.losses = { ...losses, inARow: 0 };
    options.restart(moduleId, `${losses.inARow} answers in a row failed since ${lossText(losses)}`);
  };
  const tick = (): void => {
    const nowMs = clock.monotonicMs();
    for (const [moduleId, watched] of modules) {
      const record = recordOf(moduleId);
      if (record === undefined) {
        modules.delete(moduleId);
        continue;
      }
      const cpuFraction = cpuFractionOf(record.view);
      watched.atLimit = (cpuFraction ?? 0) >= AT_LIMIT;
      const sample = { nowMs, cpuFraction, calls: watched.calls.summary(nowMs) };
      watched.starvation = afterSample(watched.starvation, sample);
      look(record, watched);
    }
  };
  return {
    onEnd(moduleId, queryClass, end) {
      const record = recordOf(moduleId);
      if (!policy.enabled || record === undefined) return;
      const watched = watchedOf(moduleId);
      const nowMs = clock.monotonicMs();
      const verdict = watched.levels.judge(queryClass, end, watched.atLimit);
      if (verdict !== undefined) watched.calls.add(verdict, nowMs);
      const before = watched.losses;
      watched.losses = afterCall(before, end, nowMs);
      if (watched.losses === before) return;
      // What a module says itself is acted on at once.
      look(record, watched);
      startAnew(moduleId, watched);
    },
    close: policy.enabled ? clock.every(TICK_MS, tick) : () => undefined,
  };
}

/** Gives why a module is out of something; undefined when it is not. */
function exhaustionOf({ view }: ModuleRecord, watched: Watched, nowMs: number): string | undefined {
  const { losses, starvation, calls } = watched;
  const used = losses === undefined ? undefined : usedFractionOf(view, losses.resource);
  if (losses !== undefined && isLost(losses, used, nowMs))
    return `${lossText(losses)}${used === undefined ? '' : `, ${percent(used)} in use`}`;
  if (!starvation.starved) return undefined;
  const { count, badFraction } = calls.summary(nowMs);
  const cpu = cpuFractionOf(view) ?? 0;
  return `its CPU is at ${percent(cpu)} of its limit, and ${percent(badFraction)} of its last ${count} answers were late, slow or refused`;
}

function lossText({ resource, said }: Losses): string {
  return `it says that it is out of ${LOSS_TEXT[resource]}${said === '' ? '' : ` ("${said}")`}`;
}

const LOSS_TEXT = {
  gpu_memory: 'GPU memory',
  memory: 'memory',
  disk: 'disk space',
  files: 'open files',
  cache: 'room in its KV cache',
  slots: 'slots',
} as const;

function percent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`;
}
