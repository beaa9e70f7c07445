import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clearTimeout } from 'node:timers';
import { cacheDir, hashOf, withLock } from './cache.mjs';
import { npmCommand, run } from './shell.mjs';

const STAMP = '.frontier-install';

/**
 * What to do about a folder's node_modules: the stamp holds the lockfile's hash once an install has finished, and "busy" while one runs.
 * - no node_modules: install · stamp = hash: nothing · stamp busy: an install was cut off, start afresh · else: install over it
 */
export function installDecision({ present, stamp, hash }) {
  if (!present) return 'install';
  if (stamp === hash) return 'nothing';
  return stamp === 'busy' ? 'reinstall' : 'install';
}

/**
 * Installs the root's packages when they are missing or another lockfile's. Gives whether it did.
 *
 * `npm install --no-save` rather than `npm ci`: it takes the locked versions too, leaves the lockfile alone, and does not
 * refuse when the lockfile misses another platform's optional binaries.
 */
export async function ensurePackages(begin, { root, env }) {
  const lockfile = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const hash = hashOf(lockfile, readFileSync(join(root, 'package.json'), 'utf8'));
  const stampPath = join(root, 'node_modules', STAMP);
  const decide = () =>
    installDecision({ present: existsSync(join(root, 'node_modules')), stamp: readStamp(stampPath), hash });
  if (decide() === 'nothing') return false;
  return withLock(checkoutLock(root, 'packages', env), async () => {
    const decision = decide();
    if (decision === 'nothing') return false;
    begin();
    if (decision === 'reinstall') rmSync(join(root, 'node_modules'), { recursive: true, force: true });
    mkdirSync(join(root, 'node_modules'), { recursive: true });
    writeFileSync(stampPath, 'busy');
    const { command, args } = npmCommand(env);
    await run(command, [...args, 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: root,
      env,
    });
    writeFileSync(stampPath, hash);
    return true;
  });
}

/** Runs modules/install.mjs, which brings the model runtimes; it keeps its own stamp and ends at once when all is there. */
export function ensureModulePackages(begin, { root, nodePath, env }) {
  return withLock(checkoutLock(root, 'modules', env), async () => {
    const quiet = setTimeout(begin, 700);
    try {
      await run(nodePath, [join(root, 'modules', 'install.mjs')], { cwd: root, env });
    } finally {
      clearTimeout(quiet);
    }
  });
}

/** Lock file of one kind of work on one checkout; it stands in the cache so that the checkout stays clean. */
export function checkoutLock(root, kind, env) {
  return join(cacheDir(env), 'locks', `${kind}-${hashOf(root).slice(0, 16)}`);
}

/** The stamp's text; undefined when there is none. */
export function readStamp(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
