import type { QueryClass } from '../../core/config/schema.ts';
import type { Classification } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import { isDemoted, keepSession, runnerUpOf } from './candidates.ts';
import type { ClassIndex, Rating, Slot } from './class-index.ts';
import { exclusionOf } from './eligibility.ts';
import { abstains, type PlanPolicy } from './plan.ts';

/**
 * Goes through the candidates for a query in the order of `candidateOrder`, no further than it takes to fill a plan. It owns
 * its arrays: not for use by two at a time.
 */
export class CandidateWalk {
  readonly #policy: PlanPolicy;
  readonly #eligible: Slot[] = [];
  readonly #demoted: Slot[] = [];
  #decision = 0;

  constructor(policy: PlanPolicy) {
    this.#policy = policy;
  }

  /** Gives the modules of the plan, in an array that the next call uses again. */
  choose(query: Query, classification: Classification, principal: Principal, index: ClassIndex): readonly Slot[] {
    this.#eligible.length = 0;
    this.#demoted.length = 0;
    this.#decision += 1;
    this.#fill(query, classification, principal, index);
    for (const slot of this.#demoted) if (this.#eligible.length < this.#policy.maxAttempts) this.#eligible.push(slot);
    return this.#eligible;
  }

  #fill(query: Query, classification: Classification, principal: Principal, index: ClassIndex): void {
    const { queryClass } = classification;
    const abstained = abstains(query, classification, this.#policy);
    const first = this.#ranked(abstained ? 'GENERAL' : queryClass, query, index);
    const runnerUp = abstained ? runnerUpOf(classification) : undefined;
    const second = runnerUp === undefined ? NOBODY : this.#ranked(runnerUp, query, index);
    if (this.#fillsWith(first, query, queryClass, principal)) return;
    if (this.#fillsWith(second, query, queryClass, principal)) return;
    if (this.#fillsWithFallbacks(first, query, queryClass, principal)) return;
    if (this.#fillsWithFallbacks(second, query, queryClass, principal)) return;
    if (!abstained && queryClass !== 'GENERAL')
      this.#fillsWith(this.#ranked('GENERAL', query, index), query, queryClass, principal);
  }

  #ranked(queryClass: QueryClass, query: Query, index: ClassIndex): readonly Rating[] {
    const ratings = index.ranked(queryClass, query);
    if (query.sessionId === '' || ratings.length < 2) return ratings;
    return keepSession(ratings, { query, selection: this.#policy.selection });
  }

  #fillsWith(ratings: readonly Rating[], query: Query, queryClass: QueryClass, principal: Principal): boolean {
    for (const { slot } of ratings) if (this.#isFullWith(slot, query, queryClass, principal)) return true;
    return false;
  }

  #fillsWithFallbacks(ratings: readonly Rating[], query: Query, queryClass: QueryClass, principal: Principal): boolean {
    for (const { slot } of ratings)
      for (const fallback of slot.fallbacks) if (this.#isFullWith(fallback, query, queryClass, principal)) return true;
    return false;
  }

  /** Looks at a candidate if that has not happened yet; tells whether the plan is full with it. */
  #isFullWith(slot: Slot, query: Query, queryClass: QueryClass, principal: Principal): boolean {
    if (slot.seenIn === this.#decision) return false;
    slot.seenIn = this.#decision;
    const { status } = slot;
    if (exclusionOf(status, query, principal) !== undefined) return false;
    if (isDemoted(status, queryClass, this.#policy.minSuccessRate)) {
      this.#demoted.push(slot);
      return false;
    }
    return this.#eligible.push(slot) === this.#policy.maxAttempts;
  }
}

const NOBODY: readonly Rating[] = [];
