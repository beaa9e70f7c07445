import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['core', 'router', 'sidecar', 'xds-control-plane', 'loader', 'modules', 'cli', 'bench', 'test'];
const present = FOLDERS.filter((folder) => existsSync(join(ROOT, folder)));

/** The checks that need nothing to run: [what holds, program of node_modules/.bin, arguments]. */
const CHECKS: [string, string, string[]][] = [
  ['the types agree', 'tsc', ['-p', '.']],
  ['eslint finds nothing', 'eslint', ['.', '--max-warnings', '0']],
  ['imports follow the rules between folders', 'depcruise', ['--output-type', 'err', ...present]],
  ['the contracts keep the rules of buf', 'buf', ['lint']],
  ['nothing is unused', 'knip', ['--no-progress', '--treat-config-hints-as-errors']],
  ['prettier would change nothing', 'prettier', ['--check', '.']],
];

/** Gives what the program says when it fails, an empty text when it succeeds. */
function complaint(program: string, args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      join(ROOT, 'node_modules', '.bin', program),
      args,
      { cwd: ROOT, maxBuffer: 16 << 20 },
      (error, stdout, stderr) => {
        resolve(error === null ? '' : `${stdout}${stderr}` || error.message);
      },
    );
  });
}

describe('the sources', () => {
  it.each(CHECKS)(
    '%s',
    async (_holds, program, args) => {
      expect(await complaint(program, args)).toBe('');
    },
    300_000,
  );
});
