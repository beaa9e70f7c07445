import type { AnswerCache } from '../cache/answer-cache.ts';
import type { StagedClassifier } from '../classification/classifier.ts';
import type { PlanPolicy } from '../decide/plan.ts';
import type { Planner } from '../decide/plan-book.ts';
import type { ModuleLanes } from '../execute/module-lanes.ts';
import type { PlanDependencies } from '../execute/execute-plan.ts';
import type { Admission } from './admit.ts';
import type { ModuleWait } from './module-wait.ts';
import type { Pressure } from './pressure.ts';
import type { RecordDependencies } from './record.ts';

/** What the pipeline needs to handle a query. */
export interface RouterDependencies extends PlanDependencies, RecordDependencies {
  readonly classifier: StagedClassifier;
  readonly admission: Admission;
  readonly policy: PlanPolicy;
  /** Plans by `policy`. */
  readonly planner: Planner;
  readonly pressure: Pressure;
  readonly moduleWait: ModuleWait;
  /** Answers given before; undefined where none are kept. */
  readonly answers: AnswerCache | undefined;
  /** Longest time for a request whose caller gives no deadline, in milliseconds. */
  readonly requestTimeoutMs: number;
}

/** What it needs beside for queries in bulk. */
export interface BulkDependencies extends RouterDependencies {
  readonly lanes: ModuleLanes;
  /** Gives a message id, unique in this process. */
  readonly nextMessageId: () => string;
}
