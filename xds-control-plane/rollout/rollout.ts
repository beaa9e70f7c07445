import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logging.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { moduleCluster } from '../resources/names.ts';
import { advanceRamp, beginRamp, NO_OUTCOMES, rampPercent, sumOf } from './ramp.ts';
import type { Outcomes, Ramp, RampPolicy } from './ramp.ts';

type Views = ReadonlyMap<string, ModuleView>;

/** Sees every module's ramp through. */
export interface Rollout {
  /** Takes the modules as the loader tells them: ramps begin, and those of modules that are gone end. */
  update(views: Views): void;
  /** Takes how calls of a cluster have ended since the last report of one Envoy. */
  add(cluster: string, outcomes: Outcomes): void;
  /** Clusters whose outcomes are wanted now, in order. */
  clusters(): readonly string[];
  /** Calls back when other clusters are wanted; the returned function ends it. */
  onClusters(listener: () => void): () => void;
  close(): void;
}

export interface RolloutOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** File in which phases outlive the process: what was rolled back must not begin anew by a restart. */
  readonly file: string;
  /** Takes the present shares of new modules, in percent by the module that they are split from. */
  readonly onShares: (percents: ReadonlyMap<string, number>) => void;
}

interface Plan {
  readonly moduleId: string;
  readonly freshId: string;
  readonly policy: RampPolicy;
  readonly target: number;
  /** Changes with what is ramped, and how: then the ramp begins anew. */
  readonly key: string;
}

const INTERVAL_MS = 1_000;

const savedSchema = z.record(
  z.string(),
  z.object({ key: z.string(), phase: z.enum(['RAMPING', 'DONE', 'ROLLED_BACK']), step: z.int(), reason: z.string() }),
);

/** Gives a rollout that knows of no module yet. */
export function createRollout({ clock, log, file, onShares }: RolloutOptions): Rollout {
  const ramps = new Map<string, { plan: Plan; ramp: Ramp }>();
  const listeners = new Set<() => void>();
  const fresh = new Map<string, Outcomes>();
  let saved = readSaved(file);
  let told = '';
  let wanted: readonly string[] = [];

  const tell = (): void => {
    const shares = new Map(
      [...ramps].map(([id, { plan, ramp }]) => [id, rampPercent(ramp, plan.policy, plan.target)] as const),
    );
    const text = JSON.stringify([...shares]);
    if (text === told) return;
    told = text;
    onShares(shares);
  };
  const want = (): void => {
    const next = clustersOf(ramps.values());
    if (JSON.stringify(next) === JSON.stringify(wanted)) return;
    wanted = next;
    for (const listener of listeners) listener();
  };
  const save = (): void => {
    const next = Object.fromEntries([...ramps].map(([id, { plan, ramp }]) => [id, toSaved(plan.key, ramp)]));
    if (JSON.stringify(next) === JSON.stringify(saved)) return;
    saved = next;
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, JSON.stringify(next), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  const settle = (): void => {
    save();
    tell();
    want();
  };
  const tick = (): void => {
    if (ramps.size === 0) return;
    for (const [id, entry] of ramps) {
      const { plan, ramp } = entry;
      const outcomes = { main: takeOf(fresh, plan.moduleId), fresh: takeOf(fresh, plan.freshId) };
      const next = advanceRamp(ramp, outcomes, plan.policy, plan.target, clock.monotonicMs());
      ramps.set(id, { plan, ramp: next });
      report(log, plan, ramp, next);
    }
    fresh.clear();
    settle();
  };
  const stop = clock.every(INTERVAL_MS, tick);
  return {
    update: (views) => {
      const plans = new Map(
        [...views.values()].flatMap((view) => plansOf(view, views)).map((plan) => [plan.moduleId, plan]),
      );
      if (plans.size === 0 && ramps.size === 0) return;
      for (const id of ramps.keys()) if (!plans.has(id)) ramps.delete(id);
      for (const [id, plan] of plans) {
        if (ramps.get(id)?.plan.key === plan.key) continue;
        const ramp = fromSaved(saved[id], plan.key, clock.monotonicMs());
        ramps.set(id, { plan, ramp });
        report(log, plan, undefined, ramp);
      }
      settle();
    },
    add: (cluster, outcomes) => {
      if (wanted.includes(cluster)) fresh.set(cluster, sumOf(fresh.get(cluster) ?? NO_OUTCOMES, outcomes));
    },
    clusters: () => wanted,
    onClusters: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      stop();
      listeners.clear();
    },
  };
}

function plansOf({ moduleId, spec }: ModuleView, views: Views): Plan[] {
  const { ramp: policy, split } = spec.traffic;
  const [share] = split;
  if (policy === undefined || share === undefined) return [];
  const what = JSON.stringify([spec.traffic, views.get(share.module)?.specVersion ?? '']);
  const key = createHash('sha256').update(what).digest('hex').slice(0, 16);
  return [{ moduleId, freshId: share.module, policy, target: share.percent, key }];
}

function clustersOf(entries: Iterable<{ readonly plan: Plan; readonly ramp: Ramp }>): readonly string[] {
  const names = [...entries].flatMap(({ plan, ramp }) =>
    ramp.phase === 'RAMPING' ? [moduleCluster(plan.moduleId), moduleCluster(plan.freshId)] : [],
  );
  return [...new Set(names)].sort();
}

function takeOf(fresh: ReadonlyMap<string, Outcomes>, moduleId: string): Outcomes {
  return fresh.get(moduleCluster(moduleId)) ?? NO_OUTCOMES;
}

function report(log: Logger, { moduleId, freshId, policy, target }: Plan, before: Ramp | undefined, now: Ramp): void {
  const percent = rampPercent(now, policy, target);
  if (before?.phase === now.phase && rampPercent(before, policy, target) === percent) return;
  const event = { module: moduleId, to: freshId, percent };
  if (now.phase === 'ROLLED_BACK') log.error({ event: 'ramp_rolled_back', ...event, reason: now.reason });
  else log.info({ event: now.phase === 'DONE' ? 'ramp_done' : 'ramp_step', ...event });
}

type Saved = z.output<typeof savedSchema>;

function toSaved(key: string, ramp: Ramp): Saved[string] {
  return {
    key,
    phase: ramp.phase,
    step: ramp.phase === 'RAMPING' ? ramp.step : 0,
    reason: ramp.phase === 'ROLLED_BACK' ? ramp.reason : '',
  };
}

function fromSaved(saved: Saved[string] | undefined, key: string, nowMs: number): Ramp {
  if (saved?.key !== key) return beginRamp(nowMs);
  switch (saved.phase) {
    case 'RAMPING':
      return beginRamp(nowMs, saved.step);
    case 'DONE':
      return { phase: 'DONE' };
    case 'ROLLED_BACK':
      return { phase: 'ROLLED_BACK', reason: saved.reason };
  }
}

/** A file that is not there or not readable means that nothing was ramped before. */
function readSaved(file: string): Saved {
  try {
    return savedSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
