import type { Clock } from '../../core/clock.ts';
import type { EncodeSentence } from '../embedding/sentence-encoder.ts';
import type { ClassifierInput } from './classifier.ts';
import type { LinearModel } from './linear-model.ts';
import { createLinearScorer, toProbabilities } from './linear-scorer.ts';
import { scoresOf } from './second-stage.ts';
import type { SecondStageModel } from './second-stage-model.ts';
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

type ClassifyText = (input: ClassifierInput) => LabelledProbabilities;

/** Second stage of the tools: it has all the time it needs. */
export interface TextSecondStage {
  readonly model: SecondStageModel;
  readonly encode: EncodeSentence;
  /** Difference of the two highest probabilities under which it is asked. */
  readonly margin: number;
}

/** Classifies by a model whose classes may be anybody's own, by its first stage; for tools that work on files. */
export function createTextClassifier(model: LinearModel, clock: Clock): ClassifyText {
  const scorer = createLinearScorer(model);
  return (input) => {
    const startedMs = clock.monotonicMs();
    return labelled(model.classes, scorer.score(input.text), input, 'lexical', () => clock.monotonicMs() - startedMs);
  };
}

/** The same with the second stage asked where the first one's margin is narrow. */
export function createStagedTextClassifier(
  lexical: LinearModel,
  { model, encode, margin }: TextSecondStage,
  clock: Clock,
): (input: ClassifierInput) => Promise<LabelledProbabilities> {
  const classify = createTextClassifier(lexical, clock);
  const scorer = createLinearScorer(lexical);
  return async (input) => {
    const startedMs = clock.monotonicMs();
    const first = classify(input);
    if (first.margin >= margin) return first;
    const meaning = scoresOf(await encode(input.text), model);
    const scores = scorer.score(input.text).map((score, c) => score * model.lexicalWeight + (meaning[c] ?? 0));
    return labelled(lexical.classes, scores, input, 'embedding', () => clock.monotonicMs() - startedMs);
  };
}

/** Turns scores of the text, with what stands beside it, into the row that tools print. Changes the scores. */
function labelled(
  classes: readonly string[],
  scores: Float64Array,
  input: ClassifierInput,
  stage: string,
  elapsedMs: () => number,
): LabelledProbabilities {
  for (const { queryClass, weight } of structureSignals(input)) {
    const at = classes.indexOf(queryClass);
    if (at >= 0) scores[at] = (scores[at] ?? 0) + weight;
  }
  toProbabilities(scores);
  const elapsedUs = elapsedMs() * 1000;
  const ranked = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const [first = 0, second = 0] = ranked;
  return {
    class: classes[first] ?? '',
    probability: scores[first] ?? 0,
    probabilities: Object.fromEntries(ranked.map((c) => [classes[c] ?? '', scores[c] ?? 0])),
    margin: (scores[first] ?? 0) - (scores[second] ?? 0),
    stage,
    elapsed_us: Math.round(elapsedUs * 10) / 10,
  };
}
