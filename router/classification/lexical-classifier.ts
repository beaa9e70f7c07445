import { rank, StagedClassification } from './classification.ts';
import type { Classifier } from './classifier.ts';
import type { LinearModel } from './linear-model.ts';
import { createLinearScorer, toProbabilities } from './linear-scorer.ts';
import { structureSignals } from './structure-signals.ts';

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
      return new StagedClassification(rank(classes, scores), 'lexical', input, scorer, () => beside);
    },
  };
}
