import type { Orchestration } from '../../core/config/schema.ts';
import { extension } from '../protobuf/messages.ts';
import type { Extension } from '../protobuf/messages.ts';

/** Who gets through the edge, where it is asked to enforce that. The router authenticates API keys itself. */

/** One filter of a listener's chain. */
export interface HttpFilter {
  readonly name: string;
  readonly typed_config: Extension;
}

type Edge = Orchestration['mesh']['edge'];

const JWT_FILTER = 'envoy.filters.http.jwt_authn';
const PROVIDER = 'edge';

/** Gives the filter that lets only requests with a valid token through, public paths and preflights apart. */
export function jwtFilter(jwt: NonNullable<Edge['jwt']>): HttpFilter {
  return {
    name: JWT_FILTER,
    typed_config: extension('envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', {
      providers: {
        [PROVIDER]: {
          issuer: jwt.issuer,
          audiences: jwt.audiences,
          require_expiration: true,
          local_jwks: jwt.jwks_file === undefined ? { inline_string: jwt.jwks } : { filename: jwt.jwks_file },
          forward: jwt.forward,
          payload_in_metadata: PROVIDER,
        },
      },
      // The first that matches counts.
      rules: [
        ...jwt.public_paths.map((prefix) => ({ match: { prefix } })),
        { match: { prefix: '/' }, requires: { provider_name: PROVIDER } },
      ],
      bypass_cors_preflight: true,
    }),
  };
}

/** Gives the filter that lets through what at least one rule allows; GET /health always is, since `frontier up` asks it. */
export function rbacFilter(rules: Edge['rbac']): HttpFilter {
  const policies = rules.map((rule): [string, object] => [
    rule.name,
    { permissions: [permission(rule.paths)], principals: [principal(rule)] },
  ]);
  return {
    name: 'envoy.filters.http.rbac',
    typed_config: extension('envoy.extensions.filters.http.rbac.v3.RBAC', {
      rules: {
        action: 'ALLOW',
        policies: Object.fromEntries([
          ...policies,
          [
            'frontier-health',
            { permissions: [{ url_path: { path: { exact: '/health' } } }], principals: [{ any: true }] },
          ],
        ]),
      },
    }),
  };
}

function permission(paths: readonly string[]): object {
  return paths.length === 0
    ? { any: true }
    : { or_rules: { rules: paths.map((prefix) => ({ url_path: { path: { prefix } } })) } };
}

function principal({ cidrs, claims }: Edge['rbac'][number]): object {
  const addresses = cidrs.map((cidr) => {
    const [address = '', length = ''] = cidr.split('/');
    return { remote_ip: { address_prefix: address, prefix_len: { value: Number(length) } } };
  });
  const ids = [
    ...(addresses.length === 0 ? [] : [{ or_ids: { ids: addresses } }]),
    ...Object.entries(claims).map(([claim, values]) => ({
      or_ids: { ids: values.flatMap((value) => hasClaim(claim, value)) },
    })),
  ];
  return ids.length === 0 ? { any: true } : { and_ids: { ids } };
}

/** A claim is a text, or a list that holds it. */
function hasClaim(claim: string, value: string): readonly object[] {
  const path = [{ key: PROVIDER }, { key: claim }];
  const text = { string_match: { exact: value } };
  return [text, { list_match: { one_of: text } }].map((match) => ({
    metadata: { filter: JWT_FILTER, path, value: match },
  }));
}
