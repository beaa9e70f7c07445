import { readyReplicas } from '../../core/modules/module-view.ts';
import type { ModuleState, ModuleStates } from './content.ts';

/** A module's part of the calls that are meant for another, or for itself. */
export interface Share {
  readonly moduleId: string;
  /** Whole number, at least 1; relative to the others'. */
  readonly weight: number;
}

/** Weights are in hundredths of a percent of what was configured. */
const PER_PERCENT = 100;

/**
 * Gives who takes the calls to a module, and in which shares (checklist 68): its split, or the present step of its ramp;
 * learned weights make shares smaller. A module without ready replica, or with an open breaker, takes none while another
 * can. Empty when every breaker is open, and then calls are refused at once.
 */
export function sharesOf(module: ModuleState, states: ModuleStates): readonly Share[] {
  const { split } = module.spec.traffic;
  if (split.length === 0) return isOpen(module) ? [] : [{ moduleId: module.moduleId, weight: 1 }];
  const closed = weighted(module, states).filter(({ state }) => !isOpen(state));
  const ready = closed.filter(({ state }) => readyReplicas(state).length > 0);
  const shares = (ready.length > 0 ? ready : closed).map(({ state, weight }) => ({ moduleId: state.moduleId, weight }));
  const positive = shares.filter(({ weight }) => weight > 0);
  // All that is left may be versions that were configured to get nothing: any answer is better than none.
  return positive.length > 0 ? positive : shares.map(({ moduleId }) => ({ moduleId, weight: 1 }));
}

function weighted(
  module: ModuleState,
  states: ModuleStates,
): readonly { readonly state: ModuleState; readonly weight: number }[] {
  const ramped = module.mesh?.rampPercent;
  const others = module.spec.traffic.split.flatMap(({ module: id, percent }) => {
    const state = states.get(id);
    return state === undefined ? [] : [{ state, percent: ramped === undefined ? percent : Math.min(percent, ramped) }];
  });
  const rest = 100 - others.reduce((sum, { percent }) => sum + percent, 0);
  return [{ state: module, percent: Math.max(0, rest) }, ...others].map(({ state, percent }) => ({
    state,
    weight: weightOf(percent, state.mesh?.shareFactor ?? 1),
  }));
}

/** What is to get something gets at least 1, however small its share. */
function weightOf(percent: number, factor: number): number {
  return percent === 0 ? 0 : Math.max(1, Math.round(percent * PER_PERCENT * factor));
}

function isOpen(state: ModuleState): boolean {
  return state.mesh?.breakerOpen === true;
}
