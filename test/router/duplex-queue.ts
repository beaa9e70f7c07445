import { createAsyncQueue } from '../../router/execute/async-queue.ts';

/** Gives what is told to a new member of `listeners`, until the signal aborts. */
export async function* duplexQueue<T>(
  listeners: Set<(item: T) => void>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const queue = createAsyncQueue<T>();
  const listen = (item: T): void => {
    queue.push(item);
  };
  listeners.add(listen);
  signal.addEventListener(
    'abort',
    () => {
      queue.end();
    },
    { once: true },
  );
  try {
    yield* queue;
  } finally {
    listeners.delete(listen);
  }
}
