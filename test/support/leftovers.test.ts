import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { endLeftovers } from './leftovers.ts';
import { startPart } from './process.ts';

it('ends what carries the mark, and only that, and names it', async () => {
  const mark = `mark-${randomUUID()}`;
  const idle = { command: process.execPath, args: ['-e', 'setInterval(() => undefined, 1000)'] };
  const marked = await startPart({ ...idle, env: { FRONTIER_TEST_RUN: mark } });
  const other = await startPart({ ...idle, env: { FRONTIER_TEST_RUN: undefined } });
  const ended = await endLeftovers(mark, 0);
  expect(ended.map(({ pid }) => pid)).toEqual([marked.pid]);
  expect(await marked.exited).toEqual({ code: null, signal: 'SIGKILL' });
  expect(other.child.exitCode).toBeNull();
});

it('finds nothing after a run that cleaned up', async () => {
  expect(await endLeftovers(`mark-${randomUUID()}`)).toEqual([]);
});
