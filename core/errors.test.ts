import { expect, test } from '@jest/globals';
import { Code, FrontierError, toFrontierError } from './errors.ts';

test('an unknown failure becomes INTERNAL with fixed text and keeps its cause for the log', () => {
  const cause = new TypeError('password is hunter2');
  const error = toFrontierError(cause);
  expect(error).toMatchObject({ reason: 'INTERNAL', code: Code.INTERNAL, cause });
  expect(error.message).not.toContain('hunter2');
});

test('an abort becomes CANCELLED, our own errors stay as they are', () => {
  expect(toFrontierError(new DOMException('gone', 'AbortError')).reason).toBe('CANCELLED');
  const own = new FrontierError('RATE_LIMITED', 'slow down', { retryAfterMs: 5 });
  expect(toFrontierError(own)).toBe(own);
});
