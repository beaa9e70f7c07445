import type { Clock } from '../../../core/clock.ts';
import { messageOf } from '../../../core/errors.ts';
import { describeExit, type SupervisedProcess } from '../../../core/process/supervised-process.ts';
import type { ReplicaEvent, ReplicaHandle, StopOptions } from '../driver.ts';
import { followStatus } from './follow-status.ts';
import type { SidecarClient, SidecarStatus } from './sidecar-client.ts';
import type { GpuMonitor } from './usage/gpu-monitor.ts';
import { watchUsage } from './usage/watch-usage.ts';

/** What a replica consists of while it runs. */
export interface ReplicaParts {
  /** Undefined when the workload runs elsewhere. */
  readonly workload: SupervisedProcess | undefined;
  readonly sidecar: SupervisedProcess;
}

export interface ReplicaRunOptions {
  readonly clock: Clock;
  readonly gpus: GpuMonitor;
  /** Longest time without readiness, from the start or from the loss of health, in milliseconds. */
  readonly readinessMs: number;
  /** Starts workload and sidecar. */
  readonly startParts: () => Promise<ReplicaParts>;
  /** Gives a client of the sidecar on `port`. */
  readonly connect: (port: number) => SidecarClient;
  readonly onEvent: (event: ReplicaEvent) => void;
  /** Called once nothing of the replica runs any more, before its `ended` event. */
  readonly onEnd: () => void;
}

const HOST = '127.0.0.1';
/** Time for a sidecar that has drained, or that never served, to end. */
const SIDECAR_GRACE_MS = 3000;
const WORKLOAD_GRACE_MS = 5000;

/**
 * One run of a replica: workload and sidecar from their start to their end. They live and die together: when one ends,
 * or the replica is not ready in time, both are taken down and `ended` says why.
 */
export class ReplicaRun implements ReplicaHandle {
  readonly #options: ReplicaRunOptions;
  readonly #over = new AbortController();
  #parts: ReplicaParts | undefined;
  #client: SidecarClient | undefined;
  #endpoint: { readonly address: string; readonly port: number } | undefined;
  #cancelReadinessLimit: (() => void) | undefined;
  #starting: Promise<void> | undefined;
  #ending: Promise<void> | undefined;

  constructor(options: ReplicaRunOptions) {
    this.#options = options;
    // Not now: the caller gets no event before it holds this object.
    queueMicrotask(() => {
      this.#starting = this.#start();
    });
  }

  stop({ quietMs, drainMs }: StopOptions): Promise<void> {
    this.#ending ??= this.#drainAndEnd(quietMs, drainMs);
    return this.#ending;
  }

  async #start(): Promise<void> {
    if (this.#ending !== undefined) return;
    const { onEvent, startParts } = this.#options;
    this.#limitReadiness();
    onEvent({ type: 'stage', stage: 'starting the workload' });
    try {
      this.#parts = await startParts();
    } catch (error) {
      this.#fail(messageOf(error));
      return;
    }
    const { workload, sidecar } = this.#parts;
    if (workload !== undefined) {
      this.#failOnExit(workload);
      this.#watchUsage(workload.pid);
    }
    this.#failOnExit(sidecar);
    onEvent({ type: 'stage', stage: 'waiting for the workload to be healthy' });
    sidecar.ready.then(
      (ports) => {
        this.#follow(ports['grpc']);
      },
      (error: unknown) => {
        this.#fail(messageOf(error));
      },
    );
  }

  #failOnExit(part: SupervisedProcess): void {
    // A program that could not be started says so in `ready`, with the fix.
    part.ready.catch((error: unknown) => {
      this.#fail(messageOf(error));
    });
    void part.exited.then((exit) => {
      this.#fail(`${part.name} ${describeExit(exit, part.stderrTail())}`);
    });
  }

  #watchUsage(pid: number | undefined): void {
    if (pid === undefined) return;
    const { clock, gpus, onEvent } = this.#options;
    watchUsage({
      pid,
      clock,
      gpus,
      signal: this.#over.signal,
      onUsage: (usage) => {
        onEvent({ type: 'usage', usage });
      },
    });
  }

  #follow(port: number | undefined): void {
    if (this.#ending !== undefined) return;
    if (port === undefined) {
      this.#fail("the sidecar's ready message names no grpc port");
      return;
    }
    this.#endpoint = { address: HOST, port };
    this.#client = this.#options.connect(port);
    const { clock } = this.#options;
    void followStatus({
      sidecar: this.#client,
      clock,
      signal: this.#over.signal,
      onStatus: (status) => {
        this.#onStatus(status);
      },
    });
  }

  #onStatus(status: SidecarStatus): void {
    if (status.phase === 'READY') {
      this.#cancelReadinessLimit?.();
      this.#cancelReadinessLimit = undefined;
    } else this.#limitReadiness();
    this.#options.onEvent({ type: 'status', endpoint: this.#endpoint, ...status });
  }

  /** Begins the time within which the replica must be ready, unless it runs already. */
  #limitReadiness(): void {
    if (this.#ending !== undefined) return;
    const { clock, readinessMs } = this.#options;
    this.#cancelReadinessLimit ??= clock.after(readinessMs, () => {
      const output = [this.#parts?.workload, this.#parts?.sidecar].flatMap((part) => part?.stderrTail() ?? []);
      const why = output.length === 0 ? '' : `: ${output.join('\n')}`;
      this.#fail(`not ready within ${readinessMs / 1000} s (timeouts.readiness)${why}`);
    });
  }

  #fail(reason: string): void {
    this.#ending ??= this.#end(reason);
  }

  async #drainAndEnd(quietMs: number, drainMs: number): Promise<void> {
    const { clock } = this.#options;
    if (this.#client !== undefined) {
      if (quietMs > 0) await clock.sleep(quietMs);
      // A sidecar that cannot be reached has nothing left to finish.
      await this.#client.drain(drainMs).catch(() => undefined);
    }
    await this.#end('stopped');
  }

  /** Ends the sidecar first, so that a workload never goes from under a query. */
  async #end(reason: string): Promise<void> {
    this.#cancelReadinessLimit?.();
    this.#over.abort(new Error(reason));
    this.#client?.close();
    await this.#starting; // what is just being started must end too
    await this.#parts?.sidecar.stop(SIDECAR_GRACE_MS);
    await this.#parts?.workload?.stop(WORKLOAD_GRACE_MS);
    this.#options.onEnd();
    this.#options.onEvent({ type: 'ended', reason });
  }
}
