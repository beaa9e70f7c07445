import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logging.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { moduleCluster } from '../resources/names.ts';
import { advanceRamp, NO_OUTCOMES, rampPercent, sumOf } from './ramp.ts';
import type { Outcomes } from './ramp.ts';
import { clustersOf, plansIn, reportStep } from './ramp-plans.ts';
import type { Entry } from './ramp-plans.ts';
import { fromSaved, rampFile, toShared } from './saved-ramps.ts';
import type { SavedRamps, SharedRamps } from './saved-ramps.ts';

type Views = ReadonlyMap<string, ModuleView>;

/** Sees every module's ramp through. */
export interface Rollout {
  /** Takes the modules as the loader tells them: ramps begin, and those of modules that are gone end. */
  update(views: Views): void;
  /** Takes how calls of a cluster have ended since the last report of one Envoy. */
  add(cluster: string, outcomes: Outcomes): void;
  /** Gives how ramps stand after what has been seen since the last time; it holds once `commit` is called. */
  propose(): Proposal;
  /** Takes what another control plane has decided, in place of what was seen here. */
  follow(decided: SavedRamps): void;
  /** Clusters whose outcomes are wanted now, in order. */
  clusters(): readonly string[];
  /** Calls back when other clusters are wanted; the returned function ends it. */
  onClusters(listener: () => void): () => void;
  close(): void;
}

export interface Proposal {
  readonly ramps: SharedRamps;
  readonly commit: () => void;
}

export interface RolloutOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** File in which phases outlive the process: what was rolled back must not begin anew by a restart. */
  readonly file: string;
  /** Whether this is the only control plane, which then decides by itself; otherwise `propose` and `follow` are called. */
  readonly alone: boolean;
  /** Takes the present shares of new modules, in percent by the module that they are split from. */
  readonly onShares: (percents: ReadonlyMap<string, number>) => void;
}

const INTERVAL_MS = 1_000;

/** Gives a rollout that knows of no module yet. */
export function createRollout({ clock, log, file: filePath, alone, onShares }: RolloutOptions): Rollout {
  const listeners = new Set<() => void>();
  const file = rampFile(filePath);
  let entries: ReadonlyMap<string, Entry> = new Map();
  let unjudged = new Map<string, Outcomes>();
  let saved: SavedRamps = file.read();
  let told = '';
  let wanted: readonly string[] = [];

  const tell = (): void => {
    const shares = new Map(
      [...entries].map(([id, { plan, ramp }]) => [id, rampPercent(ramp, plan.policy, plan.target)] as const),
    );
    const text = JSON.stringify([...shares]);
    if (text === told) return;
    told = text;
    onShares(shares);
  };
  const want = (): void => {
    const next = clustersOf(entries.values());
    if (JSON.stringify(next) === JSON.stringify(wanted)) return;
    wanted = next;
    for (const listener of listeners) listener();
  };
  const adopt = (next: ReadonlyMap<string, Entry>): void => {
    for (const [id, { plan, ramp }] of next) {
      const before = entries.get(id);
      reportStep(log, plan, before?.plan.key === plan.key ? before.ramp : undefined, ramp);
    }
    entries = next;
    saved = toShared(entries, clock.monotonicMs());
    file.write(saved);
    tell();
    want();
  };
  const propose = (): Proposal => {
    const nowMs = clock.monotonicMs();
    const seen = unjudged;
    unjudged = new Map();
    const of = (moduleId: string): Outcomes => seen.get(moduleCluster(moduleId)) ?? NO_OUTCOMES;
    const next = new Map(
      [...entries].map(([id, { plan, ramp }]) => {
        const outcomes = { main: of(plan.moduleId), fresh: of(plan.freshId) };
        return [id, { plan, ramp: advanceRamp(ramp, outcomes, plan.policy, plan.target, nowMs) }] as const;
      }),
    );
    const commit = (): void => {
      // What the loader has told meanwhile stays.
      adopt(new Map([...entries].map(([id, entry]) => [id, sameRamp(next.get(id), entry) ?? entry])));
    };
    return { ramps: toShared(next, nowMs), commit };
  };
  const stop = alone
    ? clock.every(INTERVAL_MS, () => {
        propose().commit();
      })
    : undefined;
  return {
    update: (views) => {
      const plans = plansIn(views);
      if (plans.size === 0 && entries.size === 0) return;
      const nowMs = clock.monotonicMs();
      const next = [...plans].map(([id, plan]): [string, Entry] => {
        const known = entries.get(id);
        return [id, known?.plan.key === plan.key ? known : { plan, ramp: fromSaved(saved[id], plan.key, nowMs) }];
      });
      adopt(new Map(next));
    },
    add: (cluster, outcomes) => {
      if (wanted.includes(cluster)) unjudged.set(cluster, sumOf(unjudged.get(cluster) ?? NO_OUTCOMES, outcomes));
    },
    propose,
    follow: (decided) => {
      unjudged = new Map();
      const nowMs = clock.monotonicMs();
      const next = [...entries].map(([id, { plan, ramp }]): [string, Entry] => {
        const word = decided[id];
        return [id, { plan, ramp: word?.key === plan.key ? fromSaved(word, plan.key, nowMs) : ramp }];
      });
      adopt(new Map(next));
      // A module may be told of here later than there.
      saved = { ...decided, ...saved };
    },
    clusters: () => wanted,
    onClusters: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      stop?.();
      listeners.clear();
    },
  };
}

function sameRamp(next: Entry | undefined, now: Entry): Entry | undefined {
  return next?.plan.key === now.plan.key ? next : undefined;
}
