import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import type { Json, Store } from '../../core/store/store.ts';
import type { CachedAnswer } from './cached-answer.ts';

/** Answers in the store, where every router finds them. */
export interface SharedAnswers {
  /** Gives an answer if it comes soon enough; a store that is slow or away is the same as one that has none. */
  get(key: string, signal: AbortSignal): Promise<CachedAnswer | undefined>;
  /** Stores an answer, beside the request's way. */
  set(key: string, cached: CachedAnswer, ttlMs: number): void;
}

/** Longest wait for the store, in milliseconds: less than any module takes. */
const PATIENCE_MS = 25;
/** Time after a wait in vain in which the store is not asked, in milliseconds. */
const REST_MS = 1_000;
const PREFIX = 'cache/';

const fraction = z.number().min(0).max(1);
const stored = z.object({
  answer: z.object({
    content: z.string(),
    finishReason: z.enum(['unspecified', 'stop']),
    usage: z.object({ promptTokens: z.number(), completionTokens: z.number() }),
    confidence: z.object({
      score: fraction,
      selfAssessment: fraction,
      quality: z.object({
        relevance: fraction,
        coherence: fraction,
        accuracy: fraction,
        completeness: fraction,
        safety: fraction,
      }),
      history: fraction,
      time: fraction,
      structure: fraction,
      rawScore: fraction,
      threshold: fraction,
      accepted: z.boolean(),
    }),
    // Files are kept by the router that has them.
    attachments: z.array(z.never()),
  }),
  moduleId: z.string(),
  expiresAtMs: z.number(),
});

/** Creates the shared layer over a store. */
export function createSharedAnswers(store: Store, clock: Clock, log: Logger): SharedAnswers {
  let restUntilMs = 0;
  let isAway = false;
  /** One query has waited in vain; others need not for a while. */
  const rest = (): void => {
    restUntilMs = clock.monotonicMs() + REST_MS;
  };
  const failed = (error: unknown): undefined => {
    rest();
    if (!isAway) log.warn({ event: 'shared_cache_unavailable', error: messageOf(error) });
    isAway = true;
    return undefined;
  };
  const answered = <T>(value: T): T => {
    isAway = false;
    return value;
  };
  return {
    async get(key, signal) {
      if (clock.monotonicMs() < restUntilMs) return undefined;
      const late = new AbortController();
      const found = await Promise.race([
        store.get(PREFIX + key).then(answered, failed),
        clock.sleep(PATIENCE_MS, AbortSignal.any([signal, late.signal])).then(rest, () => undefined),
      ]);
      late.abort();
      signal.throwIfAborted();
      const parsed = stored.safeParse(found);
      return parsed.success ? parsed.data : undefined;
    },
    set(key, cached, ttlMs) {
      if (cached.answer.attachments.length > 0) return;
      store.set(PREFIX + key, cached as unknown as Json, { ttlMs }).then(answered, failed);
    },
  };
}
