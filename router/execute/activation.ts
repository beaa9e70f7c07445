import type { Clock } from '../../core/clock.ts';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { createAsyncQueue, type AsyncQueue } from './async-queue.ts';

/** How far a module's start is. */
export interface ActivationProgress {
  /** From 0 to 1. */
  readonly progress: number;
  /** Milliseconds since the epoch; undefined while unknown. */
  readonly expectedReadyAtMs: number | undefined;
  readonly stage: string;
}

export interface ActivatorOptions {
  /** Asks the loader to start a module; the sequence ends when its first endpoint is ready. */
  readonly activate: (moduleId: string, signal: AbortSignal) => AsyncIterable<ActivationProgress>;
  /** Requests that may wait for one module; more are shed. */
  readonly maxWaiting: number;
  /** Longest wait, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Waits for modules to start. */
export interface Activator {
  /**
   * Gives the progress of a module's start, and ends when it is ready. However many wait, the loader is asked once.
   * Throws OVERLOADED when too many wait, ACTIVATION_FAILED, ACTIVATION_TIMEOUT, or the signal's reason.
   */
  wait(moduleId: string, signal: AbortSignal): AsyncGenerator<ActivationProgress, void, undefined>;
  /** Has a module started without waiting in a request; resolves when it is ready. Throws as `wait` does. */
  wake(moduleId: string): Promise<void>;
  /** Requests that wait for a module now. */
  waiting(moduleId: string): number;
  close(): void;
}

interface SharedActivation {
  readonly waiters: Set<AsyncQueue<ActivationProgress>>;
  readonly controller: AbortController;
  last: ActivationProgress | undefined;
}

/** Creates an activator. */
export function createActivator(options: ActivatorOptions): Activator {
  const running = new Map<string, SharedActivation>();
  const join = (moduleId: string): SharedActivation => {
    const existing = running.get(moduleId);
    if (existing !== undefined) return existing;
    const started: SharedActivation = { waiters: new Set(), controller: new AbortController(), last: undefined };
    running.set(moduleId, started);
    void follow(moduleId, started, options).finally(() => {
      if (running.get(moduleId) === started) running.delete(moduleId);
    });
    return started;
  };
  const leave = (moduleId: string, shared: SharedActivation, queue: AsyncQueue<ActivationProgress>): void => {
    shared.waiters.delete(queue);
    if (shared.waiters.size > 0) return;
    if (running.get(moduleId) === shared) running.delete(moduleId);
    shared.controller.abort(new FrontierError('CANCELLED', 'nobody waits for the module any more'));
  };
  const wait: Activator['wait'] = async function* (moduleId, signal) {
    signal.throwIfAborted();
    if ((running.get(moduleId)?.waiters.size ?? 0) >= options.maxWaiting) throw tooManyWaiting(moduleId, options);
    const shared = join(moduleId);
    const queue = createAsyncQueue<ActivationProgress>();
    shared.waiters.add(queue);
    if (shared.last !== undefined) queue.push(shared.last);
    const onAbort = (): void => {
      queue.end(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      yield* queue;
    } finally {
      signal.removeEventListener('abort', onAbort);
      leave(moduleId, shared, queue);
    }
  };
  return {
    wait,
    async wake(moduleId) {
      // One waiter is enough to keep a start under way.
      if (running.has(moduleId)) return;
      for await (const _progress of wait(moduleId, new AbortController().signal));
    },
    waiting: (moduleId) => running.get(moduleId)?.waiters.size ?? 0,
    close() {
      for (const { controller } of running.values())
        controller.abort(new FrontierError('DRAINING', 'the router is stopping'));
    },
  };
}

/** Follows one start on the loader and tells every waiter. */
async function follow(moduleId: string, shared: SharedActivation, options: ActivatorOptions): Promise<void> {
  const { controller, waiters } = shared;
  const cancelTimeout = options.clock.after(options.timeoutMs, () => {
    const seconds = options.timeoutMs / 1000;
    controller.abort(new FrontierError('ACTIVATION_TIMEOUT', `${moduleId} was not ready after ${seconds} s`));
  });
  try {
    for await (const progress of options.activate(moduleId, controller.signal)) {
      shared.last = progress;
      for (const queue of waiters) queue.push(progress);
    }
    for (const queue of waiters) queue.end();
  } catch (error) {
    const failure: unknown = controller.signal.aborted ? controller.signal.reason : activationFailure(moduleId, error);
    for (const queue of waiters) queue.end(failure);
  } finally {
    cancelTimeout();
  }
}

function activationFailure(moduleId: string, error: unknown): FrontierError {
  if (error instanceof FrontierError && (error.reason === 'ACTIVATION_FAILED' || error.reason === 'ACTIVATION_TIMEOUT'))
    return error;
  return new FrontierError('ACTIVATION_FAILED', `${moduleId} could not be started: ${messageOf(error)}`, {
    cause: error,
  });
}

function tooManyWaiting(moduleId: string, { maxWaiting }: ActivatorOptions): FrontierError {
  return new FrontierError('OVERLOADED', `${maxWaiting} requests wait for ${moduleId} to start already`, {
    retryAfterMs: 1_000,
  });
}
