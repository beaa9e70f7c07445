import type { QueryClass } from '../../core/config/schema.ts';
import type { ModuleStatus } from './module-status.ts';
import { textHash } from './text-hash.ts';

/** Parts the hash that says whether a module takes part from others over the same request. */
const SEED = 3;

/** Tells whether a module with a share takes a query: as many request ids as the share has it, always the same ones. */
export function takesPart({ spec, share }: Pick<ModuleStatus, 'spec' | 'share'>, requestId: string): boolean {
  if (share === undefined) return true;
  return textHash(`${requestId}\n${spec.module_id}`, SEED) / 2 ** 32 < share.fraction;
}

/**
 * Gives the modules that do not take a query, because their share is used up and somebody can stand in for them: for one that is
 * back after a failure a ready module of the same class, for one that is getting worse or out of resources any ready module of the plan. Without a
 * stand-in a module gets every query, whatever its share.
 */
export function heldOff(
  candidates: readonly ModuleStatus[],
  requestId: string,
  queryClass: QueryClass,
): ReadonlySet<ModuleStatus> {
  // Nearly always nobody has a share.
  if (candidates.every(({ share }) => share === undefined)) return NOBODY;
  const idle = candidates.filter((status) => !takesPart(status, requestId));
  const standIns = candidates.filter((status) => status.readyReplicas > 0 && !idle.includes(status));
  return new Set(
    idle.filter(({ share }) =>
      standIns.some(({ spec }) => share?.reason !== 'slow_start' || spec.query_classes.includes(queryClass)),
    ),
  );
}

const NOBODY: ReadonlySet<ModuleStatus> = new Set();
