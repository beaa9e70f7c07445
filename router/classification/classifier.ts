import type { QueryClass } from '../../core/config/schema.ts';
import type { JsonObject } from '../domain/query.ts';

/** What a classifier may look at. */
export interface ClassifierInput {
  readonly text: string;
  readonly context: JsonObject | undefined;
  readonly attachments: readonly { readonly mediaType: string; readonly name: string }[];
}

/** Probability of one class, from 0 to 1. */
export interface ClassProbability {
  readonly queryClass: QueryClass;
  readonly probability: number;
}

/** One thing that moved the classifier. */
export interface Signal {
  /** What it is, e.g. "term: function". */
  readonly name: string;
  readonly queryClass: QueryClass;
  /** How strongly it speaks for the class, in log-odds. */
  readonly weight: number;
}

/** The class of a query and why. */
export interface Classification {
  /** Most probable class. */
  readonly queryClass: QueryClass;
  readonly probability: number;
  /** Difference between the two highest probabilities. */
  readonly margin: number;
  /** Every class, highest first; they add up to 1. */
  readonly probabilities: readonly ClassProbability[];
  /** In the order in which they were found. */
  readonly signals: readonly Signal[];
  /** Which stage of the classifier decided: "lexical" or "embedding". */
  readonly stage: string;
}

/** Tells the class of a query: a pure function of its input, and fast, since every request passes it. */
export interface Classifier {
  classify(input: ClassifierInput): Classification;
}

/** A classifier of which a later stage may be worth waiting for. */
export interface StagedClassifier extends Classifier {
  /** Tells the class by all stages. Gives a promise only where there is something to wait for. Never rejects. */
  classifyFully(input: ClassifierInput): Classification | Promise<Classification>;
}
