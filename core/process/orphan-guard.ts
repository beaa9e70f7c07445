import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Logger } from '../logging.ts';

/**
 * Ends watched process groups when this process dies without warning (SIGKILL, out of memory). One small helper process
 * (guard.ts) holds the other end of an IPC channel and knows the ids; when the channel closes it ends them. The watched
 * programs stay direct children with their own exit codes, and their own children end with them, on every platform.
 */
export interface OrphanGuard {
  /** Watches the process group led by `pid`; call the returned function when it has ended. */
  watch(pid: number): () => void;
  /** Lets go of everything and ends the helper. */
  close(): void;
}

/** Message to the helper: the ids that it is to end when the channel closes. */
export interface GuardMessage {
  readonly pids: readonly number[];
}

/** Gives a guard; its helper is started with the first watched process and again should it have died. */
export function createOrphanGuard({ log }: { readonly log: Logger }): OrphanGuard {
  const pids = new Set<number>();
  let helper: ChildProcess | undefined;

  const start = (): ChildProcess => {
    const child = spawn(process.execPath, [helperPath()], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      detached: process.platform !== 'win32', // a Ctrl-C in the terminal must not end the guard before the guarded
      env: {},
    });
    child.unref();
    child.channel?.unref();
    child.on('error', (error) => {
      log.warn({ event: 'orphan_guard_failed', err: error });
    });
    child.once('exit', () => {
      if (helper === child) helper = undefined;
    });
    return child;
  };
  const tell = (): void => {
    helper ??= start();
    if (helper.connected) helper.send({ pids: [...pids] } satisfies GuardMessage);
  };
  return {
    watch(pid) {
      pids.add(pid);
      tell();
      return () => {
        if (pids.delete(pid) && helper !== undefined) tell();
      };
    },
    close() {
      pids.clear();
      if (helper === undefined) return;
      tell();
      helper.disconnect();
      helper = undefined;
    },
  };
}

/** The helper stands beside this file, as .ts in the sources and .js when built. */
function helperPath(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./guard.${extension}`, import.meta.url));
}
