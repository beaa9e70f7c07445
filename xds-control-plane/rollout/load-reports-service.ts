import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { contextOf } from '../../core/grpc/handlers.ts';
import type { CallContext } from '../../core/grpc/handlers.ts';
import { toStatus } from '../../core/grpc/status.ts';
import { duration } from '../protobuf/messages.ts';
import type { Codec } from '../protobuf/codec.ts';
import { CONFIDENCE_METRIC } from '../resources/names.ts';
import { NO_OUTCOMES, sumOf } from './ramp.ts';
import type { Outcomes } from './ramp.ts';
import type { Rollout } from './rollout.ts';

/** envoy.service.load_stats.v3.LoadStatsRequest, as far as it is read. */
interface LoadStatsRequest {
  readonly cluster_stats?: readonly ClusterStats[];
}

interface ClusterStats {
  readonly cluster_name?: string;
  readonly upstream_locality_stats?: readonly {
    readonly total_successful_requests?: number;
    readonly total_error_requests?: number;
    readonly load_metric_stats?: readonly {
      readonly metric_name?: string;
      readonly num_requests_finished_with_metric?: number;
      readonly total_metric_value?: number;
    }[];
  }[];
}

export interface LoadReportsOptions {
  readonly rollout: Pick<Rollout, 'add' | 'clusters' | 'onClusters'>;
  /** Throws when the caller may not report. */
  readonly authorize: (call: CallContext) => void;
  /** Aborts when the control plane stops. */
  readonly stopping: AbortSignal;
}

const INTERVAL_SECONDS = 1;

/** Gives the definition of envoy.service.load_stats.v3.LoadReportingService. */
export function loadReportsDefinition(codec: Codec): ServiceDefinition {
  return codec.service('envoy.service.load_stats.v3.LoadReportingService');
}

/** Gives its handlers: Envoys are asked for the clusters that a ramp is about, each second, and for none when there is no ramp. */
export function createLoadReportsService(options: LoadReportsOptions): UntypedServiceImplementation {
  return {
    StreamLoadStats: (call: ServerDuplexStream<LoadStatsRequest, object>) => {
      try {
        options.authorize(contextOf(call));
      } catch (error) {
        call.emit('error', toStatus(error));
        return;
      }
      serve(call, options);
    },
  };
}

function serve(call: ServerDuplexStream<LoadStatsRequest, object>, { rollout, stopping }: LoadReportsOptions): void {
  const ask = (): void => {
    call.write({ clusters: rollout.clusters(), load_reporting_interval: duration(INTERVAL_SECONDS) });
  };
  const endWatch = rollout.onClusters(ask);
  const end = (): void => {
    endWatch();
    stopping.removeEventListener('abort', stop);
  };
  const stop = (): void => {
    end();
    call.end();
  };
  stopping.addEventListener('abort', stop, { once: true });
  call.on('cancelled', end);
  call.on('error', end);
  call.on('end', stop);
  call.on('data', ({ cluster_stats: stats = [] }: LoadStatsRequest) => {
    for (const each of stats) rollout.add(each.cluster_name ?? '', outcomesOf(each));
  });
  ask();
}

/** Gives how calls ended according to a report. Envoy counts gRPC statuses that correspond to 5xx as errors. */
export function outcomesOf({ upstream_locality_stats: localities = [] }: ClusterStats): Outcomes {
  return localities
    .map((locality): Outcomes => {
      const errors = locality.total_error_requests ?? 0;
      const metrics = (locality.load_metric_stats ?? []).filter(({ metric_name }) => metric_name === CONFIDENCE_METRIC);
      return {
        calls: (locality.total_successful_requests ?? 0) + errors,
        errors,
        judged: metrics.reduce((sum, metric) => sum + (metric.num_requests_finished_with_metric ?? 0), 0),
        confidence: metrics.reduce((sum, metric) => sum + (metric.total_metric_value ?? 0), 0),
      };
    })
    .reduce(sumOf, NO_OUTCOMES);
}
