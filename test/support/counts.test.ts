import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addCounts, countResults, summaryLine } from './counts.ts';

describe('the counts of a test run', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'frontier-test-counts-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const counted = (content: string): ReturnType<typeof countResults> => {
    const file = join(folder, 'results.json');
    writeFileSync(file, content);
    return countResults(file);
  };
  const suite = (status: string, ...tests: string[]): object => ({
    status,
    assertionResults: tests.map((test) => ({ status: test })),
  });

  it('adds up the suites', () => {
    const results = {
      numPassedTests: 3,
      numPendingTests: 1,
      numTodoTests: 1,
      testResults: [
        suite('passed', 'passed', 'passed', 'pending', 'todo'),
        suite('failed', 'failed', 'failed', 'passed'),
      ],
    };
    expect(counted(JSON.stringify(results))).toEqual({ passed: 3, failed: 2, skipped: 2 });
  });

  it('counts a suite that failed as a whole, with or without passed tests', () => {
    const results = {
      numPassedTests: 1,
      numPendingTests: 0,
      numTodoTests: 0,
      testResults: [suite('failed'), suite('failed', 'passed')],
    };
    expect(counted(JSON.stringify(results))).toEqual({ passed: 1, failed: 2, skipped: 0 });
  });

  it('counts a run that left no readable result', () => {
    expect(counted('{"num').failed).toBe(1);
    expect(countResults(join(folder, 'absent.json')).failed).toBe(1);
  });

  it('prints skipped tests only where there are some', () => {
    const some = addCounts({ passed: 1, failed: 0, skipped: 0 }, { passed: 2, failed: 1, skipped: 0 });
    expect(summaryLine(some)).toBe('3 passed, 1 failed');
    expect(summaryLine({ ...some, skipped: 4 })).toBe('3 passed, 1 failed, 4 skipped');
  });
});
