import path from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { FrontierConfig } from '../../core/config/schema.ts';
import type { Logger } from '../../core/logging.ts';
import { createEmbedder, type Embedder } from '../embedding/embedder.ts';
import { findEmbeddingFiles } from '../embedding/embedding-files.ts';
import { createCascade, type DecidedBy } from './cascade.ts';
import type { StagedClassifier } from './classifier.ts';
import { checkModelClasses, withConfiguredClasses } from './configured-classes.ts';
import { createLexicalClassifier } from './lexical-classifier.ts';
import type { LinearModel } from './linear-model.ts';
import { SHIPPED_MODEL } from './load-model.ts';
import { createSecondStage } from './second-stage.ts';
import { loadStages } from './load-stages.ts';
import { EMBEDDING_VERSION } from './second-stage-model.ts';

/** What the classifier is made of at present, for status and doctor. */
export interface ClassifierStatus {
  readonly model: string;
  /** What the model was made from and how well it did. */
  readonly about: LinearModel['about'];
  /** "on" when unsure queries are asked about; else why not. */
  readonly secondStage: 'on' | 'loading' | 'off';
  readonly detail: string;
}

/** The classifier with what it holds. */
export interface OpenClassifier {
  readonly classifier: StagedClassifier;
  /** Undefined where nothing needs embeddings. */
  readonly embedder: Embedder | undefined;
  readonly status: () => ClassifierStatus;
  close(): Promise<void>;
}

export interface OpenClassifierOptions {
  readonly config: FrontierConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onDecided: (by: DecidedBy) => void;
}

/** Opens the classifier as configured. Throws CONFIG_INVALID when its model and the classes do not go together. The sentence model is loaded beside; until it is there, the first stage decides alone. */
export function openClassifier({ config, clock, log, env, onDecided }: OpenClassifierOptions): OpenClassifier {
  const { classification, cache } = config.orchestration.router;
  const { enabled, margin, time_budget: budget, cache_entries: cacheEntries } = classification.second_stage;
  const modelFile =
    classification.model === undefined ? SHIPPED_MODEL : path.resolve(config.rootDir, classification.model);
  const { lexical, second } = loadStages(modelFile);
  const missing = checkModelClasses(lexical.classes, classification.classes);
  if (missing.length > 0) {
    const detail = "the classifier's model does not know these classes: only context.domain leads to them";
    log.warn({ event: 'classes_not_in_model', classes: missing, detail });
  }
  const hasHead = !('missing' in second);
  const isWanted = (enabled && hasHead) || (cache.enabled && cache.similarity_by === 'meaning');
  const { embedding_path: folder } = config.orchestration.runtime;
  const files = findEmbeddingFiles(folder === undefined ? undefined : path.resolve(config.rootDir, folder), env);
  const embedder = isWanted ? createEmbedder({ files, cacheEntries, clock, log }) : undefined;
  const stage = enabled && hasHead ? createSecondStage(lexical, second) : undefined;
  const status = (): ClassifierStatus => ({
    model: modelFile,
    about: lexical.about,
    ...secondStageStatus(enabled ? (hasHead ? undefined : second.missing) : 'switched off', embedder),
  });
  void embedder?.settled.then(() => {
    const { secondStage, detail } = status();
    if (secondStage === 'on') log.info({ event: 'sentence_model_ready', detail });
    else log.warn({ event: 'sentence_model_unavailable', detail });
  });
  if (!enabled || !hasHead) log.info({ event: 'second_stage_off', detail: status().detail });
  const cascade = createCascade({
    first: createLexicalClassifier(lexical),
    second: stage === undefined || embedder === undefined ? undefined : { stage, embedder },
    margin,
    budgetMs: budget * 1000,
    onDecided,
  });
  return {
    classifier: withConfiguredClasses(cascade, lexical.classes, classification.classes),
    embedder,
    status,
    close: () => embedder?.close() ?? Promise.resolve(),
  };
}

function secondStageStatus(
  why: string | undefined,
  embedder: Embedder | undefined,
): Pick<ClassifierStatus, 'secondStage' | 'detail'> {
  if (why !== undefined) return { secondStage: 'off', detail: why };
  const state = embedder?.status ?? { state: 'unavailable' as const, detail: 'no sentence model' };
  if (state.state === 'ready') return { secondStage: 'on', detail: EMBEDDING_VERSION };
  if (state.state === 'loading') return { secondStage: 'loading', detail: 'the sentence model is being loaded' };
  return { secondStage: 'off', detail: state.detail };
}
