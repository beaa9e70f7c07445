import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadOrCreateJoinKey, mintJoinToken, verifyJoinToken } from './join-token.ts';

const NOW = 1_700_000_000_000;
const ID = 'spiffe://frontier.local/ns/default/module/foundation';

describe('join tokens', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'frontier-join-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });

  test('the key is made once, private, and then kept', () => {
    const key = loadOrCreateJoinKey(dir);
    expect(loadOrCreateJoinKey(dir)).toEqual(key);
    expect(statSync(path.join(dir, 'identity', 'join.key')).mode & 0o777).toBe(0o600);
  });

  test('a damaged key is named, not used', () => {
    loadOrCreateJoinKey(dir);
    writeFileSync(path.join(dir, 'identity', 'join.key'), 'short');
    expect(() => loadOrCreateJoinKey(dir)).toThrow(/join.key is damaged/);
  });

  test('a token proves its id for ten minutes, under its own key only', async () => {
    const key = loadOrCreateJoinKey(dir);
    const token = await mintJoinToken(key, ID, NOW);
    await expect(verifyJoinToken(key, token, NOW + 599_000)).resolves.toBe(ID);
    await expect(verifyJoinToken(key, token, NOW + 601_000)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
    await expect(verifyJoinToken(new Uint8Array(32), token, NOW)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
    await expect(verifyJoinToken(key, 'garbage', NOW)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
  });
});
