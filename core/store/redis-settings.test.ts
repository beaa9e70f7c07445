import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { orchestrationFileSchema } from '../config/schema.ts';
import { readRedisSettings, type RedisSettings } from './redis-settings.ts';

let rootDir: string;
beforeAll(() => {
  rootDir = mkdtempSync(join(tmpdir(), 'frontier-redis-'));
  writeFileSync(join(rootDir, 'password'), 'from a file\r\n');
  writeFileSync(join(rootDir, 'empty'), '\n');
  writeFileSync(join(rootDir, 'ca.pem'), 'ROOTS');
});
afterAll(() => {
  rmSync(rootDir, { recursive: true });
});

function settingsOf(redis: object, env: Record<string, string> = {}): RedisSettings {
  const { orchestration } = orchestrationFileSchema.parse({ orchestration: { storage: { type: 'redis', redis } } });
  return readRedisSettings(orchestration.storage.redis!, { env, rootDir });
}

describe('Redis settings', () => {
  test.each([
    ['redis://redis-1', { kind: 'single', node: { host: 'redis-1', port: 6379 } }],
    ['rediss://[::1]:7000', { kind: 'single', node: { host: '::1', port: 7000 } }],
  ])('%s', (url, topology) => {
    expect(settingsOf({ url })).toMatchObject({ topology, tls: url.startsWith('rediss') ? {} : undefined });
  });

  test('sentinels have a login of their own', () => {
    const sentinel = { master: 'main', nodes: ['s1:26379', '[::1]:26380'], password_env: 'SENTINEL' };
    expect(settingsOf({ sentinel, password_file: 'password' }, { SENTINEL: 's' })).toMatchObject({
      topology: {
        kind: 'sentinel',
        nodes: [
          { host: 's1', port: 26379 },
          { host: '::1', port: 26380 },
        ],
        login: { password: 's' },
      },
      login: { password: 'from a file' },
    });
  });

  test('what is told in logs has no secret', () => {
    const settings = settingsOf({ cluster: { nodes: ['a:1', 'b:2'] }, password_env: 'P' }, { P: 'secret' });
    expect(settings.describe).toBe('cluster a:1, b:2');
  });

  test('files are relative to the configuration', () => {
    expect(settingsOf({ url: 'rediss://h', tls: { ca: 'ca.pem', server_name: 'n' } }).tls).toEqual({
      ca: 'ROOTS',
      servername: 'n',
    });
  });

  test.each([
    [{ password_env: 'NOT_SET' }, 'orchestration.storage.redis.password_env: the variable NOT_SET is not set; set it'],
    [{ password_file: 'empty' }, 'orchestration.storage.redis.password_file: empty is empty; put the password into it'],
    [{ password_file: 'none' }, 'orchestration.storage.redis.password_file: none cannot be read'],
    [{ tls: { ca: 'none' } }, 'orchestration.storage.redis.tls.ca: none cannot be read'],
  ])('%j is refused with the key and the way out', (keys, message) => {
    expect(() => settingsOf({ url: 'rediss://h', ...keys })).toThrow(
      expect.objectContaining({ reason: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
    );
  });
});
