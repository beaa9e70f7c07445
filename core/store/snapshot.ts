import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { Entries } from './entries.ts';
import type { Json } from './store.ts';

/**
 * Form of a snapshot file. An entry is [key, value, epoch milliseconds at which it ends, or null]; what JSON.parse gave as
 * the value is JSON already.
 */
const snapshotSchema = z.strictObject({
  version: z.literal(1),
  entries: z.array(z.tuple([z.string(), z.unknown(), z.number().nullable()])),
});

/**
 * Writes the entries so that the file is at every moment either the old one or the new one, whole, also after a crash of
 * the machine. Readable by its owner alone.
 */
export async function writeSnapshot(path: string, entries: Entries): Promise<void> {
  const text = JSON.stringify({
    version: 1,
    entries: [...entries].map(([key, { value, expiresAtMs }]) => [key, value, expiresAtMs ?? null]),
  });
  const temporary = `${path}.${randomUUID()}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Gives the entries of a snapshot, none when there is no file. A file that is not a snapshot is set aside under a
 * name ending in `.corrupt` and logged, so that a start never fails on it and nothing is lost.
 */
export async function readSnapshot(path: string, log: Logger): Promise<Entries> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined) return new Map();
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const { entries } = snapshotSchema.parse(JSON.parse(text));
    return new Map(entries.map(([key, value, end]) => [key, { value: value as Json, expiresAtMs: end ?? undefined }]));
  } catch (error) {
    const aside = `${path}.corrupt`;
    await rename(path, aside);
    log.warn({ event: 'snapshot_set_aside', path, aside, cause: messageOf(error) });
    return new Map();
  }
}
