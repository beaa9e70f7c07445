import type { Permission } from '../../core/config/schema.ts';
import type { Priority } from './priority.ts';

/** Who asks, and what they may do. */
export interface Principal {
  readonly tenant: string;
  /** User or service that the credentials stand for. */
  readonly subject: string;
  readonly permissions: ReadonlySet<Permission>;
  /** Modules that may be used; undefined means all. */
  readonly modules: ReadonlySet<string> | undefined;
  /** Priority of requests that name none; normal when left out. */
  readonly priority?: Priority;
  /** Highest priority that requests may have; critical when left out. */
  readonly maxPriority?: Priority;
}

/** Tells whether a principal may use a module. */
export function mayUse(principal: Principal, moduleId: string): boolean {
  return principal.modules === undefined || principal.modules.has(moduleId);
}
