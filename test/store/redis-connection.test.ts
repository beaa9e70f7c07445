import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, it } from '@jest/globals';
import { createLogger, type Logger } from '../../core/logging.ts';
import type { Store } from '../../core/store/store.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { describeWith } from '../support/parts.ts';
import { requirePart } from '../support/require-part.ts';
import { startPart } from '../support/process.ts';
import { openRedisStore } from '../support/redis-store.ts';
import { redisCli, startRedis, startRedisCluster, type RunningRedis } from '../support/redis.ts';
import { makeServerCertificate } from '../support/server-certificate.ts';
import { tempFolder } from '../support/temp-folder.ts';

const UNAVAILABLE = { reason: 'STORE_UNAVAILABLE' };
/** Far under the time that a request may take, far over what a refusal on a busy machine needs. */
const QUICK_MS = 500;

/** A log that can be read. */
function keptLog(): { readonly log: Logger; readonly text: () => string; readonly count: (event: string) => number } {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const text = (): string => lines.join('');
  return {
    log: createLogger({ service: 'test', level: 'trace', destination }),
    text,
    count: (event) => text().split(`"event":"${event}"`).length - 1,
  };
}

async function refusedQuickly(store: Store): Promise<void> {
  const startedMs = performance.now();
  await expect(store.get('k')).rejects.toMatchObject(UNAVAILABLE);
  await expect(store.set('k', 1)).rejects.toMatchObject(UNAVAILABLE);
  await expect(store.list('')).rejects.toMatchObject(UNAVAILABLE);
  expect(performance.now() - startedMs).toBeLessThan(QUICK_MS);
}

describeWith('redis', 'a Redis that is away', () => {
  it('refuses every call at once, keeps none for later, and works again when it is back', async () => {
    const redis = await startRedis();
    const { log, count } = keptLog();
    const store = await openRedisStore({ url: redis.url }, {}, log);
    await store.set('k', 1);
    await redis.kill();
    await eventually(() => count('store_lost') === 1);
    await refusedQuickly(store);
    await redis.revive();
    await eventually(() => store.set('back', true).then(() => true), { what: 'the store to be back' });
    expect(await store.list('')).toEqual([{ key: 'back', value: true }]);
    expect([count('store_connected'), count('store_lost')]).toEqual([2, 1]);
  });

  it('at the start is waited for a moment only, and found later', async () => {
    const port = await freePort();
    const { log, count } = keptLog();
    const store = await openRedisStore({ url: `redis://127.0.0.1:${port}` }, {}, log);
    expect(count('store_unreachable')).toBe(1);
    await refusedQuickly(store);
    await startRedis({ port });
    await eventually(() => store.set('k', 1).then(() => true), { what: 'the store to be found' });
  });

  it('and only hangs refuses after command_timeout', async () => {
    const redis = await startRedis();
    const store = await openRedisStore({ url: redis.url, command_timeout: 0.1 });
    redis.part.child.kill('SIGSTOP');
    try {
      await expect(store.get('k')).rejects.toMatchObject(UNAVAILABLE);
    } finally {
      redis.part.child.kill('SIGCONT');
    }
    await eventually(async () => (await store.get('k')) === undefined, { what: 'the store to answer again' });
  });

  it('an entry that Frontier did not write is refused, not misread', async () => {
    const redis = await startRedis();
    const store = await openRedisStore({ url: redis.url });
    await redis.cli('set', 'frontier:foreign', 'no json');
    await redis.cli('lpush', 'frontier:list', 'x');
    await expect(store.get('foreign')).rejects.toMatchObject(UNAVAILABLE);
    await expect(store.get('list')).rejects.toMatchObject(UNAVAILABLE);
  });

  it('a cluster that has lost a master refuses what is kept there, and serves it when it is back', async () => {
    const cluster = await startRedisCluster();
    const store = await openRedisStore({ cluster: { nodes: cluster.addresses }, command_timeout: 0.5 });
    const [first] = cluster.nodes;
    await first!.kill();
    const writes = (): Promise<void>[] => Array.from({ length: 30 }, (_, index) => store.set(`k${index}`, index));
    const results = await Promise.allSettled(writes());
    expect(results.some(({ status }) => status === 'rejected')).toBe(true);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(UNAVAILABLE);
    await expect(store.list('')).rejects.toMatchObject(UNAVAILABLE);
    await first!.revive();
    await eventually(() => Promise.all(writes()), { what: 'the cluster to be whole again' });
    expect(await store.list('k')).toHaveLength(30);
  });
});

