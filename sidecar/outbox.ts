import { toFrontierError } from '../core/errors.ts';

/** Results on their way to a reader, gathered so that those of one moment travel in one message. */
export interface Outbox<T> {
  /** Announces results that will be put, so that the end waits for them. */
  expect(count: number): void;
  /** Puts results, announced ones unless `unexpected`. */
  put(results: readonly T[], kind?: 'unexpected'): void;
  /** Resolves when the reader has taken enough that more may be made. */
  room(): Promise<void>;
  /** Ends after what is expected has come; with an error the reader gets it then. The first call counts. */
  end(error?: unknown): void;
  /** Gives what has been put, a batch at a time, until the end or until the signal aborts. */
  batches(): AsyncGenerator<T[], void, undefined>;
}

export interface OutboxOptions<T> {
  readonly signal: AbortSignal;
  /** Size of a result in the unit of `maxBatchSize`. */
  readonly sizeOf: (result: T) => number;
}

/** Results that may wait for the reader before nothing more is started. */
const MOST_WAITING = 1_024;
const MOST_IN_BATCH = 512;
/** Keeps a batch far below the largest gRPC message, in characters. */
const MAX_BATCH_SIZE = 2 * 1024 * 1024;

/** Gives an empty outbox. */
export function createOutbox<T>({ signal, sizeOf }: OutboxOptions<T>): Outbox<T> {
  let waiting: T[] = [];
  let expected = 0;
  let ending: { readonly error: unknown } | undefined;
  let wakeReader: (() => void) | undefined;
  let wakeWriter: (() => void) | undefined;
  let scheduled = false;

  const wakeBoth = (): void => {
    wakeReader?.();
    wakeWriter?.();
  };
  // Not at once: what else finishes in this turn of the event loop joins the batch.
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      wakeReader?.();
    });
  };
  const takeBatch = (): T[] => {
    const count = countFitting(waiting, sizeOf);
    const batch = count === waiting.length ? waiting : waiting.slice(0, count);
    waiting = count === waiting.length ? [] : waiting.slice(count);
    wakeWriter?.();
    return batch;
  };

  async function* batches(): AsyncGenerator<T[], void, undefined> {
    signal.addEventListener('abort', wakeBoth, { once: true });
    try {
      while (!signal.aborted) {
        if (waiting.length > 0) yield takeBatch();
        else if (ending !== undefined && expected === 0) {
          if (ending.error !== undefined) throw toFrontierError(ending.error);
          return;
        } else await new Promise<void>((resolve) => (wakeReader = resolve));
      }
    } finally {
      signal.removeEventListener('abort', wakeBoth);
    }
  }

  return {
    expect: (count) => {
      expected += count;
    },
    put: (results, kind) => {
      if (kind === undefined) expected -= results.length;
      if (waiting.length === 0) waiting = [...results];
      else for (const result of results) waiting.push(result);
      schedule();
    },
    room: async () => {
      while (waiting.length >= MOST_WAITING && !signal.aborted) {
        await new Promise<void>((resolve) => (wakeWriter = resolve));
      }
    },
    end: (error) => {
      ending ??= { error };
      schedule();
    },
    batches,
  };
}

function countFitting<T>(results: readonly T[], sizeOf: (result: T) => number): number {
  let size = 0;
  let count = 0;
  for (const result of results) {
    size += sizeOf(result);
    if (count > 0 && (count === MOST_IN_BATCH || size > MAX_BATCH_SIZE)) break;
    count++;
  }
  return count;
}
