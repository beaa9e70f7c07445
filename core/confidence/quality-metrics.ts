import { runChecks } from './checks.ts';
import type { Cues } from './cues.ts';
import { safetyOf } from './safety.ts';
import { fraction } from './score.ts';
import type { QualityMetrics } from './score.ts';
import type { TextScan } from './text-scan.ts';

/** Accuracy where nothing can be checked: neither trusted nor doubted. */
const UNCHECKED_ACCURACY = 0.7;
/** Relevance of an answer that shares no term with its query: right answers to short questions often do not. */
const NO_OVERLAP_RELEVANCE = 0.4;
/** Share of the query's terms from which an answer counts as wholly on the subject. */
const FULL_OVERLAP = 0.4;
/** Share of repeated word triples that good text may have, and from which text is worthless. */
const HARMLESS_REPETITION = 0.15;
const WORTHLESS_REPETITION = 0.6;
const LONG_RUN = 24;

/**
 * Measures the five properties of an answer from its text. These are cheap, honest signs, not a judge: on held-back data
 * refusals, truncation and checks that can be run carry from one module to another, style and length do not.
 */
export function measureQuality(query: TextScan, answer: TextScan, source: string, cues: Cues): QualityMetrics {
  return {
    relevance: relevanceOf(query, answer, cues),
    coherence: coherenceOf(answer, cues),
    accuracy: accuracyOf(query, answer, source, cues),
    completeness: completenessOf(cues),
    safety: safetyOf(query, answer),
  };
}

function relevanceOf(query: TextScan, answer: TextScan, { refusal }: Cues): number {
  if (refusal) return 0.2;
  if (query.terms.length === 0 || answer.terms.length === 0) return NO_OVERLAP_RELEVANCE;
  if (answer.text === query.text) return 0.3;
  const overlap = shareFound(query.terms, new Set(answer.terms));
  return NO_OVERLAP_RELEVANCE + (1 - NO_OVERLAP_RELEVANCE) * fraction(overlap / FULL_OVERLAP);
}

function shareFound(terms: readonly number[], among: ReadonlySet<number>): number {
  let found = 0;
  for (const term of terms) if (among.has(term)) found++;
  return found / terms.length;
}

function coherenceOf(answer: TextScan, { repetition }: Cues): number {
  const circling = fraction((repetition - HARMLESS_REPETITION) / (WORTHLESS_REPETITION - HARMLESS_REPETITION));
  const broken = fraction((10 * answer.brokenCharacters) / (answer.text.length + 1));
  const stuck = answer.longestRun >= LONG_RUN && answer.longestRun * 3 > answer.text.length ? 0.8 : 0;
  const wordless = answer.words.length === 0 ? 0.7 : 0;
  return (1 - circling) * (1 - broken) * (1 - Math.max(stuck, wordless));
}

function accuracyOf(query: TextScan, answer: TextScan, source: string, { refusal }: Cues): number {
  const { passed, failed } = runChecks(query, answer, source);
  const checked = passed + failed;
  const base = checked === 0 ? UNCHECKED_ACCURACY : 0.95 * (passed / checked) ** 2;
  return refusal ? Math.min(base, 0.4) : base;
}

function completenessOf({ refusal, truncated }: Cues): number {
  if (refusal) return 0.1;
  return truncated ? 0.4 : 0.9;
}
