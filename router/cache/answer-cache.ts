import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.ts';
import type { Query } from '../domain/query.ts';
import type { RouteResult } from '../domain/route-result.ts';
import { cacheKeyOf, normalized } from './cache-key.ts';
import type { CachedAnswer } from './cached-answer.ts';
import type { SharedAnswers } from './shared-answers.ts';
import type { CompareTexts, ComparableText } from './compare-texts.ts';

/** Where an answer was found. */
export type CacheLayer = 'exact' | 'similar' | 'shared' | 'collapsed';

export interface CacheHit {
  readonly layer: CacheLayer;
  readonly cached: CachedAnswer;
}

export interface AnswerCacheOptions {
  readonly clock: Clock;
  readonly ttlMs: number;
  readonly maxBytes: number;
  /** What tells that a query may be answered by another's answer; undefined for equal queries alone. */
  readonly similarity: CompareTexts | undefined;
  /** Whether equal queries at the same time are answered by one call. */
  readonly collapse: boolean;
  /** Answers that other routers have stored; undefined for none. */
  readonly shared: SharedAnswers | undefined;
  readonly onLookup: (outcome: CacheLayer | 'miss') => void;
}

/** What a lookup came to: an answer, or leave to make one, which must be told how it went. */
export type Lookup =
  | { readonly hit: CacheHit }
  | {
      readonly hit: undefined;
      /** Takes the result, or undefined when there is none. */ settle(result: RouteResult | undefined): void;
    };

/** Accepted answers of this router, by tenant and query. */
export interface AnswerCache {
  /** `usable` tells whether an answer of a module may be given to this caller. Throws the signal's reason. */
  find(query: Query, tenant: string, signal: AbortSignal, usable: (moduleId: string) => boolean): Promise<Lookup>;
  readonly bytes: number;
  readonly entries: number;
}

interface Entry extends CachedAnswer {
  readonly asked: ComparableText | undefined;
}

/** Most queries of one scope that a query is compared with. */
const MAX_COMPARED = 512;
/** Memory of an entry beside its texts and files, in bytes; about. */
const ENTRY_BYTES = 512;
const NOT_KEPT: Lookup = { hit: undefined, settle: () => undefined };

type Settle = (cached: CachedAnswer | undefined) => void;

