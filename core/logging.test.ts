import { expect, test } from '@jest/globals';
import { createLogger } from './logging.ts';

test('lines are JSON with service and level, and secrets never appear', () => {
  const lines: string[] = [];
  const log = createLogger({
    service: 'router',
    level: 'info',
    destination: { write: (line: string) => void lines.push(line) },
  });
  log.info({
    event: 'x',
    authorization: 'Bearer abc123',
    request: { apiKey: 'k-9876' },
    a: { b: { token: 'tok-555' } },
  });
  log.debug({ event: 'below the level' });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    service: 'router',
    event: 'x',
    authorization: '[redacted]',
  });
  expect(lines.join()).not.toMatch(/abc123|k-9876|tok-555/);
});
