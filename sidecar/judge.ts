import { isRising } from '../core/confidence/calibration.ts';
import type { Ending } from '../core/confidence/cues.ts';
import { isCutJson } from '../core/confidence/cut-json.ts';
import { measureAnswer } from '../core/confidence/measure-answer.ts';
import { fraction, score } from '../core/confidence/score.ts';
import { timeFactor } from '../core/confidence/time-factor.ts';
import { FrontierError } from '../core/errors.ts';
import { FinishReason } from '../gen/frontier/common/v1/message.ts';
import type { AnswerPayload, JudgePriors } from '../gen/frontier/common/v1/message.ts';
import type { ConfidenceReport } from '../gen/frontier/common/v1/quality.ts';
import { isJson } from './json-answer.ts';
import { DEGENERATE_REPETITION, estimateSelfAssessment } from './self-assessment.ts';

export interface Judgement {
  /** The user's words. */
  readonly query: string;
  readonly answer: AnswerPayload;
  /** Time that the workload took, in seconds. */
  readonly seconds: number;
  readonly priors: JudgePriors;
  /** Whether the workload stopped without saying that it was finished. */
  readonly truncated?: boolean;
  /** Whether the caller can take JSON alone. */
  readonly mustBeJson?: boolean;
}

/** Gives the priors of a query that came without any: no history, no calibration, the module's own threshold. */
export function defaultPriors(threshold: number): JudgePriors {
  return { queryClass: '', history: 0, historyCount: 0, threshold, calibration: [] };
}

/** Throws INVALID_FIELD when priors make no sense. */
export function checkPriors({ calibration, threshold, history }: JudgePriors): void {
  if (!isRising(calibration)) throw invalidPrior('calibration', 'must rise and stay from 0 to 1');
  if (!(threshold >= 0 && threshold <= 1)) throw invalidPrior('threshold', 'must be from 0 to 1');
  if (!(history >= 0 && history <= 1)) throw invalidPrior('history', 'must be from 0 to 1');
}

function invalidPrior(name: string, fault: string): FrontierError {
  const field = `message.query.priors.${name}`;
  return new FrontierError('INVALID_FIELD', `${field} ${fault}`, { metadata: { field } });
}

/** Gives the confidence report of an answer: the same for the same arguments. */
export function judge(judgement: Judgement): ConfidenceReport {
  const { query, answer, seconds, priors, truncated = false, mustBeJson = false } = judgement;
  const { quality, structure, cues } = measureAnswer(query, answer.content, endingOf(answer.finishReason));
  const selfAssessment = fraction(answer.selfAssessment ?? estimateSelfAssessment(cues));
  const history = priors.historyCount > 0 ? priors.history : undefined;
  const time = timeFactor(seconds);
  // Whatever its text is worth, it is not the answer that the model would have given.
  const whole =
    !truncated &&
    !isCutJson(answer.content) &&
    answer.finishReason !== FinishReason.CONTENT_FILTER &&
    cues.repetition < DEGENERATE_REPETITION;
  const fits = !mustBeJson || isJson(answer.content);
  const result = score({ selfAssessment, quality, history, time, structure }, priors.calibration);
  return {
    score: result.score,
    selfAssessment,
    quality,
    history: priors.history,
    time,
    structure,
    rawScore: result.rawScore,
    threshold: priors.threshold,
    accepted: whole && fits && result.score >= priors.threshold,
  };
}

function endingOf(reason: FinishReason): Ending {
  switch (reason) {
    case FinishReason.STOP:
      return 'stop';
    case FinishReason.LENGTH:
      return 'length';
    case FinishReason.CONTENT_FILTER:
      return 'content_filter';
    default:
      return 'unknown';
  }
}
