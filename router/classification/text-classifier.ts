import type { Clock } from '../../core/clock.ts';
import type { ClassifierInput } from './classifier.ts';
import type { LinearModel } from './linear-model.ts';
import { createLinearScorer, toProbabilities } from './linear-scorer.ts';
import { structureSignals } from './structure-signals.ts';

/** Class of a query under any model, also one with classes that no module of the product serves. */
export interface LabelledProbabilities {
  readonly class: string;
  readonly probability: number;
  readonly probabilities: Readonly<Record<string, number>>;
  /** Difference between the two highest probabilities. */
  readonly margin: number;
  readonly stage: string;
  readonly elapsed_us: number;
}

/** Classifies by a model whose classes may be anybody's own; for tools that work on files. */
export function createTextClassifier(
  model: LinearModel,
  clock: Clock,
): (input: ClassifierInput) => LabelledProbabilities {
  const scorer = createLinearScorer(model);
  return (input) => {
    const startedMs = clock.monotonicMs();
    const scores = scorer.score(input.text);
    for (const { queryClass, weight } of structureSignals(input)) {
      const at = model.classes.indexOf(queryClass);
      if (at >= 0) scores[at] = (scores[at] ?? 0) + weight;
    }
    toProbabilities(scores);
    const elapsedUs = (clock.monotonicMs() - startedMs) * 1000;
    const ranked = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
    const [first = 0, second = 0] = ranked;
    return {
      class: model.classes[first] ?? '',
      probability: scores[first] ?? 0,
      probabilities: Object.fromEntries(ranked.map((c) => [model.classes[c] ?? '', scores[c] ?? 0])),
      margin: (scores[first] ?? 0) - (scores[second] ?? 0),
      stage: 'lexical',
      elapsed_us: Math.round(elapsedUs * 10) / 10,
    };
  };
}
