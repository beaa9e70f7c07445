import { expect, test } from '@jest/globals';
import { findApiKey, hashApiKey } from './api-key.ts';

test('the hash is the SHA-256 of the key, as configuration holds it', () => {
  // FIPS 180-2, appendix B.1.
  expect(hashApiKey('abc')).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('a key finds its own entry, in either case of the digits, and any other key none', () => {
  const entries = [
    { id: 'a', hash: hashApiKey('key-a') },
    { id: 'b', hash: `sha256:${hashApiKey('key-b').slice(7).toUpperCase()}` },
    { id: 'broken', hash: 'sha256:' },
  ];
  expect(findApiKey(entries, 'key-a')?.id).toBe('a');
  expect(findApiKey(entries, 'key-b')?.id).toBe('b');
  expect(findApiKey(entries, 'key-c')).toBeUndefined();
  expect(findApiKey(entries, '')).toBeUndefined();
  expect(findApiKey<{ hash: string }>([], 'key-a')).toBeUndefined();
});
