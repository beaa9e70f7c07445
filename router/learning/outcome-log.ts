import { openLogFile } from '../../core/process/log-file.ts';
import type { Decision } from '../decide/decide.ts';
import type { RouteResult } from '../domain/route-result.ts';
import { outcomeOf } from './outcome.ts';

/** Where outcomes are kept for `frontier replay`. */
export interface OutcomeLog {
  record(decision: Decision, result: RouteResult): void;
  close(): void;
}

const MAX_BYTES = 64 * 1024 * 1024;

/** Opens the log at `path`; at most twice 64 MiB are kept. Throws when it cannot be opened. */
export function openOutcomeLog(path: string): OutcomeLog {
  const file = openLogFile(path, MAX_BYTES);
  return {
    record(decision, result) {
      const outcome = outcomeOf(decision, result);
      if (outcome !== undefined) file.writeLine(JSON.stringify(outcome));
    },
    close: () => {
      file.close();
    },
  };
}
