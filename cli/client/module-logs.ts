import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';

const POLL_MS = 300;

/** How far each log file of a folder has been read, in bytes. */
export type Offsets = Map<string, number>;

/** Gives the last `count` lines over all log files of a folder, oldest file first, and how far they were read. */
export function lastLines(folder: string, count: number): { readonly lines: string[]; readonly offsets: Offsets } {
  const offsets: Offsets = new Map();
  const lines: string[] = [];
  for (const path of logFiles(folder)) {
    const text = readFileSync(path, 'utf8');
    offsets.set(path, Buffer.byteLength(text));
    lines.push(...text.split('\n').filter((line) => line !== ''));
  }
  return { lines: count === 0 ? [] : lines.slice(-count), offsets };
}

export interface FollowOptions {
  readonly folder: string;
  readonly offsets: Offsets;
  readonly print: (line: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Prints what is added to the log files of a folder, new files too, until the signal aborts. */
export async function followLogs({ folder, offsets, print, clock, signal }: FollowOptions): Promise<void> {
  while (!signal.aborted) {
    for (const path of logFiles(folder)) readOn(path, offsets).forEach(print);
    await clock.sleep(POLL_MS, signal).catch(() => undefined);
  }
}

/** Gives the whole lines that a file has got since; a file that shrank was begun anew. */
function readOn(path: string, offsets: Offsets): string[] {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const known = offsets.get(path) ?? 0;
    const from = size < known ? 0 : known;
    const bytes = Buffer.alloc(size - from);
    const read = readSync(descriptor, bytes, 0, bytes.length, from);
    const end = bytes.subarray(0, read).lastIndexOf(0x0a) + 1;
    offsets.set(path, from + end);
    return bytes
      .subarray(0, end)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
  } finally {
    closeSync(descriptor);
  }
}

function logFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .map((name) => join(folder, name))
      .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs);
  } catch {
    return [];
  }
}
