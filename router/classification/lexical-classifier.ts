import type { QueryClass } from '../../core/config/schema.ts';
import type { Classification, Classifier, ClassifierInput, ClassProbability, Signal } from './classifier.ts';
import type { LinearModel } from './linear-model.ts';
import { createLinearScorer, toProbabilities, type LinearScorer } from './linear-scorer.ts';
import { structureSignals } from './structure-signals.ts';

/** Parts of the text that an explanation names. */
const MAX_SIGNALS = 12;
/** Evidence below this, in log-odds, is not worth naming. */
const MIN_SIGNAL = 0.05;

/**
 * A trained linear classifier over words, runs of characters and signs, with what stands beside the text added as log-odds.
 * Needs nothing but the model, so that it runs in a browser as well. Takes some microseconds; every request passes here.
 */
export function createLexicalClassifier(model: LinearModel): Classifier {
  const { classes } = model;
  const scorer = createLinearScorer(model);
  return {
    classify(input) {
      const scores = scorer.score(input.text);
      const beside = structureSignals(input);
      for (const { queryClass, weight } of beside) {
        const at = classes.indexOf(queryClass);
        if (at >= 0) scores[at] = (scores[at] ?? 0) + weight;
      }
      toProbabilities(scores);
      return new LexicalClassification(rank(classes, scores), input, beside, scorer, classes);
    },
  };
}

/** Classes with their probabilities, highest first; among equals in the order of the model. */
function rank(classes: readonly QueryClass[], probabilities: Float64Array): ClassProbability[] {
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

/** Names what decided only when asked, since most queries are never explained. */
class LexicalClassification implements Classification {
  readonly queryClass: QueryClass;
  readonly probability: number;
  readonly margin: number;
  readonly probabilities: readonly ClassProbability[];
  readonly stage = 'lexical';
  readonly #input: ClassifierInput;
  readonly #beside: readonly Signal[];
  readonly #scorer: LinearScorer;
  readonly #classes: readonly QueryClass[];

  constructor(
    probabilities: readonly ClassProbability[],
    input: ClassifierInput,
    beside: readonly Signal[],
    scorer: LinearScorer,
    classes: readonly QueryClass[],
  ) {
    this.queryClass = probabilities[0]?.queryClass ?? 'GENERAL';
    this.probability = probabilities[0]?.probability ?? 0;
    this.margin = this.probability - (probabilities[1]?.probability ?? 0);
    this.probabilities = probabilities;
    this.#input = input;
    this.#beside = beside;
    this.#scorer = scorer;
    this.#classes = classes;
  }

  get signals(): readonly Signal[] {
    const inText = this.#scorer
      .contributions(this.#input.text, MAX_SIGNALS)
      .filter(({ weight }) => weight >= MIN_SIGNAL)
      .map(({ text, classIndex, weight }) => ({
        name: `text: ${text}`,
        queryClass: this.#classes[classIndex] ?? 'GENERAL',
        weight,
      }));
    return [...this.#beside, ...inText];
  }
}
