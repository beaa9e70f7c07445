import type { ModuleSpec } from '../../core/config/schema.ts';
import { duration } from '../protobuf/messages.ts';
import type { Cluster } from '../protobuf/messages.ts';

/** How a client finds out which replicas to leave alone, and how much it asks of a module at the same time. */

/** Gives the part of a cluster that ejects failing replicas; Envoy and gRPC (gRFC A50) read the same message. */
export function outlierDetection({
  outlier_detection: outliers,
}: ModuleSpec): NonNullable<Cluster['outlier_detection']> {
  const gateway = outliers.consecutive_gateway_failures;
  return {
    // Envoy counts gRPC statuses as their HTTP equivalents: INTERNAL 500, UNAVAILABLE 503, DEADLINE_EXCEEDED 504.
    consecutive_5xx: { value: outliers.consecutive_failures },
    interval: duration(outliers.interval),
    base_ejection_time: duration(outliers.base_ejection_time),
    max_ejection_time: duration(Math.max(outliers.max_ejection_time, outliers.base_ejection_time)),
    max_ejection_percent: { value: outliers.max_ejection_percent },
    ...(gateway === undefined
      ? {}
      : { consecutive_gateway_failure: { value: gateway }, enforcing_consecutive_gateway_failure: { value: 100 } }),
    ...successRate(outliers.success_rate),
  };
}

function successRate(
  rate: ModuleSpec['outlier_detection']['success_rate'],
): Partial<NonNullable<Cluster['outlier_detection']>> {
  // Few replicas and few calls: rates over them say nothing, so by default only consecutive failures eject.
  if (rate === undefined) return { enforcing_success_rate: { value: 0 } };
  return {
    enforcing_success_rate: { value: 100 },
    success_rate_minimum_hosts: { value: rate.min_replicas },
    success_rate_request_volume: { value: rate.min_requests },
    // In thousandths.
    success_rate_stdev_factor: { value: Math.round(rate.deviations * 1000) },
  };
}

/** Gives Envoy's own checks of a module's sidecars, if the module asks for them. */
export function activeHealthChecks({
  health_check: check,
  module_id: moduleId,
}: ModuleSpec): Pick<Cluster, 'health_checks'> {
  if (check === undefined) return {};
  return {
    health_checks: [
      {
        interval: duration(check.interval),
        // Envoy waits 60 s between checks of a cluster that has had no call yet, unless told otherwise.
        no_traffic_interval: duration(check.interval),
        timeout: duration(check.timeout),
        unhealthy_threshold: { value: check.unhealthy_threshold },
        healthy_threshold: { value: check.healthy_threshold },
        // For the whole server: whether it takes queries. Envoy's own choice of authority, the cluster's name, is no valid one.
        grpc_health_check: { authority: moduleId },
      },
    ],
  };
}

/** Gives the limits on what is in flight to a module, retries among them. */
export function inFlightLimits({
  in_flight_limits: limits,
  retry,
}: ModuleSpec): NonNullable<Cluster['circuit_breakers']> {
  return {
    thresholds: [
      {
        priority: 'DEFAULT',
        max_connections: { value: limits.max_connections },
        max_pending_requests: { value: limits.max_pending_requests },
        max_requests: { value: limits.max_requests },
        max_retries: { value: limits.max_retries },
        ...(retry.budget === undefined
          ? {}
          : {
              retry_budget: {
                budget_percent: { value: retry.budget.percent },
                min_retry_concurrency: { value: retry.budget.min_concurrent },
              },
            }),
      },
    ],
  };
}
