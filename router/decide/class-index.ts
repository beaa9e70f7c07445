import type { QueryClass } from '../../core/config/schema.ts';
import type { Query } from '../domain/query.ts';
import { byScore, type Rated } from './candidates.ts';
import { expectedCost, hasFlatPrice } from './cost.ts';
import type { ClassHistory, ModuleStatus, ModuleStatuses } from './module-status.ts';
import { costFactor, standingOf, weighStanding, weighWithCost, type ScoreWeights, type Standing } from './score.ts';

/** A module of an index. */
export interface Slot {
  readonly status: ModuleStatus;
  /** Modules that stand in for it, of those there are. */
  fallbacks: readonly Slot[];
  /** Number of the decision that has looked at it last. */
  seenIn: number;
}

/** A module as it stands in one class, and what that was computed from. */
export interface Rating extends Rated {
  readonly slot: Slot;
  standing: Standing;
  /** The standing, weighed. */
  weighed: number;
  /** For the query that the class was ranked for last. */
  score: number;
  history: ClassHistory | undefined;
  inFlight: number;
  inFlightLimit: number | undefined;
  readyReplicas: number;
  expectedActivationMs: number | undefined;
}

/** All that is kept of one class. */
interface ClassEntry {
  /** Of modules that serve the class, in the order of the statuses. */
  readonly serving: readonly Rating[];
  /** The same, best first as of the last query. */
  readonly ranked: Rating[];
  /** Whether no module's price depends on the query. */
  readonly flat: boolean;
  /** Of modules that do not serve it, but have stood in. */
  readonly others: Map<Slot, Rating>;
}

/** Modules by class; what does not depend on the query is computed once, and again where a status has changed. */
export interface ClassIndex {
  readonly statuses: ModuleStatuses;
  /** Gives the modules of a class, best first, in an array that the next call uses again. */
  ranked(queryClass: QueryClass, query: Query): readonly Rating[];
  /** Gives how a module stands in a class, whether it serves it or not. */
  ratingOf(slot: Slot, queryClass: QueryClass): Rating;
}

/** Indexes modules. It holds until one comes, goes or has another specification; all else of a status may change. */
export function createClassIndex(statuses: ModuleStatuses, weights: ScoreWeights): ClassIndex {
  const slots = slotsOf(statuses);
  const classes = new Map<QueryClass, ClassEntry>();
  const entryOf = (queryClass: QueryClass): ClassEntry => {
    const known = classes.get(queryClass);
    if (known !== undefined) return known;
    const members = slots.filter(({ status }) => status.spec.query_classes.includes(queryClass));
    const serving = members.map((slot) => unrated(slot));
    const flat = members.every(({ status }) => hasFlatPrice(status.spec));
    const made = { serving, ranked: [...serving], flat, others: new Map<Slot, Rating>() };
    classes.set(queryClass, made);
    return made;
  };
  return {
    statuses,
    ranked(queryClass, query) {
      const entry = entryOf(queryClass);
      let changed = false;
      for (const rating of entry.serving) if (refresh(rating, queryClass, weights)) changed = true;
      if (changed || !entry.flat) rank(entry, query, weights);
      return entry.ranked;
    },
    ratingOf(slot, queryClass) {
      const { others } = entryOf(queryClass);
      let rating = others.get(slot);
      if (rating === undefined) {
        rating = unrated(slot);
        others.set(slot, rating);
      }
      refresh(rating, queryClass, weights);
      return rating;
    },
  };
}

function slotsOf(statuses: ModuleStatuses): readonly Slot[] {
  const slots = new Map<string, Slot>();
  for (const [id, status] of statuses) slots.set(id, { status, fallbacks: [], seenIn: 0 });
  for (const slot of slots.values()) slot.fallbacks = slot.status.spec.fallbacks.flatMap((id) => slots.get(id) ?? []);
  return [...slots.values()];
}

const NO_STANDING: Standing = { quality: 0, latency: 0, load: 0, readiness: 0 };

/** A rating that the first look computes: no module has fewer than no queries in flight. */
function unrated(slot: Slot): Rating {
  const { status } = slot;
  const known = {
    history: undefined,
    inFlight: -1,
    inFlightLimit: undefined,
    readyReplicas: 0,
    expectedActivationMs: undefined,
  };
  return { slot, status, standing: NO_STANDING, weighed: 0, score: 0, ...known };
}

/** Computes a rating anew if what it rests on is not what it was; tells whether it was so. */
function refresh(rating: Rating, queryClass: QueryClass, weights: ScoreWeights): boolean {
  const { status } = rating;
  const history = status.history.get(queryClass);
  const { inFlight, readyReplicas, expectedActivationMs } = status;
  // Without queries in flight the limit says nothing.
  const inFlightLimit = inFlight === 0 ? undefined : status.inFlightLimit;
  if (
    rating.history === history &&
    rating.inFlight === inFlight &&
    rating.inFlightLimit === inFlightLimit &&
    rating.readyReplicas === readyReplicas &&
    rating.expectedActivationMs === expectedActivationMs
  )
    return false;
  rating.history = history;
  rating.inFlight = inFlight;
  rating.inFlightLimit = inFlightLimit;
  rating.readyReplicas = readyReplicas;
  rating.expectedActivationMs = expectedActivationMs;
  rating.standing = standingOf(status, history);
  rating.weighed = weighStanding(rating.standing, weights);
  return true;
}

/** Puts a class's modules in order for a query. */
function rank({ ranked }: ClassEntry, query: Query, weights: ScoreWeights): void {
  if (ranked.length < 2) return;
  let lowestCost = Infinity;
  for (const { status } of ranked) lowestCost = Math.min(lowestCost, expectedCost(status.spec, query));
  for (const rating of ranked) {
    const cost = expectedCost(rating.status.spec, query);
    rating.score = weighWithCost(rating.weighed, costFactor(cost, lowestCost), weights);
  }
  ranked.sort(byScore);
}