/** Creates an empty cache. */
export function createAnswerCache(options: AnswerCacheOptions): AnswerCache {
  const { clock, similarity, shared } = options;
  const scopes = new Map<string, Set<string>>();
  const scopeOf = new Map<string, string>();
  const entries = new LRUCache<string, Entry>({
    maxSize: options.maxBytes,
    sizeCalculation: sizeOf,
    dispose: (_entry, key, reason) => {
      if (reason !== 'set') forget(key);
    },
  });
  const underWay = new Map<string, Promise<CachedAnswer | undefined>>();

  const forget = (key: string): void => {
    const scope = scopeOf.get(key) ?? '';
    scopeOf.delete(key);
    const keys = scopes.get(scope);
    keys?.delete(key);
    if (keys?.size === 0) scopes.delete(scope);
  };
  const put = (scope: string, key: string, asked: ComparableText | undefined, cached: CachedAnswer): void => {
    entries.set(key, { ...cached, asked });
    if (!entries.has(key)) return;
    scopeOf.set(key, scope);
    const keys = scopes.get(scope) ?? new Set();
    scopes.set(scope, keys.add(key));
  };
  const fresh = (key: string): Entry | undefined => {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAtMs > clock.nowMs()) return entry;
    entries.delete(key);
    return undefined;
  };
  const mostSimilar = (
    scope: string,
    asked: ComparableText,
    { bound: least, similarityOf }: CompareTexts,
    usable: (moduleId: string) => boolean,
  ): Entry | undefined => {
    let best: Entry | undefined;
    let bound = least;
    // The newest last: those are compared first.
    const keys = [...(scopes.get(scope) ?? [])].slice(-MAX_COMPARED);
    for (const key of keys) {
      const entry = entries.peek(key);
      if (entry?.asked === undefined || entry.expiresAtMs <= clock.nowMs() || !usable(entry.moduleId)) continue;
      const found = similarityOf(asked, entry.asked);
      if (found < bound) continue;
      best = entry;
      bound = found;
    }
    return best;
  };
  /** Has later queries of the key wait for this one, where they are to; the returned function tells what it brought. */
  const begin = (key: string, keep: (cached: CachedAnswer) => void): Settle => {
    const { promise, resolve } = Promise.withResolvers<CachedAnswer | undefined>();
    const leads = options.collapse && !underWay.has(key);
    if (leads) underWay.set(key, promise);
    return (cached) => {
      if (leads) underWay.delete(key);
      if (cached !== undefined) keep(cached);
      resolve(cached);
    };
  };
  const told = (hit: CacheHit): Lookup => {
    options.onLookup(hit.layer);
    return { hit };
  };

  return {
    async find(query, tenant, signal, usable) {
      if (query.cachePolicy === 'no_store') return NOT_KEPT;
      const { scope, exact } = cacheKeyOf(query, tenant);
      const mayGive = query.cachePolicy === 'use';
      const own = mayGive ? fresh(exact) : undefined;
      if (own !== undefined && usable(own.moduleId)) return told({ layer: 'exact', cached: own });
      const pending = mayGive ? underWay.get(exact) : undefined;
      const made = pending === undefined ? undefined : await orAbort(pending, signal);
      if (made !== undefined && usable(made.moduleId)) return told({ layer: 'collapsed', cached: made });
      let asked: ComparableText | undefined;
      // Before anything else is waited for, so that equal queries wait for this one.
      const settle = begin(exact, (cached) => {
        put(scope, exact, asked, cached);
      });
      if (similarity !== undefined) {
        const prepared = similarity.prepare(normalized(query.text));
        asked = prepared instanceof Promise ? await prepared : prepared;
        const similar = mayGive ? mostSimilar(scope, asked, similarity, usable) : undefined;
        if (similar !== undefined || signal.aborted) settle(undefined);
        signal.throwIfAborted();
        // Not kept under this query's own words: what is similar to it need not be to the other.
        if (similar !== undefined) return told({ layer: 'similar', cached: similar });
      }
      const others = mayGive ? await shared?.get(exact, signal).catch(settledFirst(settle)) : undefined;
      if (others !== undefined && others.expiresAtMs > clock.nowMs() && usable(others.moduleId)) {
        settle(others);
        return told({ layer: 'shared', cached: others });
      }
      options.onLookup('miss');
      return {
        hit: undefined,
        settle(result) {
          const cached = result === undefined ? undefined : cacheable(result, clock.nowMs() + options.ttlMs);
          settle(cached);
          if (cached !== undefined) shared?.set(exact, cached, options.ttlMs);
        },
      };
    },
    get bytes() {
      return entries.calculatedSize;
    },
    get entries() {
      return entries.size;
    },
  };
}

/** Gives a result as it may be given again: only a whole answer that was accepted. */
function cacheable({ answer, moduleId }: RouteResult, expiresAtMs: number): CachedAnswer | undefined {
  const isWhole = answer.finishReason === 'stop' || answer.finishReason === 'unspecified';
  return isWhole && answer.confidence.accepted ? { answer, moduleId, expiresAtMs } : undefined;
}

function sizeOf({ answer, asked }: Entry, key: string): number {
  const files = answer.attachments.reduce(
    (sum, { source }) => sum + (source.kind === 'data' ? source.data.byteLength : source.uri.length * 2),
    0,
  );
  return ENTRY_BYTES + (key.length + answer.content.length) * 2 + files + (asked?.bytes ?? 0);
}

/** Lets those who wait go on before a failure is thrown on. */
function settledFirst(settle: Settle): (error: unknown) => never {
  return (error) => {
    settle(undefined);
    throw error;
  };
}

/** Waits for what another query is about to bring, for as long as this one is wanted. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
