import type { Orchestration } from '../../core/config/schema.ts';
import type { MeshState } from '../resources/content.ts';

/** What one router says of one module. */
export interface ModuleReport {
  readonly moduleId: string;
  /** Until when its breaker refuses calls; undefined while it lets them through. */
  readonly openUntilMs: number | undefined;
  /** What the module deserves of its configured share in a split, from 0 to 1; undefined for all. */
  readonly weight: number | undefined;
  /** Whether the router has seen itself what opened the breaker, rather than heard of it from another. */
  readonly isOwn: boolean;
}

/** What one router last said. */
export interface RouterReport {
  readonly saidAtMs: number;
  readonly expiresAtMs: number;
  readonly modules: readonly ModuleReport[];
}

/** Reports by router. Never edited, replaced whole. Times are on one monotonic clock. */
export type RouterReports = ReadonlyMap<string, RouterReport>;

type Settings = Orchestration['mesh']['shared_breakers'];

/**
 * Gives the reports of one control plane and what it has heard from others: of each router the latest. That one has nothing to say
 * any more is kept as its word until its lease is over, since another control plane may still have its earlier one.
 */
export function latestOf(own: RouterReports, heard: RouterReports): RouterReports {
  const latest = new Map(own);
  for (const [reporter, report] of heard) {
    if ((latest.get(reporter)?.saidAtMs ?? -Infinity) < report.saidAtMs) latest.set(reporter, report);
  }
  return latest;
}

/** Gives the reports that still count: a router that has died must not keep a module closed. */
export function withoutExpired(reports: RouterReports, nowMs: number): RouterReports {
  return new Map([...reports].filter(([, { expiresAtMs }]) => expiresAtMs > nowMs));
}

/** Gives when something in the reports next ceases to count; undefined when nothing does. */
export function nextExpiry(reports: RouterReports, nowMs: number): number | undefined {
  const times = [...reports.values()].flatMap(({ expiresAtMs, modules }) => [
    expiresAtMs,
    ...modules.flatMap(({ openUntilMs }) => (openUntilMs === undefined ? [] : [openUntilMs])),
  ]);
  const ahead = times.filter((time) => time > nowMs);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

/**
 * Gives what the reports come to, by module: a breaker counts as open when as many routers as the quorum have seen that themselves
 * (routers of one store copy each other's breakers, which says nothing new), and a share shrinks by the mean of the weights given,
 * but never below the configured floor.
 */
export function meshStates(reports: RouterReports, settings: Settings, nowMs: number): ReadonlyMap<string, MeshState> {
  const byModule = new Map<string, { open: number; weights: number[] }>();
  // In the same order everywhere, so that sums are the same at every control plane.
  const ordered = [...reports].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [, { expiresAtMs, modules }] of ordered) {
    if (expiresAtMs <= nowMs) continue;
    for (const { moduleId, openUntilMs, weight, isOwn } of modules) {
      const entry = byModule.get(moduleId) ?? { open: 0, weights: [] };
      byModule.set(moduleId, entry);
      if (isOwn && openUntilMs !== undefined && openUntilMs > nowMs) entry.open += 1;
      if (weight !== undefined) entry.weights.push(weight);
    }
  }
  const floor = settings.min_weight_percent / 100;
  return new Map(
    [...byModule].map(([moduleId, { open, weights }]) => [
      moduleId,
      {
        ...(open >= settings.quorum ? { breakerOpen: true } : {}),
        ...(weights.length === 0 ? {} : { shareFactor: shareFactor(weights, floor) }),
      },
    ]),
  );
}

/** In hundredths, so that weights that hardly move cause no push. */
function shareFactor(weights: readonly number[], floor: number): number {
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return Math.round(Math.min(1, Math.max(floor, mean)) * 100) / 100;
}
