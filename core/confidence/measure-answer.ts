import { findCues } from './cues.ts';
import type { Cues, Ending } from './cues.ts';
import { measureQuality } from './quality-metrics.ts';
import type { QualityMetrics } from './score.ts';
import { structureOf } from './structure.ts';
import { scanText } from './text-scan.ts';

/** Characters read of a query and of an answer; the rest changes no signal and would cost without bound. */
export const QUERY_LIMIT = 4_096;
export const ANSWER_LIMIT = 16_384;

/** What the text of an answer tells of it. */
export interface TextSignals {
  readonly quality: QualityMetrics;
  readonly structure: number;
  readonly cues: Cues;
}

/** Measures an answer to a query. A function of its arguments alone; time is bounded by the limits above. */
export function measureAnswer(query: string, answer: string, ending: Ending): TextSignals {
  const asked = scanText(query, QUERY_LIMIT);
  const scan = scanText(answer, ANSWER_LIMIT);
  const cues = findCues(answer, scan, ending);
  return { quality: measureQuality(asked, scan, answer, cues), structure: structureOf(scan), cues };
}
