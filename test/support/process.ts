import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { onCleanup } from './cleanup.ts';
import { eventually } from './eventually.ts';

export interface PartOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Added to the test's own environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Wait for SIGTERM to work before SIGKILL, in milliseconds; 10 s when left out. */
  readonly graceMs?: number;
  /** Calls the part ready; tried again and again until it holds. */
  readonly ready?: (part: Part) => boolean | Promise<boolean>;
  /** Longest wait for ready, in milliseconds; 30 s when left out. */
  readonly readyTimeoutMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process of a test. */
export interface Part {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /** SIGTERM, then after the grace SIGKILL; resolves when it has exited. */
  stop(): Promise<void>;
}

/** Starts a program and waits until it is ready; it is stopped at the latest when the file's tests have ended. */
export async function startPart(options: PartOptions): Promise<Part> {
  const { command, args = [], cwd, env = {}, graceMs = 10_000, ready, readyTimeoutMs = 30_000 } = options;
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const started = new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  const gone = new AbortController();
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      gone.abort(new Error(`${command} exited with ${String(code ?? signal)}`));
      resolve({ code, signal });
    });
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  await started;
  const part: Part = {
    pid: child.pid!,
    child,
    exited,
    stdout,
    stderr,
    stop: onCleanup(() => end(child, exited, graceMs)),
  };
  if (ready === undefined) return part;
  try {
    await eventually(() => ready(part), {
      timeoutMs: readyTimeoutMs,
      what: `${command} to be ready`,
      signal: gone.signal,
    });
    return part;
  } catch (error) {
    await part.stop();
    throw new Error(`${String(error)}\n${tail(stdout())}\n${tail(stderr())}`, { cause: error });
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: string[] = [];
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => chunks.push(chunk));
  return () => chunks.join('');
}

function tail(text: string): string {
  return text.split('\n').slice(-40).join('\n');
}

async function end(child: ChildProcess, exited: Promise<Exit>, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(timer);
}
