import type { Json } from './store.ts';

/**
 * How keys and values are written in Redis. Keys there are bytes and ours are UTF-16 texts, so that what UTF-8 cannot
 * carry (half of a surrogate pair) is escaped, and the escape's own sign with it. Values are canonical JSON: two values
 * are equal exactly when their texts are, which lets a script compare them.
 */

const UNSAFE_IN_KEY = /%|\p{Surrogate}/gu;
const ESCAPED_IN_KEY = /%(?:25|u([0-9A-F]{4}))/g;
const LAST_HALF_PAIR = /[\uD800-\uDBFF]$/;
const GLOB_SIGNS = /[*?[\]\\]/g;

/** Gives the key as UTF-8 can carry it; different keys stay different. */
export function encodeKey(key: string): string {
  return key.replace(UNSAFE_IN_KEY, (sign) =>
    sign === '%' ? '%25' : `%u${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Gives the key that `encodeKey` was given. */
export function decodeKey(encoded: string): string {
  return encoded.replace(ESCAPED_IN_KEY, (_all, hex: string | undefined) =>
    hex === undefined ? '%' : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/**
 * Gives the pattern (SCAN's MATCH) of the keys that start with `prefix`. It may find a few more when the prefix ends within a
 * surrogate pair, so the decoded keys must be compared once more.
 */
export function scanPattern(keyPrefix: string, prefix: string): string {
  const whole = keyPrefix + encodeKey(prefix.replace(LAST_HALF_PAIR, ''));
  return `${whole.replace(GLOB_SIGNS, (sign) => `\\${sign}`)}*`;
}

/** Gives a value as JSON with its keys in order, so that equal values have equal texts. */
export function canonicalJson(value: Json): string {
  return JSON.stringify(JSON.parse(JSON.stringify(value), ordered));
}

/** Reviver that puts an object's keys in order. Numeric keys come first in any object, which is an order, too. */
function ordered(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
