import type { QueryClass } from '../../core/config/schema.ts';
import { timeFactor } from '../../core/confidence/time-factor.ts';
import type { Rng } from '../../core/rng.ts';
import type { Query } from '../domain/query.ts';
import { betaSample } from './beta-sample.ts';
import { expectedCost } from './cost.ts';
import { capacityOf, expectedWaitMs, type ClassHistory, type ModuleStatus } from './module-status.ts';

/** What a module is ranked by, each from 0 (worst) to 1 (best). */
export interface ScoreFactors {
  /** Learned share of good answers to the class: success rate × mean score, drawn to 0.5 while few outcomes are known. */
  readonly quality: number;
  /** 1 for answers within 2 s, falling slowly after that (the time factor of the confidence score). */
  readonly latency: number;
  /** 1 for the cheapest of those that are compared, and for all that cost nothing. */
  readonly cost: number;
  /** Free share of the places at the module's replicas. */
  readonly load: number;
  /** 1 when a replica is ready; less the longer the module is expected to take. */
  readonly readiness: number;
}

/** The factors that do not depend on the query. */
export type Standing = Omit<ScoreFactors, 'cost'>;

/** How much each factor counts; only their proportions matter. */
export type ScoreWeights = ScoreFactors;

/** What modules of one class are compared by. */
export interface ScoreContext {
  readonly queryClass: QueryClass;
  readonly query: Query;
  readonly weights: ScoreWeights;
  /** Cost at the cheapest module of the comparison. */
  readonly lowestCost: number;
  /** Chance by which quality is drawn from what is known instead of taken at its mean (Thompson sampling); undefined for the mean. */
  readonly chance?: Rng | undefined;
}

/** Quality of a module of whose answers nothing is known. */
const PRIOR_QUALITY = 0.5;
/** Outcomes that weigh as much as the prior. */
const PRIOR_COUNT = 5;
/** Most outcomes that count as evidence, so that what is known is never too sure to be learned anew. */
const MAX_EVIDENCE = 50;
/** Expected wait at which readiness has fallen to one half, in milliseconds. */
const HALF_READY_MS = 5_000;

/** Gives the factors of a module. */
export function factorsOf(status: ModuleStatus, context: ScoreContext): ScoreFactors {
  const history = status.history.get(context.queryClass);
  const { quality, latency, load, readiness } = standingOf(status, history);
  return {
    quality: context.chance === undefined ? quality : drawnQuality(history, context.chance),
    latency,
    cost: costFactor(expectedCost(status.spec, context.query), context.lowestCost),
    load,
    readiness,
  };
}

/** Gives the factors of a module that do not depend on the query, from its history of the query's class. */
export function standingOf(status: ModuleStatus, history: ClassHistory | undefined): Standing {
  return {
    quality: meanQuality(history),
    latency: history === undefined || history.count === 0 ? 1 : timeFactor(Math.max(history.latencyMs, 100) / 1000),
    load: Math.max(0, 1 - status.inFlight / capacityOf(status)),
    readiness: HALF_READY_MS / (HALF_READY_MS + expectedWaitMs(status)),
  };
}

/** Gives the factor of a cost beside the lowest of those that are compared. */
export function costFactor(cost: number, lowestCost: number): number {
  return cost === 0 ? 1 : lowestCost / cost;
}

/** Weighs factors into one score from 0 to 1. */
export function weigh(factors: ScoreFactors, weights: ScoreWeights): number {
  return weighWithCost(weighStanding(factors, weights), factors.cost, weights);
}

/** Weighs what does not depend on the query. Added up apart, so that it can be kept from query to query. */
export function weighStanding(standing: Standing, weights: ScoreWeights): number {
  return (
    standing.quality * weights.quality +
    standing.latency * weights.latency +
    standing.load * weights.load +
    standing.readiness * weights.readiness
  );
}

/** Gives the score, from the weighed standing and the factor of the cost. */
export function weighWithCost(weighedStanding: number, cost: number, weights: ScoreWeights): number {
  const total = weights.quality + weights.latency + weights.cost + weights.load + weights.readiness;
  return total === 0 ? 0 : (weighedStanding + cost * weights.cost) / total;
}

function meanQuality(history: ClassHistory | undefined): number {
  const { good, bad } = evidence(history);
  return good / (good + bad);
}

/**
 * Draws a quality from the Beta distribution that the outcomes leave (Thompson 1933; Chapelle and Li 2011): a module of which
 * little is known may come out high, and so gets the chance to show what it can do.
 */
function drawnQuality(history: ClassHistory | undefined, chance: Rng): number {
  const { good, bad } = evidence(history);
  return betaSample(good, bad, chance);
}

/** Counts of good and bad outcomes, the prior among them. */
function evidence(history: ClassHistory | undefined): { readonly good: number; readonly bad: number } {
  const count = Math.min(history?.count ?? 0, MAX_EVIDENCE);
  const seen = history === undefined ? 0 : history.successRate * history.confidence;
  return {
    good: PRIOR_QUALITY * PRIOR_COUNT + seen * count,
    bad: (1 - PRIOR_QUALITY) * PRIOR_COUNT + (1 - seen) * count,
  };
}
