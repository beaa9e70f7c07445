import type { QueryClass } from '../../core/config/schema.ts';
import { MINILM } from '../embedding/minilm-graph.ts';
import type { Classification, ClassifierInput, Signal } from './classifier.ts';
import { rank, StagedClassification } from './classification.ts';
import type { LinearModel } from './linear-model.ts';
import { createLinearScorer, toProbabilities } from './linear-scorer.ts';
import type { SecondStageModel } from './second-stage-model.ts';
import { structureSignals } from './structure-signals.ts';

/** Tells the class of a query from its words and its embedding together: a pure function of both. */
export interface SecondStage {
  classify(input: ClassifierInput, embedding: Float32Array): Classification;
}

/** Creates the second stage over the first one's model. Its classes must be those of the first. */
export function createSecondStage(lexical: LinearModel, model: SecondStageModel): SecondStage {
  const classes = model.classes;
  const scorer = createLinearScorer(lexical);
  return {
    classify(input, embedding) {
      const meaning = scoresOf(embedding, model);
      const scores = scorer.score(input.text).map((score, c) => score * model.lexicalWeight + (meaning[c] ?? 0));
      const beside = structureSignals(input);
      for (const { queryClass, weight } of beside) {
        const at = classes.indexOf(queryClass);
        if (at >= 0) scores[at] = (scores[at] ?? 0) + weight;
      }
      toProbabilities(scores);
      return new StagedClassification(rank(classes, scores), 'embedding', input, scorer, () => [
        ...beside,
        signalOf(meaning, classes),
      ]);
    },
  };
}

/** Gives what an embedding says for each class, in log-odds. */
export function scoresOf(embedding: Float32Array, { biases, weights }: SecondStageModel): Float64Array {
  const classes = biases.length;
  const scores = Float64Array.from(biases);
  for (let at = 0; at < MINILM.hidden; at += 1) {
    const value = embedding[at] ?? 0;
    for (let c = 0; c < classes; c += 1) scores[c] = (scores[c] ?? 0) + value * (weights[at * classes + c] ?? 0);
  }
  return scores;
}

/** What the meaning says most: how far it lifts one class above the mean of all. */
function signalOf(scores: Float64Array, classes: readonly QueryClass[]): Signal {
  const most = Math.max(...scores);
  const mean = scores.reduce((sum, one) => sum + one, 0) / scores.length;
  const queryClass = classes[scores.indexOf(most)] ?? 'GENERAL';
  return { name: 'meaning of the whole text', queryClass, weight: most - mean };
}
