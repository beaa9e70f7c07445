import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logging.ts';
import type { EmbeddingFiles } from './embedding-files.ts';
import type { EmbeddingReply, EmbeddingRequest } from './embedding-process.ts';

/** Where embeddings come from at present. */
export type EmbedderState =
  | { readonly state: 'loading' }
  | { readonly state: 'ready' }
  | { readonly state: 'unavailable'; readonly detail: string };

/** What an embedding came to. */
export type EmbedOutcome = 'embedded' | 'late' | 'busy' | 'unavailable';

/** Embeddings of texts, made in a process of their own and kept for a while. */
export interface Embedder {
  /** Gives what is kept; costs nothing. */
  known(text: string): Float32Array | undefined;
  /**
   * Gives a text's embedding, or why there is none: not in time (it is kept when it comes), too many are waited for, or
   * there is no model. Never rejects.
   */
  embed(text: string, budgetMs: number): Promise<Float32Array | Exclude<EmbedOutcome, 'embedded'>>;
  readonly status: EmbedderState;
  /** Resolves when the model is loaded, or cannot be. */
  readonly settled: Promise<void>;
  close(): Promise<void>;
}

export interface EmbedderOptions {
  readonly files: EmbeddingFiles | { readonly missing: string };
  /** Texts whose embeddings are kept. */
  readonly cacheEntries: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Most texts that wait for the process, however fast it is. */
const MAX_WAITING = 16;
/** How much the time of one embedding counts in the mean of all. */
const NEWEST_SHARE = 0.2;
/** Rest before a process that has ended by itself is started again, in milliseconds. */
const RESTART_MS = 5_000;

const UNAVAILABLE = 'unavailable';

interface Waiting {
  readonly text: string;
  readonly startedMs: number;
  readonly promise: Promise<Float32Array | 'unavailable'>;
  readonly resolve: (vector: Float32Array | 'unavailable') => void;
}

/** Starts the process and lets it load the model; nothing waits for it. */
export function createEmbedder({ files, cacheEntries, clock, log }: EmbedderOptions): Embedder {
  const kept = new LRUCache<string, Float32Array>({ max: cacheEntries });
  const waiting = new Map<number, Waiting>();
  const underWay = new Map<string, Waiting>();
  const settled = Promise.withResolvers<undefined>();
  let status: EmbedderState = { state: 'loading' };
  let child: ChildProcess | undefined;
  let lastId = 0;
  let meanMs = 0;
  let freeAtMs = 0;
  let isClosed = false;
  let cancelRestart = (): void => undefined;

  const giveUp = (detail: string): void => {
    status = { state: 'unavailable', detail };
    settled.resolve(undefined);
    for (const { resolve } of waiting.values()) resolve(UNAVAILABLE);
    waiting.clear();
    underWay.clear();
  };
  const take = (id: number): Waiting | undefined => {
    const one = waiting.get(id);
    if (one !== undefined) underWay.delete(one.text);
    waiting.delete(id);
    if (waiting.size === 0) child?.channel?.unref();
    return one;
  };
  const onReply = (reply: EmbeddingReply): void => {
    if ('ready' in reply) {
      status = { state: 'ready' };
      child?.channel?.unref();
      settled.resolve(undefined);
    } else if ('failed' in reply) giveUp(reply.failed);
    else if ('vector' in reply) {
      const one = take(reply.id);
      if (one === undefined) return;
      const nowMs = clock.monotonicMs();
      const tookMs = nowMs - Math.max(freeAtMs, one.startedMs);
      meanMs = meanMs === 0 ? tookMs : meanMs + NEWEST_SHARE * (tookMs - meanMs);
      freeAtMs = nowMs;
      kept.set(one.text, reply.vector);
      one.resolve(reply.vector);
    } else {
      log.warn({ event: 'embedding_failed', error: reply.error });
      take(reply.id)?.resolve(UNAVAILABLE);
    }
  };
  const start = (found: EmbeddingFiles): void => {
    status = { state: 'loading' };
    const file = path.join(import.meta.dirname, `embedding-process${path.extname(import.meta.filename)}`);
    const started = fork(file, [JSON.stringify(found)], { serialization: 'advanced', execArgv: [] });
    // Nobody is kept running by it but those who wait for it.
    started.unref();
    started.on('message', (message) => {
      onReply(message as EmbeddingReply);
    });
    started.on('error', (error) => {
      log.warn({ event: 'embedder_error', error: messageOf(error) });
    });
    started.on('exit', (code, signal) => {
      if (isClosed) return;
      const isFinal = status.state === UNAVAILABLE;
      if (!isFinal) giveUp(`its process ended (${signal ?? `code ${code}`})`);
      if (!isFinal)
        cancelRestart = clock.after(RESTART_MS, () => {
          start(found);
        });
    });
    child = started;
  };

  if ('missing' in files) giveUp(`${files.missing} is missing`);
  else start(files);

  /** A text that would not be done in time is not begun, unless the process is idle. */
  const begin = (text: string, budgetMs: number): Waiting | undefined => {
    const same = underWay.get(text);
    if (same !== undefined) return same;
    const isHopeless = waiting.size > 0 && (waiting.size + 1) * meanMs > budgetMs;
    if (isHopeless || waiting.size >= MAX_WAITING) return undefined;
    lastId += 1;
    const one = { text, startedMs: clock.monotonicMs(), ...Promise.withResolvers<Float32Array | 'unavailable'>() };
    waiting.set(lastId, one);
    underWay.set(text, one);
    child?.channel?.ref();
    child?.send({ id: lastId, text } satisfies EmbeddingRequest, () => undefined);
    return one;
  };

  return {
    known: (text) => kept.get(text),
    async embed(text, budgetMs) {
      const found = kept.get(text);
      if (found !== undefined) return found;
      if (status.state !== 'ready') return UNAVAILABLE;
      const one = begin(text, budgetMs);
      if (one === undefined) return 'busy';
      const late = Promise.withResolvers<'late'>();
      const cancel = clock.after(budgetMs, () => {
        late.resolve('late');
      });
      try {
        return await Promise.race([one.promise, late.promise]);
      } finally {
        cancel();
      }
    },
    get status() {
      return status;
    },
    settled: settled.promise,
    async close() {
      isClosed = true;
      cancelRestart();
      giveUp('closed');
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      child.ref();
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
