import { readFileSync } from 'node:fs';

/** How many tests ended how. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 };

/** What is read of the file that `jest --json` writes. */
interface JestResults {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/**
 * Counts the results that jest wrote. A suite that failed as a whole (it does not load, its clean-up failed) counts as one
 * failed test, and so does a run that wrote nothing that can be read: no failure may go uncounted.
 */
export function countResults(outputFile: string): Counts {
  let results: JestResults;
  try {
    results = JSON.parse(readFileSync(outputFile, 'utf8')) as JestResults;
  } catch {
    return { ...noCounts, failed: 1 };
  }
  const failed = results.testResults.map((suite) => {
    const tests = suite.assertionResults.filter(({ status }) => status === 'failed').length;
    return suite.status === 'failed' ? Math.max(tests, 1) : tests;
  });
  return {
    passed: results.numPassedTests,
    failed: failed.reduce((sum, count) => sum + count, 0),
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** Gives the last line of a test run. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
