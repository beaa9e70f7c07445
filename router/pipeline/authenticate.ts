import { FrontierError } from '../../core/errors.ts';
import type { Orchestration, Permission } from '../../core/config/schema.ts';
import { PERMISSIONS } from '../../core/config/schema.ts';
import { findApiKey } from '../../core/config/api-key.ts';
import type { Principal } from '../domain/principal.ts';
import { highestOf, lowerOf } from '../domain/priority.ts';

/** What a caller shows. */
export interface Credentials {
  /** Value of the `authorization` header. */
  readonly authorization: string | undefined;
  /** Value of the `x-api-key` header. */
  readonly apiKey: string | undefined;
  /** Remote address, with or without its port. */
  readonly peer: string;
}

/** Tells who calls. Throws UNAUTHENTICATED. */
export type Authenticate = (credentials: Credentials) => Principal;

type Security = Orchestration['security'];

const LOCAL_ADMIN: Principal = {
  tenant: 'default',
  subject: 'local',
  permissions: new Set(PERMISSIONS),
  modules: undefined,
};

/** Creates the authentication of the configured keys. Without any, loopback is served, and every caller is an administrator. */
export function createAuthenticate(security: Security): Authenticate {
  if (security.api_keys.length === 0) {
    const { priority, max_priority: maxPriority } = security.tenants[LOCAL_ADMIN.tenant] ?? {};
    const principal = { ...LOCAL_ADMIN, ...(priority && { priority }), ...(maxPriority && { maxPriority }) };
    return (credentials) => authenticateLoopback(credentials, principal);
  }
  const keys = security.api_keys.map((entry) => ({ hash: entry.hash, principal: principalOf(entry, security) }));
  return (credentials) => {
    const shown = shownKey(credentials);
    if (shown === undefined) {
      throw new FrontierError('UNAUTHENTICATED', 'show an API key, as "authorization: Bearer KEY" or "x-api-key: KEY"');
    }
    const match = findApiKey(keys, shown);
    if (match === undefined) throw new FrontierError('UNAUTHENTICATED', 'the API key is not known');
    return match.principal;
  };
}

/** Throws PERMISSION_DENIED unless a principal may do what the permission stands for. */
export function requirePermission(principal: Principal, permission: Permission): void {
  if (principal.permissions.has(permission)) return;
  throw new FrontierError('PERMISSION_DENIED', `the roles of ${principal.subject} do not include "${permission}"`, {
    metadata: { permission },
  });
}

function authenticateLoopback({ peer }: Credentials, principal: Principal): Principal {
  if (isLoopback(peer)) return principal;
  throw new FrontierError('UNAUTHENTICATED', 'no API keys are configured, so only callers on this machine are served');
}

function shownKey({ authorization, apiKey }: Credentials): string | undefined {
  const bearer = authorization === undefined ? undefined : /^Bearer +(\S+)\s*$/i.exec(authorization)?.[1];
  return bearer ?? (apiKey === '' ? undefined : apiKey);
}

function principalOf(entry: Security['api_keys'][number], { roles, tenants }: Security): Principal {
  const held = entry.roles.flatMap((role) => roles[role] ?? []);
  const modules = new Set(held.flatMap((role) => role.modules));
  const tenant = tenants[entry.tenant];
  const highest = highestOf(held.map((role) => role.max_priority));
  return {
    tenant: entry.tenant,
    subject: entry.subject ?? entry.id,
    permissions: new Set(held.flatMap((role) => role.permissions)),
    modules: modules.has('*') ? undefined : modules,
    priority: tenant?.priority ?? 'normal',
    maxPriority: lowerOf(highest, tenant?.max_priority ?? 'critical'),
  };
}

/** Tells whether an address is one of this machine's own: 127.0.0.0/8, ::1, or a Unix socket. */
export function isLoopback(peer: string): boolean {
  return /^(?:\[?(?:::ffff:)?127(?:\.\d{1,3}){3}\]?|\[?::1\]?)(?::\d+)?$/.test(peer) || peer.startsWith('unix:');
}
