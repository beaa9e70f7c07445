import { FrontierError, type ErrorOptions } from '../../core/errors.ts';
import type { AttemptRecord } from './answer.ts';

/** Says that no module could answer, and what each has done. */
export class ExhaustedError extends FrontierError {
  readonly attempts: readonly AttemptRecord[];

  constructor(message: string, attempts: readonly AttemptRecord[], options: ErrorOptions) {
    super('ALL_ATTEMPTS_FAILED', message, options);
    this.attempts = attempts;
  }
}
