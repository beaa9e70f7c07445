import type { Activator } from './activation.ts';
import type { AttemptDependencies } from './attempt.ts';

/** What carrying out a plan needs. */
export interface ExecutionDependencies extends AttemptDependencies {
  readonly activator: Activator;
}
