import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FrontierError, messageOf } from '../../core/errors.ts';
import { isAlive } from './run-file.ts';

/** A data directory that is this process's until `release`. */
export interface DataDir {
  readonly path: string;
  release(): void;
}

/**
 * Makes the data directory (0700) and takes it for this process.
 * Throws CONFIG_INVALID when it cannot be written, or when another `frontier up` has it.
 */
export function takeDataDir(path: string): DataDir {
  const lock = join(path, 'up.pid');
  try {
    mkdirSync(join(path, 'run'), { recursive: true, mode: 0o700 });
    mkdirSync(join(path, 'logs'), { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
    takeLock(lock, path);
  } catch (error) {
    if (error instanceof FrontierError) throw error;
    throw new FrontierError('CONFIG_INVALID', `the data directory ${path} cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return {
    path,
    release: () => {
      rmSync(lock, { force: true });
    },
  };
}

function takeLock(lock: string, path: string): void {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(readFileSync(lock, 'utf8'));
    if (isOther(holder)) {
      throw new FrontierError(
        'CONFIG_INVALID',
        `another \`frontier up\` (process ${holder}) runs on the data directory ${path}; stop it, or give this one its own with --data-dir and --edge-port`,
        { metadata: { pid: String(holder) } },
      );
    }
    rmSync(lock, { force: true });
  }
  throw new FrontierError('CONFIG_INVALID', `the lock ${lock} is being taken by another process; try again`);
}

/** A number left by a system that was killed may meanwhile be some other program's; Linux tells which. */
function isOther(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1 || pid === process.pid || !isAlive(pid)) return false;
  try {
    return /main\.[tj]s/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return true;
  }
}
