import { expect, test } from '@jest/globals';
import { checkStorage } from './check-storage.ts';
import { formatPath } from './config-fault.ts';
import { orchestrationFileSchema } from './schema.ts';

function findings(storage: object): string[] {
  const raw = { orchestration: { storage } };
  return checkStorage(orchestrationFileSchema.parse(raw).orchestration, raw).map(
    ({ path, message }) => `${formatPath(path).replace('orchestration.storage.', '')}: ${message}`,
  );
}

const redis = (keys: object): object => ({ type: 'redis', redis: { url: 'redis://h', ...keys } });
const cluster = { nodes: ['h:1'] };
const sentinel = { master: 'm', nodes: ['h:1'] };

test.each<[string, object, string[]]>([
  ['redis without redis', { type: 'redis' }, ['redis: is missing: storage.type "redis" needs one of']],
  ['memory with redis', { redis: { url: 'redis://h' } }, ['redis: has no effect: storage.type is "memory"']],
  ['no server', { type: 'redis', redis: {} }, ['redis: names no server: give one of']],
  ['two at once', redis({ cluster }), ['redis.cluster: cannot be used together with url']],
  [
    'a database of a cluster',
    { type: 'redis', redis: { cluster, database: 1 } },
    ['redis.database: is 1, but a cluster has database 0'],
  ],
  ['a password in the address', redis({ url: 'redis://u:hunter2@h' }), ['redis.url: holds a login; put the user into']],
  ['a database in the address', redis({ url: 'redis://h/2' }), ['redis.url: has a path; put the number into']],
  ['settings in the address', redis({ url: 'redis://h?db=2' }), ['redis.url: has a query;']],
  ['TLS and none', redis({ tls: {} }), ['redis.url: begins with redis://, without TLS']],
  [
    'two passwords',
    redis({ password_env: 'P', password_file: 'f' }),
    ['redis.password_file: cannot be used together with password_env'],
  ],
  ['a user without a password', redis({ username: 'u' }), ['redis.username: has no effect without password_env']],
  [
    "a sentinel's user without a password",
    { type: 'redis', redis: { sentinel: { ...sentinel, username: 'u' } } },
    ['redis.sentinel.username: has no effect without'],
  ],
  ['half of a certificate', redis({ url: 'rediss://h', tls: { cert: 'c' } }), ['redis.tls.cert: has no effect alone']],
  ['one server', redis({ database: 2, username: 'u', password_env: 'P' }), []],
  ['sentinels with TLS', { type: 'redis', redis: { sentinel, tls: { ca: 'c', cert: 'c', key: 'k' } } }, []],
  ['a cluster', { type: 'redis', redis: { cluster } }, []],
])('%s', (_name, storage, expected) => {
  const found = findings(storage);
  expect(found).toEqual(expected.map((start) => expect.stringContaining(start)));
  expect(found.join()).not.toContain('hunter2');
});

test.each([
  { url: 'http://h' },
  { cluster: { nodes: ['h'] } },
  { sentinel: { ...sentinel, nodes: ['user@h:1'] } },
  { url: 'redis://h', password_env: 'my-secret' },
])('%j is refused by its form', (keys) => {
  const { success } = orchestrationFileSchema.safeParse({ orchestration: { storage: { type: 'redis', redis: keys } } });
  expect(success).toBe(false);
});
