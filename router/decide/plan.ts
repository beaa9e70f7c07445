import { FrontierError, type Reason } from '../../core/errors.ts';
import type { Classification } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import { candidateOrder, isDemoted, scoreOf } from './candidates.ts';
import { expectedCost } from './cost.ts';
import { exclusionOf, type Exclusion } from './eligibility.ts';
import type { ModuleStatus, ModuleStatuses } from './module-status.ts';

/** One module of a plan. */
export interface PlanStep {
  readonly moduleId: string;
  /** Score by which the module was ranked, from 0 to 1; higher is better. */
  readonly score: number;
  readonly ready: boolean;
  /** Confidence under which the module's answer counts as a failure. */
  readonly confidenceThreshold: number;
  readonly expectedCost: number;
  /** Expected time until the module is ready, in milliseconds; 0 when it is. */
  readonly expectedWaitMs: number;
}

/** Modules in the order in which they are tried: each at most once, never an excluded one. */
export interface Plan {
  readonly steps: readonly PlanStep[];
  /** Whether the classifier was too unsure to choose. */
  readonly abstained: boolean;
  readonly exclusions: readonly Exclusion[];
}

/** What configuration says about planning. */
export interface PlanPolicy {
  /** Class probability under which the classifier abstains. */
  readonly confidenceThreshold: number;
  /** Modules tried for one request at the most. */
  readonly maxAttempts: number;
  /** Share of accepted answers under which a module goes to the end. */
  readonly minSuccessRate: number;
}

/**
 * Chooses modules for a query: a function of its arguments alone. A plan may come out empty; `requireSteps` tells why.
 * Throws MODULE_UNKNOWN for an explicit module that does not exist.
 */
export function plan(
  query: Query,
  classification: Classification,
  statuses: ModuleStatuses,
  principal: Principal,
  policy: PlanPolicy,
): Plan {
  const abstained = query.moduleId === undefined && classification.probability < policy.confidenceThreshold;
  const order =
    query.moduleId === undefined
      ? candidateOrder(classification, abstained, statuses)
      : explicitOrder(query.moduleId, query.mayFallBack === true, statuses);
  const candidates = order.flatMap((id) => statuses.get(id) ?? []);
  const judged = candidates.map((status) => ({ status, exclusion: exclusionOf(status, query, principal) }));
  const eligible = judged.filter(({ exclusion }) => exclusion === undefined).map(({ status }) => status);
  const exclusions = judged.flatMap(({ exclusion }) => exclusion ?? []);

  const demoted = (status: ModuleStatus): boolean =>
    isDemoted(status, classification.queryClass, policy.minSuccessRate);
  const ordered = [...eligible.filter((status) => !demoted(status)), ...eligible.filter(demoted)];
  return {
    steps: ordered.slice(0, policy.maxAttempts).map((status) => stepFor(status, query, classification)),
    abstained,
    exclusions: [...exclusions, ...ordered.slice(policy.maxAttempts).map((status) => beyondLimit(status, policy))],
  };
}

/** The module that was asked for, and its configured fallbacks where they may stand in for it. */
function explicitOrder(moduleId: string, mayFallBack: boolean, statuses: ModuleStatuses): string[] {
  const asked = explicit(moduleId, statuses);
  const fallbacks = mayFallBack ? (statuses.get(asked)?.spec.fallbacks ?? []) : [];
  return [...new Set([asked, ...fallbacks])].filter((id) => statuses.has(id));
}

function explicit(moduleId: string, statuses: ModuleStatuses): string {
  if (statuses.has(moduleId)) return moduleId;
  throw new FrontierError('MODULE_UNKNOWN', `there is no module "${moduleId}"`, {
    metadata: { module_id: moduleId, field: 'module_id' },
  });
}

function stepFor(status: ModuleStatus, query: Query, classification: Classification): PlanStep {
  const ready = status.readyReplicas > 0;
  return {
    moduleId: status.spec.module_id,
    score: scoreOf(status, classification.queryClass),
    ready,
    confidenceThreshold: status.spec.confidence_threshold,
    expectedCost: expectedCost(status.spec, query),
    expectedWaitMs: ready ? 0 : (status.expectedActivationMs ?? status.spec.timeouts.readiness * 1000),
  };
}

function beyondLimit(status: ModuleStatus, policy: PlanPolicy): Exclusion {
  const detail = `at most ${policy.maxAttempts} modules are tried`;
  return { moduleId: status.spec.module_id, reason: 'MAX_ATTEMPTS', detail };
}

/** Reasons that tell the caller more than NO_ELIGIBLE_MODULE, when they are why every module was left out. */
const TELLING: Partial<Record<Exclusion['reason'], Reason>> = {
  PERMISSION_DENIED: 'PERMISSION_DENIED',
  UNSUPPORTED_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  ATTACHMENT_REQUIRED: 'INVALID_FIELD',
  COST_CEILING: 'COST_CEILING',
  BREAKER_OPEN: 'BREAKER_OPEN',
  MODULE_OVERLOADED: 'MODULE_OVERLOADED',
};

/** Gives the plan if it has a step; else throws why not: the reason of all exclusions if they share one, else NO_ELIGIBLE_MODULE. */
export function requireSteps(made: Plan): Plan {
  if (made.steps.length > 0) return made;
  const reasons = new Set(made.exclusions.map(({ reason }) => reason));
  const [only] = reasons;
  const reason = (reasons.size === 1 && only !== undefined ? TELLING[only] : undefined) ?? 'NO_ELIGIBLE_MODULE';
  const waits = made.exclusions.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  const details = made.exclusions.map(({ detail }) => detail).join('; ');
  throw new FrontierError(reason, details === '' ? 'no module serves this query' : `no module can answer: ${details}`, {
    metadata: Object.fromEntries(made.exclusions.map((exclusion) => [exclusion.moduleId, exclusion.reason])),
    ...(waits.length === 0 ? {} : { retryAfterMs: Math.min(...waits) }),
  });
}
