import { createHash, timingSafeEqual } from 'node:crypto';

const PREFIX = 'sha256:';

/**
 * Gives an API key in the form in which it is stored. A plain hash is enough, because keys are long and random: nothing can be
 * guessed from it that a slow hash would protect.
 */
export function hashApiKey(key: string): string {
  return PREFIX + createHash('sha256').update(key, 'utf8').digest('hex');
}

/**
 * Gives the entry whose hash is that of `key`, or undefined. Every entry is compared, in constant time, so that the time
 * taken tells nothing about the keys that exist.
 */
export function findApiKey<T extends { readonly hash: string }>(entries: readonly T[], key: string): T | undefined {
  const wanted = Buffer.from(hashApiKey(key));
  let found: T | undefined;
  for (const entry of entries) {
    const stored = Buffer.from(entry.hash.toLowerCase());
    if (stored.length === wanted.length && timingSafeEqual(stored, wanted)) found = entry;
  }
  return found;
}
