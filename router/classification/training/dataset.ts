import type { ClassifierInput } from '../classifier.ts';

/** One labelled query. */
export interface Example {
  readonly text: string;
  readonly label: string;
  /** Where it comes from. Sources are held out whole, since a new source is what users bring. */
  readonly source: string;
}

/** A labelled query that may carry more than text, for evaluation. */
export interface LabelledInput extends ClassifierInput {
  readonly label: string;
  readonly source: string;
}
