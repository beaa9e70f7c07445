import type { Embedder } from '../embedding/embedder.ts';
import type { Classification, Classifier, ClassifierInput, StagedClassifier } from './classifier.ts';
import type { SecondStage } from './second-stage.ts';

/** Which stage decided, and why: bounded in number, for metrics. */
export const DECIDED_BY = [
  'lexical: sure',
  'lexical: only stage',
  'lexical: not waited for',
  'lexical: second stage late',
  'lexical: second stage busy',
  'lexical: second stage unavailable',
  'embedding: kept',
  'embedding: computed',
] as const;
export type DecidedBy = (typeof DECIDED_BY)[number];

export interface CascadeOptions {
  readonly first: Classifier;
  /** Undefined when there is only one stage. */
  readonly second: { readonly stage: SecondStage; readonly embedder: Embedder } | undefined;
  /** Difference of the two highest probabilities under which the second stage is asked. */
  readonly margin: number;
  /** Longest wait for the second stage, in milliseconds. */
  readonly budgetMs: number;
  readonly onDecided: (by: DecidedBy) => void;
}

/**
 * Puts two stages together. The first decides where its margin is wide; where it is not, the second does, if its embedding is
 * there in time. `classify` never waits: it uses embeddings that are kept.
 */
export function createCascade({ first, second, margin, budgetMs, onDecided }: CascadeOptions): StagedClassifier {
  const decided = (by: DecidedBy, classification: Classification): Classification => {
    onDecided(by);
    return classification;
  };
  const settledAtOnce = (classification: Classification): DecidedBy | undefined => {
    if (second === undefined) return 'lexical: only stage';
    return classification.margin >= margin ? 'lexical: sure' : undefined;
  };
  const fromKept = (input: ClassifierInput): Classification | undefined => {
    const vector = second?.embedder.known(input.text);
    return vector === undefined ? undefined : second?.stage.classify(input, vector);
  };
  return {
    classify(input) {
      const found = first.classify(input);
      const by = settledAtOnce(found);
      if (by !== undefined) return decided(by, found);
      const better = fromKept(input);
      return better === undefined ? decided('lexical: not waited for', found) : decided('embedding: kept', better);
    },
    classifyFully(input) {
      const found = first.classify(input);
      const by = settledAtOnce(found);
      if (by !== undefined || second === undefined) return decided(by ?? 'lexical: only stage', found);
      const better = fromKept(input);
      if (better !== undefined) return decided('embedding: kept', better);
      return second.embedder
        .embed(input.text, budgetMs)
        .then((embedded) =>
          typeof embedded === 'string'
            ? decided(`lexical: second stage ${embedded}`, found)
            : decided('embedding: computed', second.stage.classify(input, embedded)),
        );
    },
  };
}
