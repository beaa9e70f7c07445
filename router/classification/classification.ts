import type { QueryClass } from '../../core/config/schema.ts';
import type { Classification, ClassifierInput, ClassProbability, Signal } from './classifier.ts';
import type { LinearScorer } from './linear-scorer.ts';

/** Parts of the text that an explanation names. */
const MAX_SIGNALS = 12;
/** Evidence below this, in log-odds, is not worth naming. */
const MIN_SIGNAL = 0.05;

/** Gives classes with their probabilities, highest first; among equals in the order of the model. */
export function rank(classes: readonly QueryClass[], probabilities: Float64Array): ClassProbability[] {
  const ranked: ClassProbability[] = [];
  for (let c = 0; c < classes.length; c += 1) {
    const probability = probabilities[c] ?? 0;
    const entry = { queryClass: classes[c] ?? 'GENERAL', probability };
    let at = c;
    ranked.push(entry);
    for (; at > 0 && (ranked[at - 1]?.probability ?? 0) < probability; at -= 1) ranked[at] = ranked[at - 1] ?? entry;
    ranked[at] = entry;
  }
  return ranked;
}

/** A class with what decided, which is named only when asked, since most queries are never explained. */
export class StagedClassification implements Classification {
  readonly queryClass: QueryClass;
  readonly probability: number;
  readonly margin: number;
  readonly probabilities: readonly ClassProbability[];
  readonly stage: string;
  readonly #input: ClassifierInput;
  readonly #scorer: LinearScorer;
  readonly #beside: () => readonly Signal[];

  /** `beside` gives what decided beside the words of the text. */
  constructor(
    probabilities: readonly ClassProbability[],
    stage: string,
    input: ClassifierInput,
    scorer: LinearScorer,
    beside: () => readonly Signal[],
  ) {
    this.queryClass = probabilities[0]?.queryClass ?? 'GENERAL';
    this.probability = probabilities[0]?.probability ?? 0;
    this.margin = this.probability - (probabilities[1]?.probability ?? 0);
    this.probabilities = probabilities;
    this.stage = stage;
    this.#input = input;
    this.#scorer = scorer;
    this.#beside = beside;
  }

  get signals(): readonly Signal[] {
    const inText = this.#scorer
      .contributions(this.#input.text, MAX_SIGNALS)
      .filter(({ weight }) => weight >= MIN_SIGNAL)
      .map(({ text, classIndex, weight }) => ({
        name: `text: ${text}`,
        queryClass: this.#scorer.classes[classIndex] ?? 'GENERAL',
        weight,
      }));
    return [...this.#beside(), ...inText];
  }
}
