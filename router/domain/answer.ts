import type { Reason } from '../../core/errors.ts';
import type { CalibrationPoint } from '../../core/confidence/calibration.ts';
import type { QueryClass } from '../../core/config/schema.ts';
import type { Attachment } from './query.ts';

/** Five properties of an answer, each from 0 (worst) to 1 (best). */
export interface Quality {
  readonly relevance: number;
  readonly coherence: number;
  readonly accuracy: number;
  readonly completeness: number;
  readonly safety: number;
}

/** How far an answer can be trusted, and from what; every number from 0 to 1. */
export interface ConfidenceReport {
  readonly score: number;
  readonly selfAssessment: number;
  readonly quality: Quality;
  readonly history: number;
  readonly time: number;
  readonly structure: number;
  readonly rawScore: number;
  readonly threshold: number;
  /** The sidecar's verdict. */
  readonly accepted: boolean;
}

export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export type FinishReason = 'unspecified' | 'stop' | 'length' | 'content_filter';

/** An answer as a sidecar gives it: judged. */
export interface JudgedAnswer {
  readonly content: string;
  readonly finishReason: FinishReason;
  readonly usage: TokenUsage;
  readonly confidence: ConfidenceReport;
  readonly attachments: readonly Attachment[];
}

/** One call of one module. */
export interface AttemptRecord {
  readonly moduleId: string;
  readonly accepted: boolean;
  /** Why it failed; undefined when it was accepted. */
  readonly reason: Reason | undefined;
  readonly latencyMs: number;
  readonly cost: number;
  /** Score of the answer; undefined when there was none. */
  readonly confidenceScore: number | undefined;
  /** Tokens taken, also by an attempt that failed; left out when there were none. */
  readonly usage?: TokenUsage;
  /** Whether the tokens were counted here, because the module did not get to tell. */
  readonly usageEstimated?: boolean;
}

/** What carrying out a plan came to. */
export interface ExecutionResult {
  readonly answer: JudgedAnswer;
  readonly moduleId: string;
  readonly attempts: readonly AttemptRecord[];
  /** Time that the query waited for modules to start, in milliseconds. */
  readonly coldStartMs: number;
  /** Module that was to be asked first, where the strategy has its own order. */
  readonly firstModuleId?: string | undefined;
  /** Whether the answer goes on from the partial answer of a module that failed. */
  readonly continuation?: boolean;
}

/** What the judge is told besides the answer. */
export interface JudgePriors {
  readonly queryClass: QueryClass;
  /** Rolling mean of the module's past scores for the class. */
  readonly history: number;
  /** Outcomes behind `history`. */
  readonly historyCount: number;
  /** Score under which the answer is to be rejected. */
  readonly threshold: number;
  /** What raw scores have turned out to be worth; empty when nothing is known. */
  readonly calibration: readonly CalibrationPoint[];
}
