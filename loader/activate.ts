import type { Clock } from '../core/clock.ts';
import { FrontierError, toFrontierError } from '../core/errors.ts';
import { readyReplicas, type ModuleView } from '../core/modules/module-view.ts';
import type { LoaderMetrics } from './loader-metrics.ts';
import { activationProgress, type Progress } from './progress.ts';
import type { Reconciler } from './reconciler.ts';

/** How far an activation is. */
export interface ActivationUpdate extends Progress {
  readonly view: ModuleView;
  readonly stage: string;
}

export interface ActivateOptions {
  readonly reconciler: Pick<Reconciler, 'addWaiter' | 'board' | 'view' | 'stage' | 'retryInMs'>;
  readonly clock: Clock;
  readonly metrics: Pick<LoaderMetrics, 'activations'>;
  readonly moduleId: string;
  /** Longest wait in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Longest silence between two updates, in milliseconds. */
const UPDATE_MS = 500;

/**
 * Has a module made ready and tells of the progress, at each change and at least every 500 ms; the last update is the
 * ready one. Throws MODULE_UNKNOWN, MODULE_OVERLOADED, ACTIVATION_FAILED (at once while a backoff runs, with the time to
 * the next try), ACTIVATION_TIMEOUT, or the signal's reason.
 */
export async function* activate(options: ActivateOptions): AsyncGenerator<ActivationUpdate, void, undefined> {
  const { reconciler, metrics, moduleId } = options;
  let outcome = 'CANCELLED';
  const leave = reconciler.addWaiter(moduleId);
  try {
    yield* untilReady(options);
    outcome = 'OK';
  } catch (error) {
    outcome = toFrontierError(error).reason;
    throw error;
  } finally {
    leave();
    metrics.activations.inc({ module: moduleId, outcome });
  }
}

async function* untilReady(options: ActivateOptions): AsyncGenerator<ActivationUpdate, void, undefined> {
  const { reconciler, clock, moduleId, timeoutMs, signal } = options;
  const startedMs = clock.monotonicMs();
  for (;;) {
    const view = reconciler.view(moduleId);
    const update = updateOf(options, view);
    yield update;
    if (update.progress === 1) return;
    const leftMs = timeoutMs - (clock.monotonicMs() - startedMs);
    if (leftMs <= 0) throw timedOut(view, timeoutMs);
    await nextChange(options, view, Math.min(UPDATE_MS, leftMs));
    signal.throwIfAborted();
  }
}

/** Throws when the module cannot become ready. */
function updateOf({ reconciler, clock, moduleId }: ActivateOptions, view: ModuleView): ActivationUpdate {
  const ready = readyReplicas(view).length > 0;
  if (!ready && (view.state === 'FAILED' || view.state === 'QUARANTINED'))
    throw failed(view, reconciler.retryInMs(moduleId));
  if (!ready && view.desiredReplicas === 0) throw failed(view, 0);
  const nowMs = clock.nowMs();
  const startedAtMs = view.state === 'LOADING' ? (view.stateChangedAtMs ?? nowMs) : nowMs;
  const progress = activationProgress({ startedAtMs, nowMs, expectedMs: view.expectedActivationMs, ready });
  return { view, stage: ready ? 'ready' : reconciler.stage(moduleId), ...progress };
}

/** Resolves when the module differs from `view`, after `ms`, or when the signal aborts. */
function nextChange(
  { reconciler, clock, moduleId, signal }: ActivateOptions,
  view: ModuleView,
  ms: number,
): Promise<void> {
  return new Promise((resolve) => {
    const isOver = (): boolean => signal.aborted || reconciler.board.current().get(moduleId) !== view;
    const done = (): void => {
      cancel();
      unsubscribe();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    const unsubscribe = reconciler.board.onChange(() => {
      if (isOver()) done();
    });
    signal.addEventListener('abort', done, { once: true });
    if (isOver()) done();
  });
}

function failed(view: ModuleView, retryAfterMs: number): FrontierError {
  return new FrontierError('ACTIVATION_FAILED', `${view.moduleId} cannot be started: ${view.reason}`, {
    metadata: { module: view.moduleId },
    retryAfterMs,
  });
}

function timedOut(view: ModuleView, timeoutMs: number): FrontierError {
  const text = `${view.moduleId} was not ready within ${Math.round(timeoutMs / 1000)} s (${view.reason})`;
  return new FrontierError('ACTIVATION_TIMEOUT', text, { metadata: { module: view.moduleId }, retryAfterMs: 1000 });
}
