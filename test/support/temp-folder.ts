import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onCleanup } from './cleanup.ts';

/** Gives a new empty folder that is taken away when the file's tests have ended, unless FRONTIER_TEST_KEEP is set. */
export function tempFolder(purpose: string): string {
  const folder = mkdtempSync(join(tmpdir(), `frontier-test-${purpose}-`));
  onCleanup(() => {
    if (process.env['FRONTIER_TEST_KEEP'] === undefined)
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    return Promise.resolve();
  });
  return folder;
}
