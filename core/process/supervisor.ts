import type { Clock } from '../clock.ts';
import type { Logger } from '../logging.ts';
import type { Rng } from '../rng.ts';
import { DEFAULT_BACKOFF, nextRestart, type BackoffPolicy } from './restart-backoff.ts';
import type { ProcessExit, SupervisedProcess } from './supervised-process.ts';

export interface SupervisorOptions {
  readonly name: string;
  /** Starts the process; called again for each restart, so that e.g. a short-lived join token is minted anew. */
  readonly start: () => SupervisedProcess | Promise<SupervisedProcess>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly backoff?: BackoffPolicy;
  readonly onStart?: (child: SupervisedProcess) => void;
  readonly onReady?: (ports: Readonly<Record<string, number>>, child: SupervisedProcess) => void;
  /** Called at each exit that nobody asked for. */
  readonly onExit?: (exit: ProcessExit, child: SupervisedProcess, restartInMs: number) => void;
}

/** A process that is started again whenever it ends, until `stop`. */
export interface ProcessSupervisor {
  readonly name: string;
  /** The process that runs now; undefined between an exit and the next start, and after `stop`. */
  current(): SupervisedProcess | undefined;
  /** Restarts so far. */
  restarts(): number;
  /** Stops the process and starts it no more; resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
}

/** Starts a process and keeps it running: each exit is followed by a start, after a jittered exponential backoff. */
export function superviseProcess(options: SupervisorOptions): ProcessSupervisor {
  const { name, clock, rng, log, backoff = DEFAULT_BACKOFF } = options;
  const stopping = new AbortController();
  let current: SupervisedProcess | undefined;
  let starts = 0;
  const isStopping = (): boolean => stopping.signal.aborted;

  const launch = async (): Promise<SupervisedProcess> => {
    const starting = options.start();
    const child = starting instanceof Promise ? await starting : starting;
    current = child;
    starts += 1;
    options.onStart?.(child);
    // It was told to stop before there was anything to stop.
    if (isStopping()) void child.stop(0);
    return child;
  };
  const runOnce = async (): Promise<{ exit: ProcessExit; child: SupervisedProcess; uptimeMs: number }> => {
    const startedMs = clock.monotonicMs();
    const child = await launch();
    child.ready.then(
      (ports) => options.onReady?.(ports, child),
      () => undefined, // the exit that follows is what we act on
    );
    const exit = await child.exited;
    current = undefined;
    return { exit, child, uptimeMs: clock.monotonicMs() - startedMs };
  };
  const loop = async (): Promise<void> => {
    let failures = 0;
    while (!isStopping()) {
      const { exit, child, uptimeMs } = await runOnce();
      if (isStopping()) return;
      const next = nextRestart(failures, uptimeMs, backoff, rng);
      failures = next.failures;
      log.warn({ event: 'process_restarts', process: name, failures, ...exit, restartInMs: Math.round(next.delayMs) });
      options.onExit?.(exit, child, next.delayMs);
      await clock.sleep(next.delayMs, stopping.signal).catch(() => undefined);
    }
  };
  const ended = loop();
  // A start that throws (a programming or system fault) ends the loop; stop() tells it to whoever waits.
  ended.catch((error: unknown) => {
    log.error({ event: 'process_supervision_ended', process: name, err: error });
  });
  return {
    name,
    current: () => current,
    restarts: () => Math.max(0, starts - 1),
    async stop(graceMs) {
      stopping.abort(new Error('stopped'));
      await current?.stop(graceMs);
      await ended;
    },
  };
}
