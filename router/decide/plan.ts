import { FrontierError, type Reason } from '../../core/errors.ts';
import type { Classification } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query, Strategy } from '../domain/query.ts';
import type { BrownOutEffect } from '../resilience/brown-out.ts';
import { candidateOrder, exploresWith, isDemoted, scoreContext, type RankingContext } from './candidates.ts';
import { expectedCost } from './cost.ts';
import { exclusionOf, type Exclusion } from './eligibility.ts';
import { heldOff } from './hold-off.ts';
import { expectedWaitMs, thresholdOf, type ModuleStatus, type ModuleStatuses, type Share } from './module-status.ts';
import { factorsOf, weigh, type ScoreFactors } from './score.ts';
import type { SelectionPolicy } from './selection-policy.ts';

/** One module of a plan. */
export interface PlanStep {
  readonly moduleId: string;
  /** Score by which the module was ranked, from 0 to 1; higher is better. */
  readonly score: number;
  /** What the score is made of. */
  readonly factors: ScoreFactors;
  readonly ready: boolean;
  /** Confidence under which the module's answer counts as a failure. */
  readonly confidenceThreshold: number;
  readonly expectedCost: number;
  /** Expected time until the module is ready, in milliseconds; 0 when it is. */
  readonly expectedWaitMs: number;
  /** Part of its queries that the module is given for now; left out for all of them. */
  readonly share?: Share;
  /** Whether this query is not in its share: it stands by, behind those that are to answer. */
  readonly heldOff?: boolean;
}

/** Modules in the order in which they are tried: each at most once, never an excluded one. */
export interface Plan {
  readonly steps: readonly PlanStep[];
  /** Whether the classifier was too unsure to choose. */
  readonly abstained: boolean;
  /** How the steps are gone through; sequential when left out. */
  readonly strategy?: Strategy;
  readonly exclusions: readonly Exclusion[];
  /** Whether the order was drawn, to try modules out. */
  readonly explores: boolean;
  /** Modules that are to be started beside the answer, because they would have answered were they ready. */
  readonly wake: readonly string[];
  /** What pressure has changed about it; left out when nothing. */
  readonly brownOut?: BrownOutEffect;
}

/** What configuration says about planning. */
export interface PlanPolicy {
  /** Class probability under which the classifier abstains. */
  readonly confidenceThreshold: number;
  /** Modules tried for one request at the most. */
  readonly maxAttempts: number;
  /** Share of accepted answers under which a module goes to the end. */
  readonly minSuccessRate: number;
  readonly selection: SelectionPolicy;
  /** How plans are gone through, unless a query says otherwise. */
  readonly strategy?: Strategy;
  /** What pressure changes about this query; left out when nothing. */
  readonly brownOut?: BrownOutEffect | undefined;
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
  const abstained = abstains(query, classification, policy);
  const { selection, brownOut } = policy;
  const explores = brownOut === undefined && query.moduleId === undefined && exploresWith(query, principal, selection);
  const context: RankingContext = { query, selection, explores };
  const candidates =
    query.moduleId === undefined
      ? candidateOrder(classification, abstained, statuses, context)
      : explicitOrder(query.moduleId, query.mayFallBack === true, statuses);

  const eligible: ModuleStatus[] = [];
  const demoted: ModuleStatus[] = [];
  const exclusions: Exclusion[] = [];
  for (const status of candidates) {
    const exclusion = exclusionOf(status, query, principal);
    if (exclusion !== undefined) exclusions.push(exclusion);
    else if (isDemoted(status, classification.queryClass, policy.minSuccessRate)) demoted.push(status);
    else eligible.push(status);
  }
  // Who was asked for by name gets the query, whatever its share.
  const idle =
    query.moduleId === undefined
      ? heldOff(eligible, query.requestId, abstained ? 'GENERAL' : classification.queryClass)
      : new Set<ModuleStatus>();
  const inOrder = lastly(cheapestFirst(eligible, query, brownOut), idle);
  const { order, wake } = warmFirst([...inOrder, ...demoted], selection);
  // One text for all: there may be as many as there are modules.
  const detail = `at most ${policy.maxAttempts} modules are tried`;
  for (let at = policy.maxAttempts; at < order.length; at += 1) {
    const moduleId = order[at]?.spec.module_id ?? '';
    exclusions.push({ moduleId, reason: 'MAX_ATTEMPTS', detail });
  }
  const chosen = order.slice(0, policy.maxAttempts);
  const strategy = brownOut?.cheaperFirst === true ? 'sequential' : strategyOf(query, policy);
  const steps = stepsFor(chosen, idle, classification, context);
  const made = { steps, abstained, strategy, exclusions, explores, wake };
  return brownOut === undefined ? made : { ...made, brownOut };
}

