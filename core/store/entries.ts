import { isDeepStrictEqual } from 'node:util';
import { FrontierError } from '../errors.ts';
import type { Json, StoreEntry, WriteOptions } from './store.ts';

/** An entry as it is held. */
export interface Held {
  readonly value: Json;
  /** Epoch milliseconds at which its life is over; undefined for ever. */
  readonly expiresAtMs: number | undefined;
}

/** The memory store's decisions over a map: no I/O, no clock of its own. Entries are replaced, never edited. */
export type Entries = Map<string, Held>;

/** Tells whether an entry's life is not over yet. */
export function isLive({ expiresAtMs }: Held, nowMs: number): boolean {
  return expiresAtMs === undefined || expiresAtMs > nowMs;
}

export function read(entries: Entries, key: string, nowMs: number): Json | undefined {
  const held = entries.get(key);
  return held !== undefined && isLive(held, nowMs) ? held.value : undefined;
}

export function write(entries: Entries, key: string, value: Json, { ttlMs }: WriteOptions, nowMs: number): void {
  entries.set(key, { value: copyJson(value), expiresAtMs: ttlMs === undefined ? undefined : nowMs + checkTtl(ttlMs) });
}

export function remove(entries: Entries, key: string, nowMs: number): boolean {
  const held = entries.get(key);
  entries.delete(key);
  return held !== undefined && isLive(held, nowMs);
}

export function add(entries: Entries, key: string, by: number, options: WriteOptions, nowMs: number): number {
  const held = entries.get(key);
  const running = held !== undefined && isLive(held, nowMs) ? held : undefined;
  const value = running?.value ?? 0;
  if (typeof value !== 'number' || !Number.isInteger(by) || !Number.isSafeInteger(value + by)) {
    throw new FrontierError('INVALID_FIELD', `"${key}" and what is added to it must be whole numbers with a safe sum`);
  }
  const sum = value + by;
  if (running === undefined) write(entries, key, sum, options, nowMs);
  else entries.set(key, { ...running, value: sum });
  return sum;
}

export function swap(
  entries: Entries,
  key: string,
  expected: Json | undefined,
  next: Json,
  options: WriteOptions,
  nowMs: number,
): boolean {
  if (!isDeepStrictEqual(read(entries, key, nowMs), expected === undefined ? undefined : copyJson(expected))) {
    return false;
  }
  write(entries, key, next, options, nowMs);
  return true;
}

export function withPrefix(entries: Entries, prefix: string, nowMs: number): StoreEntry[] {
  return [...entries]
    .filter(([key, held]) => key.startsWith(prefix) && isLive(held, nowMs))
    .map(([key, { value }]) => ({ key, value }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Takes away what is over, so that keys that are never asked for again do not pile up. */
export function sweep(entries: Entries, nowMs: number): void {
  for (const [key, held] of entries) if (!isLive(held, nowMs)) entries.delete(key);
}

/** Gives the value as JSON would carry it, apart from the caller's own. */
export function copyJson(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** Gives the life if it is one. @throws FrontierError INVALID_FIELD */
export function checkTtl(ttlMs: number): number {
  if (ttlMs > 0 && Number.isFinite(ttlMs)) return ttlMs;
  throw new FrontierError('INVALID_FIELD', 'ttlMs must be above 0 and finite');
}
