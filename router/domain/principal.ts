import type { Permission } from '../../core/config/schema.ts';

/** Who asks, and what they may do. */
export interface Principal {
  readonly tenant: string;
  /** User or service that the credentials stand for. */
  readonly subject: string;
  readonly permissions: ReadonlySet<Permission>;
  /** Modules that may be used; undefined means all. */
  readonly modules: ReadonlySet<string> | undefined;
}

/** Tells whether a principal may use a module. */
export function mayUse(principal: Principal, moduleId: string): boolean {
  return principal.modules === undefined || principal.modules.has(moduleId);
}
