import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Removes the oldest log files of a folder, so that `keep` files are left. A folder that is not there has none. */
export function pruneLogs(dir: string, keep: number): void {
  for (const path of filesByAge(dir).slice(0, -keep)) rmSync(path, { force: true });
}

/** Gives a folder's files, oldest first. */
function filesByAge(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
      .map((name) => ({ path: join(dir, name), atMs: statSync(join(dir, name)).mtimeMs }))
      .sort((a, b) => a.atMs - b.atMs)
      .map(({ path }) => path);
  } catch {
    return []; // not there yet, or a file went away meanwhile: the next start prunes again
  }
}
