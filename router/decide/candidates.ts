import type { QueryClass } from '../../core/config/schema.ts';
import { createSeededRng, type Rng } from '../../core/rng.ts';
import type { Classification } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import { expectedCost } from './cost.ts';
import type { ModuleStatus, ModuleStatuses } from './module-status.ts';
import { factorsOf, weigh, type ScoreContext } from './score.ts';
import type { SelectionPolicy } from './selection-policy.ts';
import { textHash } from './text-hash.ts';

/** Outcomes from which a success rate says something. */
const MIN_OUTCOMES = 10;
/** Parts the hash that says whether to explore from the one that is drawn by. */
const EXPLORE_SEED = 1;
const DRAW_SEED = 2;

/** What modules are ranked for. */
export interface RankingContext {
  readonly query: Query;
  readonly selection: SelectionPolicy;
  /** Whether this query is one by which modules are tried out. */
  readonly explores: boolean;
}

/**
 * Tells whether a query is one by which modules are tried out: a fixed share of request ids, so that the same query always
 * gives the same plan. Never one that is critical, or of a tenant that is left out of it.
 */
export function exploresWith(query: Query, { tenant }: Principal, { exploration }: SelectionPolicy): boolean {
  if (exploration.share === 0 || query.priority === 'critical' || exploration.excludedTenants.has(tenant)) return false;
  return textHash(query.requestId, EXPLORE_SEED) / 2 ** 32 < exploration.share;
}

/** Tells whether a module is to go to the end of a plan: it cannot be started, or too few of its answers are accepted. */
export function isDemoted(status: ModuleStatus, queryClass: QueryClass, minSuccessRate: number): boolean {
  if (status.state === 'FAILED' || status.state === 'QUARANTINED') return true;
  const history = status.history.get(queryClass);
  return history !== undefined && history.count >= MIN_OUTCOMES && history.successRate < minSuccessRate;
}

/**
 * Gives modules in the order in which they would be tried, each once: modules of the class, their configured
 * fallbacks, modules of GENERAL. When the classifier abstained: GENERAL's, then the most probable other class's, then fallbacks.
 */
export function candidateOrder(
  classification: Classification,
  abstained: boolean,
  statuses: ModuleStatuses,
  context: RankingContext,
): ModuleStatus[] {
  const runnerUp = abstained ? runnerUpOf(classification) : undefined;
  const general = ranked('GENERAL', statuses, context);
  const heads = abstained
    ? [...general, ...(runnerUp === undefined ? [] : ranked(runnerUp, statuses, context))]
    : classification.queryClass === 'GENERAL'
      ? general
      : ranked(classification.queryClass, statuses, context);
  const order = new Set(heads);
  for (const { spec } of heads) {
    for (const id of spec.fallbacks) {
      const status = statuses.get(id);
      if (status !== undefined) order.add(status);
    }
  }
  for (const status of general) order.add(status);
  return [...order];
}

/** Gives the most probable class but GENERAL, which comes after GENERAL's modules when the classifier abstains. */
export function runnerUpOf({ probabilities }: Classification): QueryClass | undefined {
  return probabilities.find(({ queryClass }) => queryClass !== 'GENERAL')?.queryClass;
}

/** A module with the score by which it is ranked. */
export interface Rated {
  readonly status: ModuleStatus;
  readonly score: number;
}

/** Modules that answer a class, best first; among equals a ready one, then by id. A session's own module comes before its equals. */
function ranked(queryClass: QueryClass, statuses: ModuleStatuses, context: RankingContext): ModuleStatus[] {
  const serving: ModuleStatus[] = [];
  for (const status of statuses.values()) if (status.spec.query_classes.includes(queryClass)) serving.push(status);
  if (serving.length < 2) return serving;
  const score = scoreContext(queryClass, serving, context);
  const rated = serving.map((status): Rated => ({ status, score: weigh(factorsOf(status, score), score.weights) }));
  rated.sort(byScore);
  return keepSession(rated, context).map(({ status }) => status);
}

/** Gives what modules of a class are compared by. */
export function scoreContext(
  queryClass: QueryClass,
  serving: readonly ModuleStatus[],
  { query, selection, explores }: RankingContext,
): ScoreContext {
  let lowestCost = Infinity;
  for (const { spec } of serving) lowestCost = Math.min(lowestCost, expectedCost(spec, query));
  return { queryClass, query, weights: selection.weights, lowestCost, chance: explores ? chanceOf(query) : undefined };
}

function chanceOf(query: Query): Rng {
  return createSeededRng(textHash(query.requestId, DRAW_SEED));
}

/** Orders modules, best first: by score; among equals a ready one, then by id. */
export function byScore(a: Rated, b: Rated): number {
  return (
    b.score - a.score ||
    Number(b.status.readyReplicas > 0) - Number(a.status.readyReplicas > 0) ||
    (a.status.spec.module_id < b.status.spec.module_id ? -1 : 1)
  );
}

/**
 * Puts the session's module first if its score is close to the best one's: the one with the highest hash of session and id
 * (rendezvous hashing, Thaler and Ravishankar 1998), which every router finds for itself and few sessions lose when modules come or go.
 */
export function keepSession<T extends Rated>(
  rated: readonly T[],
  { query, selection }: Pick<RankingContext, 'query' | 'selection'>,
): readonly T[] {
  const best = rated[0];
  if (query.sessionId === '' || best === undefined) return rated;
  const close = rated.filter(({ score }) => score >= best.score - selection.affinityTolerance);
  const own = close.reduce((a, b) => (sessionHash(query, b) > sessionHash(query, a) ? b : a), best);
  return [own, ...rated.filter((each) => each !== own)];
}

function sessionHash({ sessionId }: Query, { status }: Rated): number {
  return textHash(`${sessionId}\n${status.spec.module_id}`);
}
