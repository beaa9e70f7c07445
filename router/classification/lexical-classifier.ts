import { QUERY_CLASSES, type QueryClass } from '../../core/config/schema.ts';
import type { Classification, Classifier, ClassProbability, Signal } from './classifier.ts';
import { PRIORS, TERM_WEIGHTS } from './lexical-weights.ts';
import { addStructureSignals, MAX_INSPECTED_CHARS } from './structure-signals.ts';
import { createTermIndex } from './term-index.ts';

/** Most evidence that one class may gather, in log-odds, so that long texts do not become certain by length alone. */
const MAX_EVIDENCE = 9;

/**
 * A linear scorer: what is found in the query adds log-odds to a class, and softmax makes probabilities of the sums.
 * Takes some microseconds for a sentence; every request passes here, hence the plain loops.
 */
export function createLexicalClassifier(): Classifier {
  const index = createTermIndex(TERM_WEIGHTS);
  return {
    classify: (input) => {
      const text = input.text.length > MAX_INSPECTED_CHARS ? input.text.slice(0, MAX_INSPECTED_CHARS) : input.text;
      const signals: Signal[] = [];
      addStructureSignals(text, input, signals);
      index.find(text, signals);
      return conclude(signals);
    },
  };
}

/** Gives the classification that the signals amount to. */
function conclude(signals: readonly Signal[]): Classification {
  const evidence: Record<QueryClass, number> = {
    CODE_GENERATION: 0,
    BUSINESS_ANALYSIS: 0,
    CREATIVE_CONTENT: 0,
    MULTIMODAL: 0,
    GENERAL: 0,
  };
  for (const signal of signals) evidence[signal.queryClass] += signal.weight;
  const probabilities = softmax(evidence);
  const [first, second] = probabilities as [ClassProbability, ClassProbability];
  return {
    queryClass: first.queryClass,
    probability: first.probability,
    margin: first.probability - second.probability,
    probabilities,
    signals,
    stage: 'lexical',
  };
}

/** Probabilities of the classes from their evidence, highest first. Scores are small, so that no power overflows. */
function softmax(evidence: Readonly<Record<QueryClass, number>>): ClassProbability[] {
  const sorted: { queryClass: QueryClass; probability: number }[] = [];
  let sum = 0;
  for (const queryClass of QUERY_CLASSES) {
    const power = Math.exp(PRIORS[queryClass] + Math.min(evidence[queryClass], MAX_EVIDENCE));
    sum += power;
    let at = sorted.length;
    while (at > 0 && (sorted[at - 1]?.probability ?? 0) < power) at -= 1;
    sorted.splice(at, 0, { queryClass, probability: power });
  }
  for (const entry of sorted) entry.probability /= sum;
  return sorted;
}