describeWith('redis', 'a login', () => {
  const withPassword = (): Promise<RunningRedis> =>
    startRedis({ args: ['--requirepass', 'p4ss w0rd'], cliArgs: ['--no-auth-warning', '-a', 'p4ss w0rd'] });

  it('comes from a variable or a file, and is never logged', async () => {
    const redis = await withPassword();
    const { log, text } = keptLog();
    const byVariable = await openRedisStore({ url: redis.url, password_env: 'SECRET' }, { SECRET: 'p4ss w0rd' }, log);
    const file = join(tempFolder('secret'), 'password');
    writeFileSync(file, 'p4ss w0rd\n');
    const byFile = await openRedisStore({ url: redis.url, password_file: file }, {}, log);
    await byVariable.set('k', 1);
    expect(await byFile.get('k')).toBe(1);
    await redis.kill();
    await eventually(() => text().includes('store_lost'));
    expect(text()).not.toContain('p4ss');
  });

  it('needs no more rights than docs/storage.md says', async () => {
    const redis = await startRedis();
    const rights = ['~frontier:*', '+get', '+set', '+del', '+eval', '+scan', '+info'];
    await redis.cli('acl', 'setuser', 'frontier', 'on', '>pass', ...rights);
    const login = { username: 'frontier', password_env: 'SECRET' };
    const store = await openRedisStore({ url: redis.url, ...login }, { SECRET: 'pass' });
    await store.set('k', 1, { ttlMs: 60_000 });
    expect(await store.increment('k')).toBe(2);
    expect(await store.compareAndSet('k', 2, 3)).toBe(true);
    expect(await store.list('')).toEqual([{ key: 'k', value: 3 }]);
    expect(await store.delete('k')).toBe(true);
  });

  it.each([
    ['missing', {}],
    ['wrong', { password_env: 'SECRET' }],
  ])('that is %s ends the start, naming the keys', async (_name, keys) => {
    const redis = await withPassword();
    const { log, text } = keptLog();
    const opened = openRedisStore({ url: redis.url, ...keys }, { SECRET: 'wr0ng' }, log);
    await expect(opened).rejects.toMatchObject({
      reason: 'CONFIG_INVALID',
      message: expect.stringContaining('password_env'),
    });
    expect(text()).not.toContain('wr0ng');
  });
});

describeWith('redis', 'TLS', () => {
  it('is spoken to a server whose root is trusted, and no other', async () => {
    const { cert, key } = await makeServerCertificate();
    const port = await freePort();
    await startRedis({
      port,
      args: ['--tls-port', String(port), '--port', '0', '--tls-cert-file', cert, '--tls-key-file', key]
        .concat(['--tls-ca-cert-file', cert])
        .concat(['--tls-auth-clients', 'no']),
      cliArgs: ['--tls', '--cacert', cert],
    });
    const url = `rediss://127.0.0.1:${port}`;
    const store = await openRedisStore({ url, tls: { ca: cert } });
    await store.set('k', 1);
    expect(await store.get('k')).toBe(1);
    await expect(openRedisStore({ url })).rejects.toMatchObject({
      reason: 'CONFIG_INVALID',
      message: expect.stringContaining('tls.ca'),
    });
  });
});

describeWith('redis', 'Sentinel', () => {
  it('names the master, also after it has changed', async () => {
    const master = await startRedis();
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    const sentinelPort = await startSentinel(master.port);
    const store = await openRedisStore({ sentinel: { master: 'main', nodes: [`127.0.0.1:${sentinelPort}`] } });
    await store.set('k', 1);
    await eventually(async () => (await replica.cli('exists', 'frontier:k')) === '1', {
      what: 'the replica to follow',
    });
    await master.kill();
    await eventually(() => store.set('k', 2).then(() => true), { timeoutMs: 25_000, what: 'the failover' });
    expect(await replica.cli('get', 'frontier:k')).toBe('2');
  });
});

/** Starts a sentinel that decides alone, as soon as the replica is known to it. */
async function startSentinel(masterPort: number): Promise<number> {
  const port = await freePort();
  const file = join(tempFolder('sentinel'), 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor main 127.0.0.1 ${masterPort} 1`,
    'sentinel down-after-milliseconds main 500',
    'sentinel failover-timeout main 3000',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  await startPart({
    command: requirePart('redis'),
    args: [file, '--sentinel'],
    graceMs: 2_000,
    ready: async () => (await redisCli(port, ['sentinel', 'replicas', 'main'])).includes('127.0.0.1'),
  });
  return port;
}
