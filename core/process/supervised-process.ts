import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

import type { Clock } from '../clock.ts';
import { FrontierError, messageOf } from '../errors.ts';
import type { Logger } from '../logging.ts';
import { createLineSplitter } from './line-splitter.ts';
import type { LogFile } from './log-file.ts';
import type { OrphanGuard } from './orphan-guard.ts';
import { signalGroup, sweepGroup } from './process-group.ts';

export type OutputSource = 'stdout' | 'stderr';

export interface ProcessOptions {
  /** Name for people: prefix of output lines, and in logs. */
  readonly name: string;
  /** Program: a path, or a name that is looked up on PATH. */
  readonly command: string;
  readonly args: readonly string[];
  /** Whole environment of the process; never logged. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether the process keeps the contract of core/service/run-service.ts: tells ready by IPC, ends when the channel closes. */
  readonly ipc: boolean;
  readonly log: Logger;
  readonly clock: Clock;
  /** Where output lines are kept; the caller owns and closes it. */
  readonly logFile?: LogFile;
  /** Called with each output line, already prefixed with `[name] `. */
  readonly onLine?: (line: string, source: OutputSource) => void;
  /** Texts that must not show in output lines, e.g. a token handed over in `env`; they are masked. */
  readonly secrets?: readonly string[];
  /** Ends the process when this one dies without warning; for programs that do not watch an IPC channel. */
  readonly guard?: OrphanGuard;
}

export interface ProcessExit {
  /** Exit code; null when a signal ended the process or it never started. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process in a process group of its own, so that what it starts ends with it. */
export interface SupervisedProcess {
  readonly name: string;
  /** Process id; undefined when the process could not be started. */
  readonly pid: number | undefined;
  /**
   * With `ipc`: the ports of its ready message; without: resolves with {} once the program runs. Rejects with
   * DEPENDENCY_MISSING when the program cannot be started, SERVICE_UNAVAILABLE (with the last lines of stderr) when it
   * ends before it is ready.
   */
  readonly ready: Promise<Readonly<Record<string, number>>>;
  /** Resolves when the process has ended and its output has been read; never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Last lines of stderr, oldest first. */
  stderrTail(): readonly string[];
  /** Sends SIGTERM to the process group and SIGKILL after `graceMs`; resolves when the process has ended. */
  stop(graceMs: number): Promise<void>;
}

const STDERR_TAIL_LINES = 20;
/** Longest wait for output after the exit: a stray grandchild may hold the pipe open. */
const OUTPUT_FLUSH_MS = 500;

/**
 * Starts a program. Returns at once; that it could not be started shows in `ready` and `exited`. Throws
 * DEPENDENCY_MISSING for what the system refuses beforehand, e.g. a `cwd` that is a file.
 */
export function startProcess(options: ProcessOptions): SupervisedProcess {
  const { name, clock, log } = options;
  const child = spawnChild(options);
  const pid = child.pid;
  const tail = forwardOutput(child, options);
  const releaseGuard = pid === undefined ? undefined : options.guard?.watch(pid);
  const exited = exitOf(child, clock).then((exit) => {
    releaseGuard?.();
    if (pid !== undefined) log.info({ event: 'process_exited', process: name, pid, ...exit });
    return exit;
  });
  const ready = readyOf(child, options, exited, tail);
  if (pid !== undefined) log.info({ event: 'process_started', process: name, pid });

  return {
    name,
    pid,
    ready,
    exited,
    stderrTail: () => [...tail],
    async stop(graceMs) {
      if (pid !== undefined && child.exitCode === null && child.signalCode === null) signalGroup(pid, 'SIGTERM');
      const cancelKill = clock.after(graceMs, () => {
        if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
        log.warn({ event: 'process_killed', process: name, pid, graceMs });
        signalGroup(pid, 'SIGKILL');
      });
      await exited;
      cancelKill();
    },
  };
}

function spawnChild(options: ProcessOptions): ChildProcess {
  try {
    return spawn(options.command, options.args, {
      cwd: options.cwd,
      env: definedEntries(options.env),
      stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
  } catch (error) {
    throw startFailure(options, error);
  }
}

/** Gives an environment without the variables that are not set. */
export function definedEntries(env: ProcessOptions['env']): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Sends each output line to its receivers; gives the live tail of stderr. */
function forwardOutput(child: ChildProcess, options: ProcessOptions): readonly string[] {
  const tail: string[] = [];
  const secrets = (options.secrets ?? []).filter((secret) => secret.length > 0);
  const forward = (stream: Readable | null, source: OutputSource): void => {
    const splitter = createLineSplitter((raw) => {
      const line = secrets.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), raw);
      if (source === 'stderr') tail.push(line);
      if (tail.length > STDERR_TAIL_LINES) tail.shift();
      options.logFile?.writeLine(`[${options.name}] ${line}`);
      options.onLine?.(`[${options.name}] ${line}`, source);
    });
    stream?.setEncoding('utf8');
    stream?.on('data', splitter.push);
    stream?.on('end', splitter.end);
    // A pipe that breaks ends with the process, whose exit is what we report.
    stream?.on('error', () => undefined);
  };
  forward(child.stdout, 'stdout');
  forward(child.stderr, 'stderr');
  return tail;
}

/** Resolves when the process has ended and, within a bound, its output too. */
function exitOf(child: ChildProcess, clock: Clock): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      if (child.pid !== undefined) sweepGroup(child.pid);
      const finish = (): void => {
        cancel();
        resolve({ code, signal });
      };
      const cancel = clock.after(OUTPUT_FLUSH_MS, finish);
      child.once('close', finish);
    });
    child.on('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
  });
}