/** Gives the modules with those that are held off behind the others. */
function lastly(order: readonly ModuleStatus[], idle: ReadonlySet<ModuleStatus>): readonly ModuleStatus[] {
  return idle.size === 0
    ? order
    : [...order.filter((each) => !idle.has(each)), ...order.filter((each) => idle.has(each))];
}

/** Tells whether the classifier was too unsure to choose. */
export function abstains(query: Query, { probability }: Classification, { confidenceThreshold }: PlanPolicy): boolean {
  return query.moduleId === undefined && probability < confidenceThreshold;
}

/** Gives how a query's plan is gone through. */
export function strategyOf(query: Query, policy: PlanPolicy): Strategy {
  return query.strategy ?? policy.strategy ?? 'sequential';
}

/**
 * Puts cheaper modules first where pressure asks for it, unless a module was asked for; equally cheap ones keep their order. None is
 * started under pressure while another one is ready.
 */
function cheapestFirst(
  order: readonly ModuleStatus[],
  query: Query,
  brownOut: BrownOutEffect | undefined,
): readonly ModuleStatus[] {
  if (brownOut?.cheaperFirst !== true || query.moduleId !== undefined) return order;
  const isCold = ({ readyReplicas }: ModuleStatus): number => (readyReplicas > 0 ? 0 : 1);
  return [...order].sort((a, b) => isCold(a) - isCold(b) || expectedCost(a.spec, query) - expectedCost(b.spec, query));
}

/**
 * Lets a ready module answer while the first of the order, which is not, is started beside it, where the policy is
 * `answer_warm` and the wait would be too long.
 */
function warmFirst(
  order: readonly ModuleStatus[],
  { coldStart }: SelectionPolicy,
): { readonly order: readonly ModuleStatus[]; readonly wake: readonly string[] } {
  const [first] = order;
  if (first === undefined || coldStart.policy === 'wait' || expectedWaitMs(first) <= coldStart.maxWaitMs)
    return { order, wake: [] };
  const warm = order.find(({ readyReplicas }) => readyReplicas > 0);
  if (warm === undefined) return { order, wake: [] };
  return { order: [warm, ...order.filter((status) => status !== warm)], wake: [first.spec.module_id] };
}

/** The module that was asked for, and its configured fallbacks where they may stand in for it. */
function explicitOrder(moduleId: string, mayFallBack: boolean, statuses: ModuleStatuses): ModuleStatus[] {
  const asked = explicit(moduleId, statuses);
  const order = new Set([asked]);
  for (const id of mayFallBack ? asked.spec.fallbacks : []) {
    const status = statuses.get(id);
    if (status !== undefined) order.add(status);
  }
  return [...order];
}

function explicit(moduleId: string, statuses: ModuleStatuses): ModuleStatus {
  const status = statuses.get(moduleId);
  if (status !== undefined) return status;
  throw new FrontierError('MODULE_UNKNOWN', `there is no module "${moduleId}"`, {
    metadata: { module_id: moduleId, field: 'module_id' },
  });
}

/** The steps are compared with one another, whatever class each stands there for. */
function stepsFor(
  chosen: readonly ModuleStatus[],
  idle: ReadonlySet<ModuleStatus>,
  { queryClass }: Classification,
  ranking: RankingContext,
): readonly PlanStep[] {
  const context = scoreContext(queryClass, chosen, { ...ranking, explores: false });
  return chosen.map((status) => {
    const factors = factorsOf(status, context);
    return {
      moduleId: status.spec.module_id,
      score: weigh(factors, context.weights),
      factors,
      ready: status.readyReplicas > 0,
      confidenceThreshold: thresholdOf(status, queryClass),
      expectedCost: expectedCost(status.spec, ranking.query),
      expectedWaitMs: expectedWaitMs(status),
      ...(status.share === undefined ? {} : { share: status.share, heldOff: idle.has(status) }),
    };
  });
}

/** Reasons that tell the caller more than NO_ELIGIBLE_MODULE, when they are why every module was left out. */
const TELLING: Partial<Record<Exclusion['reason'], Reason>> = {
  PERMISSION_DENIED: 'PERMISSION_DENIED',
  UNSUPPORTED_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  ATTACHMENT_REQUIRED: 'INVALID_FIELD',
  COST_CEILING: 'COST_CEILING',
  BREAKER_OPEN: 'BREAKER_OPEN',
  MODULE_OVERLOADED: 'MODULE_OVERLOADED',
  QUERY_TOO_LARGE: 'QUERY_TOO_LARGE',
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
