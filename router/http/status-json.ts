import path from 'node:path';
import type { ClassifierStatus } from '../classification/open-cascade.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import type { Breaker } from '../resilience/breaker.ts';
import type { ModuleRecord } from '../resilience/module-record.ts';
import { limitsJson, usageJson } from './usage-json.ts';

/** A module in the response of GET /status. */
export function moduleJson(record: ModuleRecord, waiting: number) {
  const { view, spec } = record;
  return {
    module_id: spec.module_id,
    description: spec.description ?? '',
    state: view.state,
    reason: view.reason,
    query_classes: spec.query_classes,
    desired_replicas: view.desiredReplicas,
    in_flight: record.inFlight + record.bulkInFlight,
    waiting: Math.max(waiting, view.waiting),
    ...limitJson(record),
    ...limitsJson(spec),
    ...(view.expectedActivationMs === undefined
      ? {}
      : { expected_activation_seconds: view.expectedActivationMs / 1000 }),
    replicas: view.replicas.map(replicaJson),
    breaker: breakerJson(record.breaker),
  };
}

/** What has been learned of how many queries the module can take; nothing where that is off. */
function limitJson({ limit, inFlightLimit }: ModuleRecord) {
  if (limit === undefined || inFlightLimit === undefined) return {};
  const { state, policy } = limit;
  return {
    in_flight_limit: {
      current: inFlightLimit,
      min: policy.min,
      max: policy.max,
      reason: state.reason,
      probing: inFlightLimit < Math.floor(state.limit),
    },
  };
}

function replicaJson({
  replicaId,
  state,
  reason,
  endpoint,
  restarts,
  inFlight,
  usage,
}: ModuleView['replicas'][number]) {
  return {
    replica_id: replicaId,
    state,
    reason,
    ...(endpoint === undefined ? {} : { endpoint }),
    restarts,
    in_flight: inFlight,
    ...usageJson(usage),
  };
}

/** State of a breaker. */
export function breakerJson(breaker: Breaker) {
  return {
    state: breaker.phase,
    ...(breaker.phase === 'CLOSED' ? { consecutive_failures: breaker.consecutiveFailures } : {}),
    ...(breaker.phase === 'OPEN' ? { by_hand: breaker.byHand } : {}),
    openings: breaker.openings.count,
  };
}

/** The classifier in the response of GET /status. */
export function classifierJson({ model, about, secondStage, detail }: ClassifierStatus): object {
  return { model: path.basename(model), about, second_stage: { state: secondStage, detail } };
}
