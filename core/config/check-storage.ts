import { isSet } from './draft.ts';
import type { Orchestration } from './schema.ts';
import type { Finding } from './validate.ts';

const REDIS = ['orchestration', 'storage', 'redis'];

type Redis = NonNullable<Orchestration['storage']['redis']>;

/** Gives what is wrong with where state is kept: nothing to connect to, two things at once, a secret in the open. */
export function checkStorage({ storage }: Orchestration, raw: unknown): Finding[] {
  const { type, redis } = storage;
  if (type === 'memory')
    return isSet(raw, REDIS) ? [at([], 'has no effect: storage.type is "memory"; set it to "redis"')] : [];
  if (redis === undefined)
    return [at([], 'is missing: storage.type "redis" needs one of redis.url, redis.sentinel and redis.cluster')];
  return [...checkTopology(redis), ...checkUrl(redis), ...checkLogin(redis), ...checkTls(redis)];
}

function checkTopology({ url, sentinel, cluster, database }: Redis): Finding[] {
  const given = Object.entries({ url, sentinel, cluster }).flatMap(([key, value]) =>
    value === undefined ? [] : [key],
  );
  if (given.length === 0) return [at([], 'names no server: give one of url, sentinel and cluster')];
  const [first = '', second] = given;
  return [
    ...(second === undefined ? [] : [at([second], `cannot be used together with ${first}; keep one of them`)]),
    ...(cluster !== undefined && database !== 0
      ? [at(['database'], `is ${database}, but a cluster has database 0 alone; use key_prefix to keep systems apart`)]
      : []),
  ];
}

/** The messages never repeat the address, which may hold a password. */
function checkUrl({ url, tls }: Redis): Finding[] {
  if (url === undefined) return [];
  const { username, password, pathname, protocol, search } = new URL(url);
  return [
    ...(username !== '' || password !== ''
      ? [
          at(
            ['url'],
            'holds a login; put the user into username, and name the password in password_env or password_file',
          ),
        ]
      : []),
    ...(pathname !== '' && pathname !== '/'
      ? [at(['url'], 'has a path; put the number into storage.redis.database')]
      : []),
    ...(search === '' ? [] : [at(['url'], 'has a query; its settings are keys of storage.redis')]),
    ...(tls !== undefined && protocol === 'redis:'
      ? [at(['url'], 'begins with redis://, without TLS, but storage.redis.tls is set; write rediss://')]
      : []),
  ];
}

function checkLogin(redis: Redis): Finding[] {
  const logins = [
    { path: [], login: redis },
    ...(redis.sentinel === undefined ? [] : [{ path: ['sentinel'], login: redis.sentinel }]),
  ];
  return logins.flatMap(({ path, login: { username, password_env: variable, password_file: file } }) => [
    ...(variable !== undefined && file !== undefined
      ? [at([...path, 'password_file'], 'cannot be used together with password_env; keep one of them')]
      : []),
    ...(username !== undefined && variable === undefined && file === undefined
      ? [at([...path, 'username'], 'has no effect without password_env or password_file')]
      : []),
  ]);
}

function checkTls({ tls }: Redis): Finding[] {
  if (tls === undefined || (tls.cert === undefined) === (tls.key === undefined)) return [];
  const given = tls.cert === undefined ? 'key' : 'cert';
  return [at(['tls', given], 'has no effect alone: a client certificate needs both tls.cert and tls.key')];
}

function at(path: readonly string[], message: string): Finding {
  return { path: [...REDIS, ...path], message };
}
