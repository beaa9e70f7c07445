import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const LOCK_POLL_MS = 200;
const LOCK_WAIT_MS = 900_000;

/** Folder of downloads that all checkouts share: FRONTIER_CACHE_DIR, else ~/.cache/frontier. */
export function cacheDir(env = process.env) {
  return env.FRONTIER_CACHE_DIR || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'frontier');
}

/**
 * Makes `target` (a file or folder) once: `build` fills a temporary folder and names what in it becomes the target, which is
 * then renamed into place, so that an interrupted run never leaves half of it. Gives whether anything had to be made.
 */
export async function makeOnce(target, build) {
  if (existsSync(target)) return false;
  mkdirSync(dirname(target), { recursive: true });
  return withLock(`${target}.lock`, async () => {
    if (existsSync(target)) return false;
    const scratch = mkdtempSync(join(dirname(target), `.${basename(target)}-`));
    try {
      renameSync(await build(scratch), target);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    return true;
  });
}

/** Runs `work` while no other process holds the lock file; a lock whose holder is dead is taken over. */
export async function withLock(path, work, waitMs = LOCK_WAIT_MS) {
  mkdirSync(dirname(path), { recursive: true });
  const deadline = performance.now() + waitMs;
  while (!tryLock(path)) {
    if (performance.now() > deadline) throw new Error(`another run still holds ${path} (process ${readHolder(path)})`);
    await delay(LOCK_POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const holder = readHolder(path);
    if (holder > 0 && !isAlive(holder)) removeStale(path, holder);
    return false;
  }
}

/** Takes a dead holder's lock away; one that somebody else has taken over in between is put back. */
function removeStale(path, holder) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (readHolder(aside) !== holder) linkSync(aside, path);
  } catch {
    // Another process was faster; the next round sees what it left.
  }
  rmSync(aside, { force: true });
}

function readHolder(path) {
  try {
    return Number(readFileSync(path, 'utf8')) || 0;
  } catch {
    return 0;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** SHA-256 in hex over the given texts, told apart from their concatenation. */
export function hashOf(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('hex');
}
