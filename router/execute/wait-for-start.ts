import { FrontierError } from '../../core/errors.ts';
import type { ExecutionEvent } from '../domain/events.ts';
import { activationPatienceMs } from '../resilience/patience.ts';
import type { AttemptRequest, AttemptStep } from './attempt.ts';
import type { ExecutionDependencies } from './execution-dependencies.ts';

/**
 * Waits until a module has started; while another one is ready to answer, or could be, not for longer than patience has it. Throws
 * ACTIVATION_TIMEOUT then, and what the activator throws.
 */
export async function* waitForStart(
  { moduleId, othersRemain }: AttemptStep,
  { signal, deadlineMs }: Pick<AttemptRequest, 'signal' | 'deadlineMs'>,
  { board, activator, clock, patience }: ExecutionDependencies,
): AsyncGenerator<ExecutionEvent, void, undefined> {
  const record = board.record(moduleId);
  const anotherIsReady = [...board.records()].some((other) => other !== record && other.readyReplicas > 0);
  // Nothing of a server that runs elsewhere has to be loaded: one that is not ready soon is away.
  const runsElsewhere = record?.spec.adapter.url !== undefined;
  const late = new AbortController();
  const limitMs = activationPatienceMs(patience, {
    expectedMs: record?.expectedActivationMs,
    runsElsewhere,
    leftMs: deadlineMs - clock.nowMs(),
  });
  const cancel =
    othersRemain && (anotherIsReady || runsElsewhere)
      ? clock.after(limitMs, () => {
          late.abort(new FrontierError('ACTIVATION_TIMEOUT', `${moduleId} was not ready after ${limitMs / 1000} s`));
        })
      : (): void => undefined;
  try {
    const updates = activator.wait(moduleId, AbortSignal.any([signal, late.signal]));
    for await (const update of updates) yield { kind: 'warming', moduleId, ...update };
  } finally {
    cancel();
  }
}
