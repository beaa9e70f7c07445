import { FrontierError } from '../../core/errors.ts';
import { toStatus } from '../../core/grpc/status.ts';
import type { ModuleSpec } from '../../core/config/schema.ts';
import { duration, extension } from '../protobuf/messages.ts';
import type { RouteConfiguration } from '../protobuf/messages.ts';
import { readyReplicas } from '../../core/modules/module-view.ts';
import type { ModuleState, ModuleStates } from './content.ts';
import { moduleCluster } from './names.ts';
import { sharesOf } from './shares.ts';
import type { Share } from './shares.ts';

export type VirtualHost = NonNullable<RouteConfiguration['virtual_hosts']>[number];
type Route = NonNullable<VirtualHost['routes']>[number];
export type RouteAction = NonNullable<Route['route']>;

/**
 * No time limit of Envoy's own: streams last as long as their caller wants. A gRPC caller's deadline is kept as it is
 * (0 = no upper bound), and is passed on.
 */
export const CALLERS_DEADLINE: RouteAction = {
  timeout: duration(0),
  max_stream_duration: { grpc_timeout_header_max: duration(0) },
};

/** What decides how calls to a module are routed, besides its specification: all that is not in its own state. */
export interface RouteInputs {
  readonly shares: readonly Share[];
  /** Modules that get copies and can take them. */
  readonly mirrors: readonly { readonly moduleId: string; readonly percent: number }[];
}

/** Gives what a module's route is made of. */
export function routeInputs(module: ModuleState, states: ModuleStates): RouteInputs {
  return {
    shares: sharesOf(module, states),
    mirrors: module.spec.traffic.mirror
      .map(({ module: moduleId, percent }) => ({ moduleId, percent }))
      .filter(({ moduleId, percent }) => percent > 0 && isReady(states.get(moduleId))),
  };
}

function isReady(state: ModuleState | undefined): boolean {
  return state !== undefined && readyReplicas(state).length > 0;
}

/** Gives the mesh's routes for one module: `:authority` is its id, with or without a port. */
export function moduleVirtualHost(spec: ModuleSpec, inputs: RouteInputs): VirtualHost {
  const { module_id: id } = spec;
  return {
    name: id,
    domains: [id, `${id}:*`],
    retry_policy: retryPolicy(spec),
    routes: [{ name: id, match: { prefix: '/' }, ...actionOf(spec, inputs) }],
  };
}

function actionOf(
  spec: ModuleSpec,
  inputs: RouteInputs,
): Pick<Route, 'route' | 'direct_response' | 'response_headers_to_add'> {
  if (inputs.shares.length === 0) return refusal(spec.module_id);
  const { policy, session_header: header } = spec.load_balancing;
  return {
    route: {
      ...destination(inputs.shares),
      ...CALLERS_DEADLINE,
      idle_timeout: duration(spec.timeouts.stream_idle),
      ...(policy === 'ring_hash' ? { hash_policy: [{ header: { header_name: header } }] } : {}),
      ...(inputs.mirrors.length === 0 ? {} : { request_mirror_policies: inputs.mirrors.map(mirrorPolicy) }),
    },
  };
}

/** One cluster, or several with weights. */
export function destination(shares: readonly Share[]): RouteAction {
  const [only] = shares;
  if (only !== undefined && shares.length === 1) return { cluster: moduleCluster(only.moduleId) };
  return {
    weighted_clusters: {
      clusters: shares.map(({ moduleId, weight }) => ({ name: moduleCluster(moduleId), weight: { value: weight } })),
    },
  };
}

function mirrorPolicy({
  moduleId,
  percent,
}: RouteInputs['mirrors'][number]): NonNullable<RouteAction['request_mirror_policies']>[number] {
  return {
    cluster: moduleCluster(moduleId),
    runtime_fraction: { default_value: { numerator: Math.round(percent * 10_000), denominator: 'MILLION' } },
  };
}

/**
 * An open breaker: the call is refused at once, so that the router takes the plan's next module. gRPC sees UNAVAILABLE with
 * the reason, by which a router tells it from a failure of the module.
 */
function refusal(moduleId: string): Pick<Route, 'direct_response' | 'response_headers_to_add'> {
  const text = `${moduleId} has failed repeatedly and is given time to recover`;
  const { metadata } = toStatus(new FrontierError('BREAKER_OPEN', text, { metadata: { module_id: moduleId } }));
  const [key = '', value = ''] = Object.entries(metadata.toHttp2Headers())[0] ?? [];
  return {
    direct_response: { status: 503, body: { inline_string: text } },
    response_headers_to_add: [{ header: { key, value: String(value) } }],
  };
}

/**
 * Times that Envoy may pick again before it sends to the host that has just failed after all. A host to which no connection
 * can be made has the fewest requests, so that of two it is picked three times out of four by least request: few picks would
 * lose calls while a replica is gone that Envoy has not heard of.
 */
const HOST_PICKS = 64;

/**
 * By default only what has certainly not been worked on is sent again, once, to another host: everything else is the
 * plan's decision, which knows what a second answer costs.
 */
export function retryPolicy({ retry }: Pick<ModuleSpec, 'retry'>): NonNullable<VirtualHost['retry_policy']> {
  return {
    retry_on: retry.on.join(','),
    num_retries: { value: retry.attempts },
    ...(retry.per_try_timeout === undefined ? {} : { per_try_timeout: duration(retry.per_try_timeout) }),
    retry_back_off: { base_interval: duration(retry.back_off), max_interval: duration(retry.back_off * 10) },
    retry_host_predicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        typed_config: extension('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate', {}),
      },
    ],
    host_selection_retry_max_attempts: HOST_PICKS,
  };
}
