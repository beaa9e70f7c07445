import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../core/errors.ts';
import { labDir } from '../support/install.ts';

const run = promisify(execFile);
const PIP_TIMEOUT_MS = 240_000;

export type Python = { readonly path: string } | { readonly missing: string };

/** Gives a Python that has the requirements, in an environment that is kept for later runs; or says why there is none. */
export async function pythonWith(requirements: string): Promise<Python> {
  const key = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(labDir(), `venv-grpcio-${key}`);
  const path = join(folder, 'bin', 'python');
  const done = join(folder, '.installed');
  if (existsSync(done)) return { path };
  try {
    await run('python3', ['-m', 'venv', folder], { timeout: PIP_TIMEOUT_MS });
    await run(path, ['-m', 'pip', 'install', '-q', '-r', requirements], { timeout: PIP_TIMEOUT_MS });
    writeFileSync(done, '');
    return { path };
  } catch (error) {
    return { missing: messageOf(error).trim().split('\n').slice(-3).join(' ') };
  }
}
