import { FrontierError } from '../../core/errors.ts';
import type { JudgedAnswer } from '../domain/answer.ts';

/**
 * Gives the verdict that the sidecar has passed on an answer. Throws MODULE_BAD_REPLY when the report cannot be one: the
 * plan then goes on as after any other failure.
 */
export function isAccepted({ confidence }: JudgedAnswer): boolean {
  const numbers = [confidence.score, confidence.rawScore, confidence.threshold];
  if (numbers.every((value) => value >= 0 && value <= 1)) return confidence.accepted;
  throw new FrontierError('MODULE_BAD_REPLY', 'the confidence report holds a number outside of 0 to 1');
}
