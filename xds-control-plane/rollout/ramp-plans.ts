import { createHash } from 'node:crypto';
import type { Logger } from '../../core/logging.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { moduleCluster } from '../resources/names.ts';
import { rampPercent } from './ramp.ts';
import type { Ramp, RampPolicy } from './ramp.ts';

type Views = ReadonlyMap<string, ModuleView>;

/** A ramp as the specification asks for it. */
export interface Plan {
  readonly moduleId: string;
  readonly freshId: string;
  readonly policy: RampPolicy;
  readonly target: number;
  /** Changes with what is ramped, and how: then the ramp begins anew. */
  readonly key: string;
}

/** A ramp and how far it is. */
export interface Entry {
  readonly plan: Plan;
  readonly ramp: Ramp;
}

/** Gives the ramps that the modules ask for, by module. */
export function plansIn(views: Views): ReadonlyMap<string, Plan> {
  return new Map([...views.values()].flatMap((view) => plansOf(view, views)).map((plan) => [plan.moduleId, plan]));
}

function plansOf({ moduleId, spec }: ModuleView, views: Views): Plan[] {
  const { ramp: policy, split } = spec.traffic;
  const [share] = split;
  if (policy === undefined || share === undefined) return [];
  const what = JSON.stringify([spec.traffic, views.get(share.module)?.specVersion ?? '']);
  const key = createHash('sha256').update(what).digest('hex').slice(0, 16);
  return [{ moduleId, freshId: share.module, policy, target: share.percent, key }];
}

/** Gives the clusters whose outcomes ramps are judged by, in order. */
export function clustersOf(entries: Iterable<Entry>): readonly string[] {
  const names = [...entries].flatMap(({ plan, ramp }) =>
    ramp.phase === 'RAMPING' ? [moduleCluster(plan.moduleId), moduleCluster(plan.freshId)] : [],
  );
  return [...new Set(names)].sort();
}

/** Tells the log of a step, or of the end. */
export function reportStep(
  log: Logger,
  { moduleId, freshId, policy, target }: Plan,
  before: Ramp | undefined,
  now: Ramp,
): void {
  const percent = rampPercent(now, policy, target);
  if (before?.phase === now.phase && rampPercent(before, policy, target) === percent) return;
  const event = { module: moduleId, to: freshId, percent };
  if (now.phase === 'ROLLED_BACK') log.error({ event: 'ramp_rolled_back', ...event, reason: now.reason });
  else log.info({ event: now.phase === 'DONE' ? 'ramp_done' : 'ramp_step', ...event });
}
