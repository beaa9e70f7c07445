import type { ModuleMessage } from '../gen/frontier/common/v1/message.ts';
import { isSampled, startCallSpan } from './call-span.ts';
import type { ConcurrencyLimit } from './concurrency-limit.ts';
import type { Drain } from './drain.ts';
import type { CallOrigin, Executor } from './executor.ts';
import type { ReceivedQuery } from './receive.ts';
import { createOutbox } from './outbox.ts';
import type { Outbox } from './outbox.ts';

export interface ExecuteManyOptions {
  readonly executor: Executor;
  readonly limit: ConcurrencyLimit;
  readonly drain: Drain;
  /** Called with the number of queries that have been answered or have failed. */
  readonly onDone: (count: number) => void;
}

export type ExecuteMany = (
  batches: AsyncIterable<readonly ModuleMessage[]>,
  origin: CallOrigin,
) => AsyncGenerator<ModuleMessage[], void, undefined>;

/**
 * Gives the bulk path: queries in batches, results in batches as they finish. At most the limit's places run; nothing more is
 * read while they are taken or while results wait for a slow reader. The hot path of the sidecar: what can be done once a batch
 * is not done for each message.
 */
export function createExecuteMany({ executor, limit, drain, onDone }: ExecuteManyOptions): ExecuteMany {
  const finish = (results: readonly ModuleMessage[], outbox: Outbox<ModuleMessage>): void => {
    onDone(results.length);
    outbox.put(results);
  };

  const runOne = async (received: ReceivedQuery, origin: CallOrigin, outbox: Outbox<ModuleMessage>): Promise<void> => {
    const trace = received.message.header?.trace ?? origin.trace;
    const span = isSampled(trace.traceparent) ? startCallSpan('sidecar.execute', 'server', trace) : undefined;
    let result: ModuleMessage;
    try {
      result = await executor.execute(received, { ...origin, trace: span?.trace ?? trace });
      span?.end();
    } catch (error) {
      result = executor.failure(received.message, error);
      span?.end(error);
    }
    limit.release(1);
    finish([result], outbox);
  };

  const runBatch = async (
    received: readonly ReceivedQuery[],
    origin: CallOrigin,
    outbox: Outbox<ModuleMessage>,
  ): Promise<void> => {
    const spans = received.flatMap(({ message: { header } }) =>
      header?.trace !== undefined && isSampled(header.trace.traceparent)
        ? [startCallSpan('sidecar.execute', 'server', header.trace)]
        : [],
    );
    const results = await executor.batch(received, { ...origin, trace: spans[0]?.trace ?? origin.trace });
    for (const span of spans) span.end();
    limit.release(received.length);
    finish(results, outbox);
  };

  const admit = (messages: readonly ModuleMessage[], outbox: Outbox<ModuleMessage>): readonly ReceivedQuery[] => {
    const good: ReceivedQuery[] = [];
    const bad: ModuleMessage[] = [];
    for (const message of messages) {
      try {
        drain.requireOpen();
        good.push(executor.receive(message));
      } catch (error) {
        bad.push(executor.failure(message, error));
      }
    }
    if (bad.length > 0) {
      onDone(bad.length);
      outbox.put(bad, 'unexpected');
    }
    return good;
  };

  const take = async (
    messages: readonly ModuleMessage[],
    origin: CallOrigin,
    outbox: Outbox<ModuleMessage>,
  ): Promise<void> => {
    const queries = admit(messages, outbox);
    for (let next = 0; next < queries.length;) {
      const places = await limit.acquireUpTo(queries.length - next, origin.signal);
      const chunk = next === 0 && places === queries.length ? queries : queries.slice(next, next + places);
      next += places;
      outbox.expect(chunk.length);
      if (executor.batching) void runBatch(chunk, origin, outbox);
      else for (const query of chunk) void runOne(query, origin, outbox);
    }
  };

  const readAll = async (
    batches: AsyncIterable<readonly ModuleMessage[]>,
    origin: CallOrigin,
    outbox: Outbox<ModuleMessage>,
  ): Promise<void> => {
    try {
      for await (const messages of batches) {
        await take(messages, origin, outbox);
        await outbox.room();
      }
      outbox.end();
    } catch (error) {
      outbox.end(error);
    }
  };

  return async function* executeMany(batches, origin) {
    const outbox = createOutbox<ModuleMessage>({ signal: origin.signal, sizeOf: contentLength });
    // A stream that is open when the drain starts gets its last results, then UNAVAILABLE: what the caller sent
    // afterwards goes elsewhere.
    const onDrain = (): void => {
      outbox.end(drain.started.reason);
    };
    drain.started.addEventListener('abort', onDrain, { once: true });
    try {
      if (drain.started.aborted) onDrain();
      void readAll(batches, origin, outbox);
      yield* outbox.batches();
    } finally {
      drain.started.removeEventListener('abort', onDrain);
    }
  };
}

function contentLength({ payload }: ModuleMessage): number {
  return payload?.$case === 'answer' ? payload.value.content.length : 0;
}
