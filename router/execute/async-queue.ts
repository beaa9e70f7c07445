import { toFrontierError } from '../../core/errors.ts';

/** A sequence that one side fills and the other reads; reading waits while it is empty. */
export interface AsyncQueue<T> extends AsyncIterable<T> {
  push(item: T): void;
  /** Ends the sequence after what is in it; with an error, reading then throws it. */
  end(error?: unknown): void;
  /** Takes out what nobody has read. */
  drain(): T[];
}

/** Creates a queue for one reader. It holds what its filler bounds. */
export function createAsyncQueue<T>(): AsyncQueue<T> {
  const items: T[] = [];
  let ended: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  return {
    drain: () => items.splice(0),
    push(item) {
      if (ended !== undefined) return;
      items.push(item);
      notify();
    },
    end(error) {
      ended ??= { error };
      notify();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const item = items.shift();
        if (item !== undefined) yield item;
        else if (ended === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else if (ended.error === undefined) return;
        else throw toFrontierError(ended.error);
      }
    },
  };
}
