import type { Clock } from '../../core/clock.ts';
import type { Orchestration } from '../../core/config/schema.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import type { MeshState, ModuleState, ModuleStates } from '../resources/content.ts';
import { latestOf, meshStates, nextExpiry, withoutExpired } from './router-reports.ts';
import type { ModuleReport, RouterReports } from './router-reports.ts';

type Views = ReadonlyMap<string, ModuleView>;

/** Joins what the loader tells of modules with what routers, and the rollout, do. */
export interface StateJoiner {
  /** Takes the loader's word. */
  setViews(views: Views): void;
  /** Takes a router's word, in place of its earlier one. It counts until the lease is over. */
  report(reporter: string, modules: readonly ModuleReport[]): void;
  /** Takes what routers have told the other control planes. */
  hear(reports: RouterReports): void;
  /** What routers have told this one, and holds still. */
  own(): RouterReports;
  /** Takes the present steps of ramps, in percent by module. */
  setRamps(percents: ReadonlyMap<string, number>): void;
  /** What was last told to `onChange`. */
  current(): ModuleStates;
  close(): void;
}

export interface StateJoinerOptions {
  readonly settings: Orchestration['mesh']['shared_breakers'];
  readonly clock: Clock;
  /** Told of the joined states after each change of either side; nothing before the loader's first word. */
  readonly onChange: (states: ModuleStates) => void;
  /** Told of each report of a router. */
  readonly onReport?: () => void;
}

/** Gives a joiner that has heard nothing. */
export function createStateJoiner({ settings, clock, onChange, onReport }: StateJoinerOptions): StateJoiner {
  let views: Views | undefined;
  let own: RouterReports = new Map();
  let heard: RouterReports = new Map();
  let ramps: ReadonlyMap<string, number> = new Map();
  let states: ModuleStates = new Map();
  let cancelExpiry: (() => void) | undefined;
  const join = createJoin();

  const update = (): void => {
    const nowMs = clock.monotonicMs();
    cancelExpiry?.();
    const still = withoutExpired(own, nowMs);
    if (still.size < own.size) own = still;
    const reports = withoutExpired(latestOf(own, heard), nowMs);
    const nextMs = nextExpiry(reports, nowMs);
    cancelExpiry = nextMs === undefined ? undefined : clock.after(nextMs - nowMs + 1, update);
    if (views === undefined) return;
    states = join(views, withRamps(meshStates(reports, settings, nowMs), ramps));
    onChange(states);
  };
  return {
    setViews: (next) => {
      views = next;
      update();
    },
    report: (reporter, modules) => {
      if (!settings.enabled) return;
      const saidAtMs = clock.monotonicMs();
      const expiresAtMs = saidAtMs + settings.lease * 1000;
      own = new Map([...own, [reporter, { saidAtMs, expiresAtMs, modules }]]);
      update();
      onReport?.();
    },
    hear: (reports) => {
      if (!settings.enabled || (reports.size === 0 && heard.size === 0)) return;
      heard = reports;
      update();
    },
    own: () => own,
    setRamps: (percents) => {
      ramps = percents;
      update();
    },
    current: () => states,
    close: () => {
      cancelExpiry?.();
    },
  };
}

function withRamps(
  mesh: ReadonlyMap<string, MeshState>,
  ramps: ReadonlyMap<string, number>,
): ReadonlyMap<string, MeshState> {
  const joined = new Map(mesh);
  for (const [moduleId, rampPercent] of ramps) joined.set(moduleId, { ...joined.get(moduleId), rampPercent });
  return joined;
}

/** A module of which nothing new is known stays the same object, so that nothing is made of it anew (resources/sharing.ts). */
function createJoin(): (views: Views, mesh: ReadonlyMap<string, MeshState>) => ModuleStates {
  const kept = new WeakMap<ModuleView, { readonly text: string; readonly state: ModuleState }>();
  const joined = (view: ModuleView, mesh: MeshState | undefined): ModuleState => {
    const text = JSON.stringify(mesh ?? {});
    if (mesh === undefined || text === '{}') return view;
    const last = kept.get(view);
    if (last?.text === text) return last.state;
    const state = { ...view, mesh };
    kept.set(view, { text, state });
    return state;
  };
  return (views, mesh) => new Map([...views].map(([id, view]) => [id, joined(view, mesh.get(id))]));
}
