import { isLoopback } from './check-orchestration.ts';
import { claimedIds, idsAreComplete } from './check-references.ts';
import { duplicateIndexes, isSet, type ConfigDraft } from './draft.ts';
import type { Orchestration } from './schema.ts';
import { didYouMean } from './suggest.ts';
import type { Finding } from './validate.ts';

const SECURITY = ['orchestration', 'security'];

/** Gives what is wrong with keys and roles: a grant that does nothing, or a door that is open without one. */
export function checkSecurity(draft: ConfigDraft): Finding[] {
  const { value, raw } = draft.orchestration;
  if (value === undefined) return [];
  return [...checkAddress(value), ...checkRolesAreUsed(value, raw), ...checkKeys(value), ...checkRoles(value, draft)];
}

function checkAddress({ network, security }: Orchestration): Finding[] {
  if (isLoopback(network.address) || security.api_keys.length > 0) return [];
  const message = `is "${network.address}", beyond loopback, which needs at least one key in security.api_keys`;
  return [{ path: ['orchestration', 'network', 'address'], message }];
}

function checkRolesAreUsed({ security }: Orchestration, raw: unknown): Finding[] {
  const path = [...SECURITY, 'roles'];
  if (security.api_keys.length > 0 || !isSet(raw, path)) return [];
  return [{ path, message: 'has no effect: without security.api_keys every caller is an administrator' }];
}

function checkKeys({ security: { api_keys: keys, roles } }: Orchestration): Finding[] {
  const names = Object.keys(roles);
  return [
    ...(['id', 'hash'] as const).flatMap((field) =>
      duplicateIndexes(keys.map((key) => key[field])).map((index) => ({
        path: [...SECURITY, 'api_keys', index, field],
        message: `is the ${field} of an earlier key`,
      })),
    ),
    ...keys.flatMap((key, index) =>
      key.roles.flatMap((role, position) =>
        names.includes(role)
          ? []
          : [
              {
                path: [...SECURITY, 'api_keys', index, 'roles', position],
                message: `"${role}" is not a role of security.roles${didYouMean(role, names)}`,
              },
            ],
      ),
    ),
  ];
}

function checkRoles({ security: { roles } }: Orchestration, draft: ConfigDraft): Finding[] {
  const known = claimedIds(draft).filter((id) => id !== undefined);
  const complete = idsAreComplete(draft);
  return Object.entries(roles).flatMap(([name, role]) => {
    const path = [...SECURITY, 'roles', name, 'modules'];
    if (role.permissions.includes('route') && role.modules.length === 0) {
      return [{ path, message: 'is empty, so the permission "route" has no effect' }];
    }
    return role.modules.flatMap((id, index) =>
      id === '*' || known.includes(id) || !complete
        ? []
        : [{ path: [...path, index], message: `"${id}" is not the id of a module${didYouMean(id, known)}` }],
    );
  });
}
