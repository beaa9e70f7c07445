import { FrontierError, isReason } from '../../../../core/errors.ts';
import { describeExit, type ProcessExit, type SupervisedProcess } from '../../../../core/process/supervised-process.ts';
import type { Notice } from './protocol.ts';

/** A process of the keeper's, as if it were the loader's own. */
export interface RemoteProcess extends SupervisedProcess {
  /** Resolves when it runs. Rejects when it could not be started. */
  readonly started: Promise<void>;
  /** Takes what the keeper tells of it. */
  take(notice: Exclude<Notice, { type: 'hello' }>): void;
}

/** Creates the loader's side of a process; `stop` has the keeper end it. */
export function createRemoteProcess(name: string, stop: (graceMs: number) => void): RemoteProcess {
  const started = Promise.withResolvers<undefined>();
  const ready = Promise.withResolvers<Readonly<Record<string, number>>>();
  const exited = Promise.withResolvers<ProcessExit>();
  // Whoever does not wait for these sees the same failure in `exited`.
  started.promise.catch(() => undefined);
  ready.promise.catch(() => undefined);
  let pid: number | undefined;
  let tail: readonly string[] = [];
  const fail = (error: FrontierError, exit: ProcessExit): void => {
    started.reject(error);
    ready.reject(error);
    exited.resolve(exit);
  };
  return {
    name,
    get pid() {
      return pid;
    },
    started: started.promise,
    ready: ready.promise,
    exited: exited.promise,
    stderrTail: () => tail,
    async stop(graceMs) {
      stop(graceMs);
      await exited.promise;
    },
    take(notice) {
      if (notice.type === 'started') {
        pid = notice.pid;
        started.resolve(undefined);
      } else if (notice.type === 'ready') ready.resolve(notice.ports);
      else if (notice.type === 'refused') {
        const reason = isReason(notice.reason) ? notice.reason : 'INTERNAL';
        fail(new FrontierError(reason, notice.message), { code: null, signal: null });
      } else {
        tail = notice.tail;
        const exit = { code: notice.exit.code, signal: notice.exit.signal as NodeJS.Signals | null };
        const text = `${name} ${describeExit(exit, tail)}`;
        fail(new FrontierError('SERVICE_UNAVAILABLE', text, { metadata: { process: name } }), exit);
      }
    },
  };
}
