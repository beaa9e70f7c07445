import { systemClock } from '../../core/clock.ts';
import { loadConfig } from '../../core/config/load.ts';
import { silentLogger } from '../../core/logging.ts';
import type { DecidedBy } from '../../router/classification/cascade.ts';
import { openClassifier } from '../../router/classification/open-cascade.ts';
import { plainQuery } from '../../router/domain/query.ts';
import { percentile } from '../load/percentile.ts';

const CONFIGURED = loadConfig();
/** Longer than any embedding takes. */
const IDLE_MS = 60_000;

/** Measures both stages together, one query after another; every text is new to the second stage. Throws without a sentence model. */
export async function benchCascade(texts: readonly string[]): Promise<Record<string, number>> {
  const decided = new Map<DecidedBy, number>();
  const opened = openClassifier({
    config: CONFIGURED,
    clock: systemClock,
    log: silentLogger,
    env: process.env,
    onDecided: (by) => decided.set(by, (decided.get(by) ?? 0) + 1),
  });
  try {
    await opened.embedder?.settled;
    const { secondStage, detail } = opened.status();
    if (secondStage !== 'on') throw new Error(`there is no second stage to measure: ${detail}`);
    const all: number[] = [];
    const asked: number[] = [];
    for (const [at, text] of texts.entries()) {
      const query = plainQuery(`c${at}`, text);
      const startedMs = performance.now();
      const found = opened.classifier.classifyFully(query);
      const waits = found instanceof Promise;
      if (waits) await found;
      const tookMs = performance.now() - startedMs;
      all.push(tookMs);
      if (!waits) continue;
      asked.push(tookMs);
      // The next query meets an idle second stage, also after one that was late.
      await opened.embedder?.embed(text, IDLE_MS);
    }
    all.sort((a, b) => a - b);
    asked.sort((a, b) => a - b);
    const late = decided.get('lexical: second stage late') ?? 0;
    return {
      cascade_p50_ms: percentile(all, 0.5),
      cascade_p99_ms: percentile(all, 0.99),
      second_stage_p50_ms: percentile(asked, 0.5),
      second_stage_p99_ms: percentile(asked, 0.99),
      second_stage_asked_share: asked.length / texts.length,
      second_stage_late_share: late / Math.max(1, asked.length),
    };
  } finally {
    await opened.close();
  }
}
