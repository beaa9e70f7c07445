import {
  moduleSpecSchema,
  orchestrationFileSchema,
  QUERY_CLASSES,
  type ModuleSpecInput,
  type QueryClass,
} from '../../../core/config/schema.ts';
import type { Classification } from '../../classification/classifier.ts';
import type { Principal } from '../../domain/principal.ts';
import { plainQuery, type Query } from '../../domain/query.ts';
import type { ModuleStatus } from '../module-status.ts';
import type { PlanPolicy } from '../plan.ts';
import { selectionPolicyOf, type SelectionPolicy } from '../selection-policy.ts';

/** What tests of planning are written in. */

const DEFAULT_SELECTION = selectionPolicyOf(
  orchestrationFileSchema.parse({ orchestration: { router: { selection: { exploration: { share: 0 } } } } })
    .orchestration.router.selection,
);

/** The policy that ships, without exploration, with `selection` over it. */
export function policyWith(selection: Partial<SelectionPolicy> = {}): PlanPolicy {
  return {
    confidenceThreshold: 0.8,
    maxAttempts: 3,
    minSuccessRate: 0.8,
    selection: { ...DEFAULT_SELECTION, ...selection },
  };
}

export const ANYBODY: Principal = { tenant: 't', subject: 's', permissions: new Set(['route']), modules: undefined };

/** A ready module of which nothing is known. */
export function status(spec: ModuleSpecInput, more: Partial<ModuleStatus> = {}): ModuleStatus {
  return {
    spec: moduleSpecSchema.parse(spec),
    state: 'READY',
    reason: '',
    readyReplicas: 1,
    expectedActivationMs: undefined,
    breakerAdmits: true,
    inFlight: 0,
    history: new Map(),
    ...more,
  };
}

export function query(more: Partial<Query> = {}): Query {
  return { ...plainQuery('r', 'hello'), ...more };
}

/** A classification that is this sure of its first class. */
export function classified(first: QueryClass, probability: number, second: QueryClass = 'GENERAL'): Classification {
  const rest = QUERY_CLASSES.filter((name) => name !== first && name !== second);
  const left = 1 - probability;
  const probabilities = [
    { queryClass: first, probability },
    { queryClass: second, probability: left * 0.7 },
    ...rest.map((queryClass) => ({ queryClass, probability: left * 0.1 })),
  ];
  return { queryClass: first, probability, margin: 0, probabilities, signals: [], stage: 'lexical' };
}

export const mapOf = (...statuses: ModuleStatus[]): Map<string, ModuleStatus> =>
  new Map(statuses.map((each) => [each.spec.module_id, each]));