function readyOf(
  child: ChildProcess,
  options: ProcessOptions,
  exited: Promise<ProcessExit>,
  tail: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  const ready = new Promise<Readonly<Record<string, number>>>((resolve, reject) => {
    child.once('error', (error) => {
      if (child.pid === undefined) reject(startFailure(options, error));
    });
    if (options.ipc) {
      child.on('message', (message) => {
        const ports = portsOfReady(message);
        if (ports !== undefined) resolve(ports);
      });
    } else
      child.once('spawn', () => {
        resolve({});
      });
    void exited.then((exit) => {
      reject(earlyExit(options.name, exit, tail));
    });
  });
  // Whoever does not wait for `ready` sees the same failure in `exited`.
  ready.catch(() => undefined);
  return ready;
}

/** Gives the ports of a run-service ready message, undefined for any other message. */
function portsOfReady(message: unknown): Readonly<Record<string, number>> | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  if (!('type' in message) || message.type !== 'ready' || !('ports' in message)) return undefined;
  if (typeof message.ports !== 'object' || message.ports === null) return undefined;
  const ports = Object.entries(message.ports).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return Object.fromEntries(ports);
}

/** Says how a process ended, for people, e.g. "ended with code 1: Cannot find module". */
export function describeExit(exit: ProcessExit, stderrTail: readonly string[]): string {
  const how = exit.signal === null ? `ended with code ${String(exit.code)}` : `was ended by ${exit.signal}`;
  const why = stderrTail.join('\n').trim();
  return why === '' ? how : `${how}: ${why}`;
}

function earlyExit(name: string, exit: ProcessExit, tail: readonly string[]): FrontierError {
  return new FrontierError('SERVICE_UNAVAILABLE', `${name} ${describeExit(exit, tail)}`, {
    metadata: { process: name },
  });
}

function startFailure({ name, command, cwd }: ProcessOptions, error: unknown): FrontierError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const fix =
    code === 'ENOENT'
      ? `install it or give its full path, and see that the folder ${cwd} exists`
      : code === 'EACCES'
        ? 'make it executable (chmod +x)'
        : messageOf(error);
  return new FrontierError('DEPENDENCY_MISSING', `cannot start ${name}: "${command}" (${code}); ${fix}`, {
    metadata: { process: name, command },
    cause: error,
  });
}
