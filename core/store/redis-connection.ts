import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { FrontierError, messageOf } from '../errors.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logging.ts';
import { jitter, type Rng } from '../rng.ts';
import type { RedisLogin, RedisSettings } from './redis-settings.ts';

export type RedisClient = Redis | Cluster;

export interface RedisConnectionOptions {
  readonly settings: RedisSettings;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

/** Longest wait at the start for a server that may just be starting, too, in milliseconds. */
const START_PATIENCE_MS = 3_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** A connection that has not answered for so long is given up and made anew, in milliseconds. */
const SILENCE_MS = 5_000;
/** Wait for the other end when a connection is closed, in milliseconds. */
const DISCONNECT_MS = 200;
const RETRY = { initialMs: 50, maxMs: 1_000, jitterFraction: 0.2 } as const;

/** Answers with which Redis refuses who we are: waiting does not help. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR Client sent AUTH|ERR invalid password|ERR DB index)/;
const TLS_REFUSED =
  /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_|ALTNAME|ERR_SSL|ERR_OSSL|wrong version number|packet length too long/;

/**
 * Connects, and waits a moment for it. A server that does not answer is no failure: connecting goes on with growing, jittered
 * delays, and until then every command is refused at once. Connection and loss are logged once each.
 * @throws FrontierError CONFIG_INVALID when the server refuses the login or its certificate is not trusted
 */
export async function connectRedis({ settings, clock, rng, log }: RedisConnectionOptions): Promise<RedisClient> {
  const client = createClient(settings, (attempt) => {
    const delayMs = Math.min(RETRY.maxMs, RETRY.initialMs * 2 ** Math.min(attempt - 1, 10));
    return jitter(delayMs, RETRY.jitterFraction, rng);
  });
  let lastError: unknown;
  let up = false;
  client.on('error', (error: unknown) => {
    lastError = rootOf(error);
  });
  client.on('ready', () => {
    if (!up) log.info({ event: 'store_connected', redis: settings.describe });
    up = true;
  });
  client.on('close', () => {
    if (up) log.warn({ event: 'store_lost', redis: settings.describe, error: messageOf(lastError ?? 'closed') });
    up = false;
  });
  client.connect().catch(() => undefined);
  const deadlineMs = clock.monotonicMs() + START_PATIENCE_MS;
  while (!isUp(client) && clock.monotonicMs() < deadlineMs) {
    const refusal = refusalOf(lastError);
    if (refusal !== undefined) {
      client.disconnect();
      throw new FrontierError('CONFIG_INVALID', refusal);
    }
    await clock.sleep(10);
  }
  if (!isUp(client))
    log.warn({ event: 'store_unreachable', redis: settings.describe, error: messageOf(lastError ?? 'no answer') });
  return client;
}

/** Tells whether commands can be sent now. */
export function isUp(client: RedisClient): boolean {
  return client.status === 'ready';
}

function createClient(settings: RedisSettings, retryStrategy: (attempt: number) => number): RedisClient {
  const { topology, login, database, tls } = settings;
  const common = {
    ...loginOptions(login),
    ...(tls === undefined ? {} : { tls }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    disconnectTimeout: DISCONNECT_MS,
    // A command whose answer was lost may have been done: it fails, and nothing is done twice.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // After a failover the old master is a replica; connecting again finds the new one.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions;
  const own = { ...common, db: database, lazyConnect: true, enableOfflineQueue: false, retryStrategy };
  switch (topology.kind) {
    case 'single':
      return new Redis({ ...own, ...topology.node });
    case 'sentinel':
      return new Redis({
        ...own,
        name: topology.master,
        sentinels: topology.nodes.map((node) => ({ ...node })),
        ...sentinelLoginOptions(topology.login),
        ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
        sentinelRetryStrategy: retryStrategy,
      });
    case 'cluster':
      return new Cluster(
        topology.nodes.map((node) => ({ ...node })),
        {
          lazyConnect: true,
          enableOfflineQueue: false,
          clusterRetryStrategy: retryStrategy,
          // With TLS the name that was given is the one that the certificate has.
          ...(tls === undefined ? {} : { dnsLookup: asGiven }),
          redisOptions: common,
        },
      );
  }
}

function loginOptions({ username, password }: RedisLogin): { username?: string; password?: string } {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

function sentinelLoginOptions({ username, password }: RedisLogin): {
  sentinelUsername?: string;
  sentinelPassword?: string;
} {
  return {
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
  };
}

function asGiven(host: string, callback: (error: null, address: string) => void): void {
  callback(null, host);
}

/** A cluster's failure names that of one of its nodes. */
function rootOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'lastNodeError' in error
    ? (error.lastNodeError ?? error)
    : error;
}

/** Says what to put right when waiting does not help. Carries the server's words, which never hold the password. */
function refusalOf(error: unknown): string | undefined {
  const text = messageOf(error);
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (REFUSED.test(text))
    return `orchestration.storage.redis: Redis refuses the login (${text}); check username, password_env or password_file, and database`;
  if (TLS_REFUSED.test(`${code} ${text}`))
    return `orchestration.storage.redis.tls: no TLS connection can be made (${text}); check tls.ca and tls.server_name, and whether the server speaks TLS`;
  return undefined;
}
