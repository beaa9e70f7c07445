import type { JudgedAnswer } from '../domain/answer.ts';

/** An answer that may be given again. */
export interface CachedAnswer {
  readonly answer: JudgedAnswer;
  readonly moduleId: string;
  /** On the clock's `nowMs`. */
  readonly expiresAtMs: number;
}
