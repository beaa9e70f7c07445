import type { Orchestration } from '../../core/config/schema.ts';
import type { ModuleRecord } from './module-record.ts';

/**
 * Gives why a module is to be started anew; undefined when it is not. Its breaker has opened again and again although the
 * process lives: waiting alone does not mend it. What runs elsewhere is not ours to start.
 */
export function needsRestart(
  { breaker, spec, readyReplicas }: Pick<ModuleRecord, 'breaker' | 'spec' | 'readyReplicas'>,
  { enabled, after_openings: afterOpenings }: Orchestration['fallback']['healing']['restart'],
): string | undefined {
  if (!enabled || breaker.phase !== 'OPEN' || breaker.byHand) return undefined;
  // Again after as many more, not with each one: the new process must have had its chance.
  if (breaker.openings.count % afterOpenings !== 0 || readyReplicas === 0) return undefined;
  if (spec.workload === undefined || spec.adapter.url !== undefined) return undefined;
  return `its breaker has opened ${breaker.openings.count} times although it runs`;
}
