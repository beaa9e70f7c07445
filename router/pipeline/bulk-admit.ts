import type { FrontierError } from '../../core/errors.ts';
import type { Caller } from '../domain/caller.ts';
import type { Priority } from '../domain/priority.ts';
import type { Query } from '../domain/query.ts';
import { priorityOf, withPriority } from '../domain/query-priority.ts';
import type { BulkDependencies } from './dependencies.ts';

/** A query that has come in, or why it cannot be handled. */
export type BulkInput =
  { readonly requestId: string; readonly query: Query } | { readonly requestId: string; readonly error: FrontierError };

/** What becomes of the queries of a batch. */
export interface BatchSinks {
  /** Begins with a query that has a place. */
  readonly start: (input: BulkInput) => void;
  /** Tells of a query that has got none. */
  readonly shed: (requestId: string, error: FrontierError) => void;
}

/**
 * Starts the queries of a batch, as places and the user's allowance come free; meanwhile nothing more is read, which is what slows
 * the caller down. Queries that have waited for a place as long as a request may take are shed one by one, and the others go on.
 */
export async function admitBatch(
  batch: readonly BulkInput[],
  caller: Caller,
  { admission, clock, requestTimeoutMs }: BulkDependencies,
  { start, shed }: BatchSinks,
): Promise<void> {
  const { principal, signal } = caller;
  const inputs = batch.map((input) =>
    'error' in input ? input : { ...input, query: withPriority(input.query, caller) },
  );
  const giveUpAtMs = clock.monotonicMs() + requestTimeoutMs;
  for (let at = 0; at < inputs.length;) {
    const priority = priorityAt(inputs, at);
    const claim = { tenant: principal.tenant, priority };
    const wanted = alikeFrom(inputs, at, priority);
    const waitMs = Math.max(0, giveUpAtMs - clock.monotonicMs());
    const entered = admission.enterBulk(claim, wanted) || (await admission.waitBulk(claim, wanted, waitMs, signal));
    if (entered === 0) {
      shed(inputs[at]?.requestId ?? '', admission.shedBulk(priority));
      at += 1;
      continue;
    }
    const allowanceMs = admission.takeAllowance(principal, '', entered);
    if (allowanceMs > 0) {
      admission.leaveBulk(principal.tenant, entered);
      await clock.sleep(allowanceMs, signal);
      continue;
    }
    for (const end = at + entered; at < end; at += 1) start(inputs[at] as BulkInput);
  }
}

function priorityAt(inputs: readonly BulkInput[], at: number): Priority {
  const input = inputs[at];
  return input === undefined || 'error' in input ? 'normal' : priorityOf(input.query);
}

/** Counts the inputs from one on that are of its priority. */
function alikeFrom(inputs: readonly BulkInput[], at: number, priority: Priority): number {
  let end = at + 1;
  while (end < inputs.length && priorityAt(inputs, end) === priority) end += 1;
  return end - at;
}
