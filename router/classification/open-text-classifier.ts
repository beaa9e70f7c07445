import type { Clock } from '../../core/clock.ts';
import { openSentenceModel } from '../embedding/open-sentence-model.ts';
import type { ClassifierInput } from './classifier.ts';
import { loadStages } from './load-stages.ts';
import { createStagedTextClassifier, createTextClassifier, type LabelledProbabilities } from './text-classifier.ts';

/** Margin under which tools ask the second stage; the default of router.classification.second_stage.margin. */
const MARGIN = 0.7;

/** A classifier for tools, with what it lacks. */
export interface TextClassifier {
  readonly classify: (input: ClassifierInput) => LabelledProbabilities | Promise<LabelledProbabilities>;
  /** Why there is only the first stage; undefined when there are both, or one was asked for. */
  readonly lacks: string | undefined;
}

/**
 * Opens a model, with its second stage where there is one and the sentence model is at hand. `firstOnly` leaves that out.
 * Throws MODEL_UNREADABLE.
 */
export async function openTextClassifier(
  options: { readonly file: string | undefined; readonly firstOnly: boolean },
  clock: Clock,
  env: Readonly<Record<string, string | undefined>>,
): Promise<TextClassifier> {
  const { lexical, second } = loadStages(options.file);
  const alone = (lacks: string | undefined): TextClassifier => ({
    classify: createTextClassifier(lexical, clock),
    lacks,
  });
  if (options.firstOnly) return alone(undefined);
  if ('missing' in second) return alone(second.missing);
  const sentences = await openSentenceModel(env);
  if ('missing' in sentences) return alone(sentences.missing);
  return {
    classify: createStagedTextClassifier(lexical, { model: second, encode: sentences.encode, margin: MARGIN }, clock),
    lacks: undefined,
  };
}
