import type { ModuleSpec } from '../../core/config/schema.ts';
import {
  createAdaptiveLimit,
  type AdaptiveLimit,
  type AdaptiveLimitPolicy,
  type LimitSample,
} from './adaptive-limit.ts';
import type { LimitState } from './limit-decision.ts';
import type { CallEnd } from './call-end.ts';

/** Told when the limit of a module has changed. */
export type OnLimitChange = (moduleId: string, before: LimitState, after: LimitState, max: number) => void;

/** Gives the limit that a module's specification asks for; undefined where it is not to adapt. */
export function moduleLimitOf(
  spec: ModuleSpec,
  replicas: number,
  nowMs: number,
  onChange: OnLimitChange = () => undefined,
): AdaptiveLimit | undefined {
  if (!spec.concurrency.adaptive.enabled) return undefined;
  const limit = createAdaptiveLimit(limitPolicyOf(spec, replicas), nowMs, (before, after) => {
    onChange(spec.module_id, before, after, limit.policy.max);
  });
  return limit;
}

/** Gives the bounds of a module's limit: replicas that are ready times what each can take. Without any, as for one. */
export function limitPolicyOf({ concurrency }: ModuleSpec, replicas: number): AdaptiveLimitPolicy {
  const { max_in_flight, max_queued, adaptive } = concurrency;
  const count = Math.max(1, replicas);
  const max = max_in_flight + max_queued;
  return {
    min: count * Math.min(adaptive.min_limit ?? max_in_flight, max),
    max: count * max,
    tolerance: adaptive.tolerance ?? Infinity,
    probeEveryMs: adaptive.probe_interval * 1000,
    floorMs: adaptive.latency_floor * 1000,
  };
}

/**
 * Gives what the end of a call says of how much a module can take. Failures of other kinds say nothing, and neither do calls that
 * the caller ended.
 */
export function limitSampleOf(end: CallEnd): LimitSample | undefined {
  if (end.kind === 'released') return undefined;
  if (end.kind === 'answered') {
    const { serviceMs = end.latencyMs, firstTokenMs, tokens = 0 } = end;
    return { kind: 'answered', latencyMs: serviceMs, firstTokenMs, tokens };
  }
  if (end.error.reason === 'MODULE_OVERLOADED') return { kind: 'refused' };
  return end.error.reason === 'MODULE_TIMEOUT' && end.modulesFault ? { kind: 'timed_out' } : undefined;
}
