import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../../core/clock.ts';

export interface WatchFileOptions {
  readonly file: string;
  readonly clock: Clock;
  /** Time between two looks, in milliseconds. */
  readonly everyMs?: number;
  /** Given the text at once and after each change; it must not throw. */
  readonly onText: (text: string) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Follows a file's text; the returned function ends that. The file is looked at rather than subscribed to, which sees
 * editors that rename and folders that swap a link alike. Throws if it cannot be read at first.
 */
export function watchFile({ file, clock, everyMs = 200, onText, onError }: WatchFileOptions): () => void {
  const stamp = (): string => {
    const { mtimeMs, ino, size } = statSync(file);
    return `${mtimeMs} ${ino} ${size}`;
  };
  let seen = stamp();
  let text = readFileSync(file, 'utf8');
  onText(text);
  return clock.every(everyMs, () => {
    try {
      const now = stamp();
      if (now === seen) return;
      seen = now;
      const next = readFileSync(file, 'utf8');
      if (next === text) return;
      text = next;
      onText(text);
    } catch (error) {
      onError(error);
    }
  });
}
