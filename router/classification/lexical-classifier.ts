import { QUERY_CLASSES, type QueryClass } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import { rank, StagedClassification } from './classification.ts';
import type { Classifier } from './classifier.ts';
import type { LinearModel } from './linear-model.ts';
import { createLinearScorer, toProbabilities } from './linear-scorer.ts';
import { structureSignals } from './structure-signals.ts';

/**
 * A trained linear classifier over words, runs of characters and signs, with what stands beside the text added as log-odds.
 * Needs nothing but the model, so that it runs in a browser as well. Takes some microseconds; every request passes here.
 * Throws CONFIG_INVALID when the model knows other classes than those that ship.
 */
export function createLexicalClassifier(model: LinearModel): Classifier {
  const strange = model.classes.find((name) => !QUERY_CLASSES.includes(name as QueryClass));
  if (strange !== undefined)
    throw new FrontierError(
      'CONFIG_INVALID',
      `the classifier's model knows the class ${strange}, which no module serves`,
    );
  const classes = model.classes as readonly QueryClass[];
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
