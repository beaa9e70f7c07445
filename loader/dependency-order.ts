import { FrontierError } from '../core/errors.ts';

/** What order needs to know of a module. */
export interface Dependent {
  readonly module_id: string;
  readonly dependencies: readonly string[];
}

/**
 * Gives the modules in levels: each stands behind all that it depends on, and those of one level are independent of one
 * another. Start them in this order, stop them in reverse. Dependencies that are not among `modules` are passed over
 * (configuration refuses them). Throws CONFIG_INVALID for a cycle, naming its members.
 */
export function dependencyLevels<Module extends Dependent>(modules: readonly Module[]): readonly (readonly Module[])[] {
  const levels: Module[][] = [];
  const known = new Set(modules.map(({ module_id }) => module_id));
  const placed = new Set<string>();
  let left = [...modules];
  while (left.length > 0) {
    const free = left.filter(({ dependencies }) => dependencies.every((id) => !known.has(id) || placed.has(id)));
    if (free.length === 0) throw cycleError(left);
    for (const { module_id } of free) placed.add(module_id);
    levels.push(free);
    left = left.filter(({ module_id }) => !placed.has(module_id));
  }
  return levels;
}

/** Gives the modules that name `moduleId` as a dependency. */
export function dependantsOf<Module extends Dependent>(
  moduleId: string,
  modules: readonly Module[],
): readonly Module[] {
  return modules.filter(({ dependencies }) => dependencies.includes(moduleId));
}

function cycleError(members: readonly Dependent[]): FrontierError {
  const names = members.map(({ module_id }) => module_id).join(', ');
  return new FrontierError('CONFIG_INVALID', `modules depend on one another in a circle: ${names}`);
}
