import { Cluster, type Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { FrontierError, messageOf } from '../errors.ts';
import { checkTtl } from './entries.ts';
import { connectRedis, isUp, type RedisClient, type RedisConnectionOptions } from './redis-connection.ts';
import { COMPARE_AND_SET, INCREMENT } from './redis-scripts.ts';
import { canonicalJson, decodeKey, encodeKey, scanPattern } from './redis-values.ts';
import type { Json, Store, StoreEntry, WriteOptions } from './store.ts';

/** Commands that may wait for an answer at the same time; more are refused. */
const MAX_UNANSWERED = 10_000;
/** Keys that one step of a scan looks at. */
const SCAN_COUNT = 1_000;
/** Slots of every cluster (Redis cluster specification). */
const CLUSTER_SLOTS = 16_384;
const CLOSE_PATIENCE_MS = 1_000;

/**
 * Gives a store in Redis: one server, Sentinel or Cluster. Resolves once it is connected, or after a moment without: then
 * every call is refused with STORE_UNAVAILABLE until it is, at once, and none is kept for later. A call whose answer is lost or late
 * is refused, too, and may or may not have been done.
 * @throws FrontierError CONFIG_INVALID when the server refuses the login or its certificate is not trusted
 */
export async function createRedisStore(options: RedisConnectionOptions): Promise<Store> {
  const { settings, clock } = options;
  const client = await connectRedis(options);
  const { run, close } = guard(client, clock, settings.commandTimeoutMs);
  const name = (key: string): string => settings.keyPrefix + encodeKey(key);

  return {
    get: (key) => run(async () => parsed(await client.get(name(key)))),
    set: (key, value, { ttlMs } = {}) =>
      run(async () => {
        const text = canonicalJson(value);
        if (ttlMs === undefined) await client.set(name(key), text);
        else await client.set(name(key), text, 'PX', lifeOf(ttlMs));
      }),
    delete: (key) => run(async () => (await client.del(name(key))) === 1),
    increment: (key, by = 1, writeOptions = {}) =>
      run(async () => {
        const life = lifeText(writeOptions);
        const sum = Number.isInteger(by) ? await client.eval(INCREMENT, 1, name(key), life, String(by)) : null;
        if (typeof sum === 'string') return Number(sum);
        throw new FrontierError(
          'INVALID_FIELD',
          `"${key}" and what is added to it must be whole numbers with a safe sum`,
        );
      }),
    compareAndSet: (key, expected, next, writeOptions = {}) =>
      run(async () => {
        const values = [canonicalJson(next), ...(expected === undefined ? [] : [canonicalJson(expected)])];
        return (await client.eval(COMPARE_AND_SET, 1, name(key), lifeText(writeOptions), ...values)) === 1;
      }),
    list: (prefix) => run(() => listFrom(client, settings.keyPrefix, prefix)),
    close,
  };
}

interface Guard {
  /** Does it if the store is up; everything that goes wrong in Redis becomes STORE_UNAVAILABLE. */
  readonly run: <T>(operation: () => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
}

/** Bounds how long a call takes and how many are unanswered. */
function guard(client: RedisClient, clock: Clock, timeoutMs: number): Guard {
  let unanswered = 0;
  let closing: Promise<void> | undefined;
  const within = <T>(operation: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const cancel = clock.after(timeoutMs, () => {
        reject(unavailable(`Redis has not answered for ${timeoutMs} ms`));
      });
      operation().then(resolve, reject).finally(cancel);
    });
  return {
    async run(operation) {
      if (closing !== undefined) throw unavailable('the store has been closed');
      if (!isUp(client)) throw unavailable('Redis is not connected');
      if (unanswered >= MAX_UNANSWERED) throw unavailable('too many calls wait for Redis');
      unanswered += 1;
      try {
        return await within(operation);
      } catch (error) {
        if (error instanceof FrontierError) throw error;
        throw unavailable(`Redis: ${messageOf(error)}`);
      } finally {
        unanswered -= 1;
      }
    },
    close: () => (closing ??= end(client, clock)),
  };
}

/** Lets answers that are on their way come in, for a moment. */
async function end(client: RedisClient, clock: Clock): Promise<void> {
  const late = new AbortController();
  const patience = clock.sleep(CLOSE_PATIENCE_MS, late.signal).catch(() => undefined);
  if (isUp(client)) {
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    await Promise.race([
      client.quit().then(
        () => ended,
        () => undefined,
      ),
      patience,
    ]);
  }
  late.abort();
  if (client.status !== 'end') client.disconnect();
}

/** What ioredis throws holds the command with its arguments, so only the words are passed on. */
function unavailable(message: string): FrontierError {
  return new FrontierError('STORE_UNAVAILABLE', message);
}

function parsed(text: string | null): Json | undefined {
  return text === null ? undefined : (JSON.parse(text) as Json);
}

/** Redis counts whole milliseconds. */
function lifeOf(ttlMs: number): number {
  return Math.min(Math.ceil(checkTtl(ttlMs)), Number.MAX_SAFE_INTEGER);
}

function lifeText({ ttlMs }: WriteOptions): string {
  return ttlMs === undefined ? '' : String(lifeOf(ttlMs));
}

/** Goes through the keys of every master. What is written meanwhile may or may not be in it. */
async function listFrom(client: RedisClient, keyPrefix: string, prefix: string): Promise<StoreEntry[]> {
  const nodes = client instanceof Cluster ? await allMasters(client) : [client];
  const pattern = scanPattern(keyPrefix, prefix);
  const found = await Promise.all(nodes.map((node) => scan(node, pattern)));
  // A key that moves from node to node meanwhile is found at both.
  const names = [...new Set(found.flat())];
  const entries = await Promise.all(
    names.map(async (name) => ({
      key: decodeKey(name.slice(keyPrefix.length)),
      value: parsed(await client.get(name)),
    })),
  );
  return entries
    .flatMap(({ key, value }) => (value === undefined || !key.startsWith(prefix) ? [] : [{ key, value }]))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** A master that is away drops out of the client's list, and its keys would be missing unnoticed; the slots still name it. */
async function allMasters(cluster: Cluster): Promise<Redis[]> {
  const slots = await cluster.cluster('SLOTS');
  const named = new Set(slots.map(([, , master]) => master?.[2]));
  const covered = slots.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const masters = cluster.nodes('master');
  if (covered < CLUSTER_SLOTS) throw unavailable(`the cluster serves ${covered} of its ${CLUSTER_SLOTS} slots`);
  if (masters.length < named.size)
    throw unavailable(`only ${masters.length} of the cluster's ${named.size} masters can be reached`);
  return masters;
}

async function scan(node: Redis, pattern: string): Promise<string[]> {
  const names: string[] = [];
  let cursor = '0';
  do {
    const [next, page] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
    names.push(...page);
    cursor = next;
  } while (cursor !== '0');
  return names;
}
