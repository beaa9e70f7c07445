import type { Clock } from '../core/clock.ts';
import { FrontierError } from '../core/errors.ts';
import type { ModuleMessage } from '../gen/frontier/common/v1/message.ts';
import { startCallSpan } from './call-span.ts';
import type { ConcurrencyLimit } from './concurrency-limit.ts';
import type { Drain } from './drain.ts';
import type { CallOrigin, Executor } from './executor.ts';
import { withHeartbeat } from './heartbeat.ts';
import type { ReceivedQuery } from './receive.ts';
import { queuePatienceMs } from './stage-limits.ts';

export interface ExecuteOneOptions {
  readonly executor: Executor;
  readonly limit: ConcurrencyLimit;
  readonly drain: Drain;
  /** Called with the number of queries that have been answered or have failed. */
  readonly onDone: (count: number) => void;
  /** Put on each query's span. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/**
 * Waits for a place. A caller who has another module at hand is told soon that this one is busy: what runs here may hang, and
 * then those behind it would wait once for each of them. Throws MODULE_OVERLOADED, or the signal's reason.
 */
async function waitForPlace(limit: ConcurrencyLimit, { signal, patience }: CallOrigin, clock: Clock): Promise<void> {
  const longestMs = queuePatienceMs(patience);
  if (longestMs === undefined) return limit.acquire(signal);
  const late = new AbortController();
  const cancel = clock.after(longestMs, () => {
    const text = `the replica had no place within ${longestMs / 1000} s: try another one`;
    late.abort(new FrontierError('MODULE_OVERLOADED', text, { metadata: { scope: 'replica' } }));
  });
  try {
    await limit.acquire(AbortSignal.any([signal, late.signal]));
  } finally {
    cancel();
  }
}

/** Time without a message after which a sign of life is sent, in milliseconds. */
const HEARTBEAT_MS = 500;

/** Single queries, each within a place of the limit and a span of its own. */
export interface ExecuteOne {
  /** Gives the judged answer. Throws a FrontierError. */
  execute(message: ModuleMessage | undefined, origin: CallOrigin): Promise<ModuleMessage>;
  /** Gives tokens, then the judged answer; in between, signs of life: tokens without text. Throws a FrontierError. */
  stream(message: ModuleMessage | undefined, origin: CallOrigin): AsyncGenerator<ModuleMessage, void, undefined>;
}

interface Started {
  readonly received: ReceivedQuery;
  readonly origin: CallOrigin;
  end(error?: unknown): void;
}

/** Gives the path of single queries. */
export function createExecuteOne({ executor, limit, drain, onDone, attributes, clock }: ExecuteOneOptions): ExecuteOne {
  const start = async (message: ModuleMessage | undefined, origin: CallOrigin): Promise<Started> => {
    try {
      drain.requireOpen();
      const received = executor.receive(message);
      await waitForPlace(limit, origin, clock);
      const span = startCallSpan('sidecar.execute', 'server', origin.trace, attributes);
      return {
        received,
        origin: { ...origin, trace: span.trace },
        end: (error) => {
          limit.release(1);
          onDone(1);
          span.end(error);
        },
      };
    } catch (error) {
      throw executor.recordFailure(error);
    }
  };

  async function* stream(
    message: ModuleMessage | undefined,
    origin: CallOrigin,
  ): AsyncGenerator<ModuleMessage, void, undefined> {
    const call = await start(message, origin);
    let error: unknown;
    try {
      yield* executor.stream(call.received, call.origin);
    } catch (thrown) {
      error = executor.recordFailure(thrown);
      throw error;
    } finally {
      // Also when the reader leaves in the middle.
      call.end(error);
    }
  }

  return {
    execute: async (message, origin) => {
      const call = await start(message, origin);
      try {
        const result = await executor.execute(call.received, call.origin);
        call.end();
        return result;
      } catch (thrown) {
        const error = executor.recordFailure(thrown);
        call.end(error);
        throw error;
      }
    },
    stream: (message, origin) =>
      origin.beats === true
        ? withHeartbeat(stream(message, origin), clock, HEARTBEAT_MS, () => executor.beat(message))
        : stream(message, origin),
  };
}
