import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** A log file of bounded size; several processes' output may share one. */
export interface LogFile {
  readonly path: string;
  /** Appends one line. Never throws: a full disk must not end a service, so writing stops at the first failure. */
  writeLine(line: string): void;
  close(): void;
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Opens `path` for appending, with its folder. When it would grow beyond `maxBytes` it becomes `<path>.1` (in place of
 * an earlier one) and a new file is begun, so that at most twice `maxBytes` are kept. Readable by the owner alone.
 * Writes are synchronous: lines keep their order, need no buffer, and are on disk when a process dies.
 * Throws when the file cannot be opened.
 */
export function openLogFile(path: string, maxBytes = DEFAULT_MAX_BYTES): LogFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const open = (): number => openSync(path, 'a', 0o600);
  let descriptor: number | undefined = open();
  let sizeBytes = fstatSync(descriptor).size;

  const rotate = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
    renameSync(path, `${path}.1`);
    descriptor = open();
    sizeBytes = 0;
  };
  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  return {
    path,
    writeLine(line) {
      if (descriptor === undefined) return;
      const bytes = Buffer.from(`${line}\n`);
      try {
        if (sizeBytes > 0 && sizeBytes + bytes.length > maxBytes) rotate();
        writeSync(descriptor, bytes);
        sizeBytes += bytes.length;
      } catch {
        close();
      }
    },
    close,
  };
}
