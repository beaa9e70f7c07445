import type { Clock } from '../../core/clock.ts';
import type { FrontierConfig } from '../../core/config/schema.ts';
import type { Logger } from '../../core/logging.ts';
import type { Store } from '../../core/store/store.ts';
import type { Registry } from '../../core/telemetry/metrics.ts';
import { registerCacheGauges, type RouterMetrics } from '../telemetry/router-metrics.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { compareMeaning, compareWords, type CompareTexts } from './compare-texts.ts';
import { createAnswerCache, type AnswerCache } from './answer-cache.ts';
import { createSharedAnswers } from './shared-answers.ts';

export interface CreateAnswersOptions {
  readonly config: FrontierConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Store;
  readonly registry: Registry;
}

/** Gives the cache as configured, with its metrics; undefined where it is off. */
export function createAnswers(
  { config, clock, log, store, registry }: CreateAnswersOptions,
  metrics: RouterMetrics,
  embedder: Embedder | undefined,
): AnswerCache | undefined {
  const settings = config.orchestration.router.cache;
  if (!settings.enabled) return undefined;
  const answers = createAnswerCache({
    clock,
    ttlMs: settings.ttl * 1000,
    maxBytes: settings.max_bytes,
    similarity: compareBy(config, embedder),
    collapse: settings.collapse,
    shared: settings.shared ? createSharedAnswers(store, clock, log) : undefined,
    onLookup: (outcome) => {
      metrics.cacheLookups.inc({ outcome });
    },
  });
  registerCacheGauges(registry, answers);
  return answers;
}

/** What makes queries similar, as configured; words where there is no sentence model. */
function compareBy({ orchestration }: FrontierConfig, embedder: Embedder | undefined): CompareTexts | undefined {
  const { cache, classification } = orchestration.router;
  if (cache.similarity === undefined) return undefined;
  return cache.similarity_by === 'meaning' && embedder !== undefined
    ? compareMeaning(cache.similarity, embedder, classification.second_stage.time_budget * 1000)
    : compareWords(cache.similarity);
}
